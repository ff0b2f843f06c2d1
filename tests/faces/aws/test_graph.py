from hypothesis import given
from hypothesis import strategies as st

from tarragon.faces.aws.graph import Edge, walk

CHAIN = [
    Edge("raw", "prepare", "ContributedTo"), Edge("prepare", "clean", "Produced"), Edge("clean", "train", "Read"),
    Edge("train", "model", "Produced"), Edge("clean", "other"), Edge("model", "endpoint", "AssociatedWith"),
]  # fmt: skip


def test_up_is_what_led_to_it_and_down_what_came_of_it() -> None:
    assert dict(walk(CHAIN, ["train"], "Ascendants").depth) == {"train": 0, "clean": 1, "prepare": 2, "raw": 3}
    assert dict(walk(CHAIN, ["train"], "Descendants").depth) == {"train": 0, "model": 1, "endpoint": 2}


def test_both_ways_leaves_siblings_out() -> None:
    assert set(walk(CHAIN, ["train"]).depth) == {"train", "clean", "prepare", "raw", "model", "endpoint"}


def test_depth_bounds_the_walk_and_edges_are_those_gone_along() -> None:
    walked = walk(CHAIN, ["train"], most=1)
    assert set(walked.depth) == {"train", "clean", "model"}
    assert set(walked.edges) == {CHAIN[2], CHAIN[3]}
    assert walk(CHAIN, ["train"], most=0).edges == ()


def test_circles_end() -> None:
    assert dict(walk([Edge("a", "b"), Edge("b", "a")], ["a"]).depth) == {"a": 0, "b": 1}


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=30), st.integers(0, 8))
def test_descendants_of_a_reversed_graph_are_ascendants(pairs: list[tuple[int, int]], start: int) -> None:
    edges = [Edge(str(a), str(b)) for a, b in pairs]
    back = [Edge(each.destination, each.source) for each in edges]
    assert walk(edges, [str(start)], "Ascendants").depth == walk(back, [str(start)], "Descendants").depth
