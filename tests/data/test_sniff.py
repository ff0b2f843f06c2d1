import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarragon.data.sniff import SEPARATORS, find_encoding, has_header, sniff
from tarragon.errors import DataError


@pytest.mark.parametrize("separator", SEPARATORS)
def test_delimiter_is_found_even_with_commas_in_numbers(separator):
    rows = [["name", "price", "note"], ["tea", "1,5", "a"], ["coffee", "2,75", "b"], ["milk", "0,99", "c"]]
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=separator).writerows(rows)
    found = sniff(buffer.getvalue(), source="t.csv")
    assert (found.separator, found.names) == (separator, ("name", "price", "note"))


def test_one_column_of_sentences_is_not_cut_at_its_commas():
    text = "remark\nWell, yes, no, maybe\nOne\nTwo, three\nPlain words\n"
    assert sniff(text, source="t").names == ("remark",)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([["a", "b"], ["1", "2"], ["3", "4"]], True),
        ([["1", "2"], ["3", "4"]], False),
        ([["text", "label"], ["hello you", "ham"], ["buy now", "spam"]], True),
        ([["ham", "hello"], ["spam", "buy"], ["ham", "hi"]], False),
        ([["city", "2019", "2020"], ["Rome", "17", "18"], ["Oslo", "4", "6"]], True),
        ([["", "x"], ["0", "1.5"], ["1", "2.5"]], True),
        ([["2020-01-01", "5"], ["2020-01-02", "6"]], False),
    ],
)
def test_header_is_told_from_rows(rows, expected):
    assert has_header(rows) is expected


def test_a_known_name_settles_the_header():
    rows = [["ham", "hello"], ["spam", "buy"], ["ham", "hi"]]
    assert has_header(rows, expect=("hello",))


def test_quotes_may_hold_delimiters_and_line_ends():
    found = sniff('a,b\n"x, y","one\ntwo"\n"z","three"\n', source="t")
    assert found.separator == ","
    assert found.names == ("a", "b")


def test_single_quotes_are_recognised():
    assert sniff("a,b\n'x, y',1\n'z',2\n'w, v',3\n", source="t").quote == "'"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"])
def test_encoding_is_found(encoding):
    text = "naïve,façade\n" * 50
    data = text.encode(encoding)
    name, skip = find_encoding(data, "t")
    assert data[skip:].decode(name) == text


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=200))
def test_any_utf8_text_is_read_back(text):
    data = text.encode("utf-8")
    name, skip = find_encoding(data, "t")
    assert data[skip:].decode(name) == text.removeprefix("\ufeff")


def test_binary_bytes_are_refused():
    with pytest.raises(DataError, match="encoding is unreadable"):
        find_encoding(bytes(range(256)) * 20, "t")
    with pytest.raises(DataError, match="control characters"):
        sniff("\x01\x02\x03a" * 100, source="t")


def test_equal_names_are_named():
    with pytest.raises(DataError, match='More than once: "a"'):
        sniff("a,b,a\n1,2,3\n", source="t")


@pytest.mark.parametrize(("text", "what"), [("", "is empty"), ("  \n \n", "is empty"), ("a,b\n", "no rows")])
def test_nothing_to_read_is_an_error(text, what):
    with pytest.raises(DataError, match=what):
        sniff(text, source="t")


def test_texts_longer_than_the_sample_and_headers_longer_than_it(tmp_path):
    from tarragon.data.source import load

    long = 'word, and ""more""\n' * 30_000
    (tmp_path / "long.csv").write_text(f'text,label\n"{long}",a\n"short",b\n')
    assert load(tmp_path / "long.csv").frame["label"].to_list() == ["a", "b"]
    names = [f"a_rather_long_name_of_column_{i}" for i in range(40_000)]
    (tmp_path / "wide.csv").write_text(",".join(names) + "\n" + ",".join("1" * 40_000) + "\n")
    assert load(tmp_path / "wide.csv").frame.shape == (1, 40_000)
