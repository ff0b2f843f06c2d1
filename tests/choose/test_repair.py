"""Repairs change roles and notes, never rows."""

import numpy as np

from tarragon.choose import Finding, repair
from tarragon.data import Role


def finding(fault, columns, action):
    return Finding(fault, "critical", columns, "what", "the evidence", "fix", {}, action)


def roles(table):
    return {c.name: c.role for c in table.columns}


def make(table_of):
    return table_of({"a": np.arange(5.0), "b": np.arange(5.0), "t": np.arange(5), "y": [0, 1, 0, 1, 0]})


def test_leaks_are_set_aside_with_a_reason(table_of):
    table = make(table_of)
    got, notes = repair(table, [finding("leak", ("a",), "dropped"), finding("id_column", ("missing",), "dropped")])
    assert roles(got) == {"a": Role.IGNORED, "b": Role.FEATURE, "t": Role.FEATURE, "y": Role.TARGET}
    assert "gives the target away" in got.columns[0].note
    assert notes == ('"a" was left out: the evidence.',)
    assert got.notes == notes
    assert got.frame is table.frame
    assert roles(table)["a"] is Role.FEATURE


def test_keep_leaks_keeps_leaks_but_not_names(table_of):
    found = [finding("proxy", ("a",), "dropped"), finding("id_column", ("b",), "dropped")]
    got, notes = repair(make(table_of), found, keep_leaks=True)
    assert roles(got)["a"] is Role.FEATURE
    assert roles(got)["b"] is Role.IGNORED
    assert len(notes) == 2


def test_time_split_names_the_clock_once(table_of):
    found = [finding("time_leak", ("t",), "time_split"), finding("time_leak", ("b",), "time_split")]
    got, notes = repair(make(table_of), found)
    assert roles(got)["t"] is Role.TIME
    assert roles(got)["b"] is Role.FEATURE
    assert len(notes) == 1


def test_a_counter_that_is_the_clock_is_not_set_aside(table_of):
    found = [finding("id_column", ("t",), "dropped"), finding("time_leak", ("t",), "time_split")]
    got, _ = repair(make(table_of), found)
    assert roles(got)["t"] is Role.TIME


def test_the_last_feature_stays(table_of):
    got, notes = repair(make(table_of), [finding("leak", ("a", "b", "t"), "dropped")])
    assert [c.name for c in got.features] == ["t"]
    assert "only feature left" in notes[-1]
