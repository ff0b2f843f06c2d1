import os
import time

import pytest

from tarragon.engine.object_tree import ObjectTree
from tarragon.errors import ParameterError

AWKWARD = [
    "a", "a/b", "a/", "a//c", "/x", "../y", "a/../b", "z" * 300 + "/q", "p" * 200 + "m", "p" * 400, "C:", "~~x",
    "%2e%2e/x", "A", "\x01", "é/ü", "a/b/c", "a/b/c/d", "...", ".", "a-b", "a.b", "\U0001f600", "\uffff",
]  # fmt: skip


@pytest.fixture(params=[False, True], ids=["as it is", "ignoring case"])
def tree(tmp_path, request):
    (tmp_path / "data").mkdir()
    return ObjectTree(tmp_path, folded=request.param)


def put(tree, key):
    aside = tree.root / ".aside"
    aside.write_text(key)
    return tree.rename(aside, "data", key)


def listed(tree, least=""):
    return [key.decode() for key, _ in tree.keys("data", least.encode())]


def ordered(keys):
    return sorted(keys, key=str.encode)


@pytest.mark.parametrize("order", [1, -1])
def test_every_key_has_a_place_whichever_came_first(tree, order):
    for key in AWKWARD[::order]:
        put(tree, key)
    for key in AWKWARD:
        assert tree.locate("data", key).read_text() == key
    assert listed(tree) == ordered(AWKWARD)
    for path in map(os.fsdecode, (path for _, path in tree.keys("data"))):
        assert os.path.realpath(path).startswith(str(tree.root.resolve() / "data"))


def test_listing_begins_anywhere(tree):
    for key in AWKWARD:
        put(tree, key)
    for least in [*AWKWARD, "b", "a/b/", "a/b/c/", "p" * 201, "\U0010ffff"]:
        assert listed(tree, least) == ordered(key for key in AWKWARD if key.encode() >= least.encode())


def test_ordinary_keys_are_plain_files(tree, tmp_path):
    put(tree, "a/b.csv")
    assert (tmp_path / "data" / "a" / "b.csv").read_text() == "a/b.csv"


def test_files_put_there_by_hand_are_found(tree, tmp_path):
    (tmp_path / "data" / "By Hand").mkdir()
    (tmp_path / "data" / "By Hand" / "X.csv").write_text("1")
    assert listed(tree) == ["By Hand/X.csv"]
    assert tree.locate("data", "By Hand/X.csv").read_text() == "1"
    put(tree, "By Hand/X.csv")
    assert listed(tree) == ["By Hand/X.csv"]
    assert (tmp_path / "data" / "By Hand" / "X.csv").read_text() == "By Hand/X.csv"


def test_a_remembered_folder_is_read_again_when_it_changed(tree, tmp_path):
    folder = tmp_path / "data" / "many"
    folder.mkdir()
    for number in range(10):
        (folder / f"{number}").write_text("")
    old = time.time() - 10
    os.utime(folder, (old, old))
    assert len(listed(tree)) == 10
    assert len(tree._read) >= 1
    (folder / "new").write_text("")
    (folder / "3").unlink()
    assert listed(tree) == [f"many/{n}" for n in (0, 1, 2, 4, 5, 6, 7, 8, 9)] + ["many/new"]


def test_empty_folders_go_and_the_bucket_stays(tree, tmp_path):
    path = put(tree, "a/b/c")
    path.unlink()
    tree.prune(path.parent)
    assert os.listdir(tmp_path / "data") == []


def test_links_that_lead_out_are_neither_listed_nor_followed(tree, tmp_path, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret").write_text("secret")
    (tmp_path / "data" / "folder").symlink_to(outside)
    (tmp_path / "data" / "file").symlink_to(outside / "secret")
    put(tree, "inside")
    assert listed(tree) == ["inside"]
    for key in ("folder/secret", "file"):
        with pytest.raises(ParameterError, match="leads out"):
            tree.locate("data", key)


def test_the_disk_is_asked_whether_it_minds_case(tmp_path):
    tree = ObjectTree(tmp_path / "new")
    assert tree.folded is (tmp_path / "NEW").exists()
    assert os.listdir(tmp_path / "new") == []


def test_names_that_are_no_text_are_left_out(tree, tmp_path):
    with open(os.fsencode(tmp_path / "data") + b"/\xff\xfe", "wb"):
        pass
    assert listed(tree) == []
