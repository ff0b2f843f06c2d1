"""The chain breaks wherever an entry is changed, removed or moved."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarragon.registry.audit import GENESIS, Act, Entry, digest, faults, seal


def chain(n: int) -> list[Entry]:
    entries: list[Entry] = []
    for i in range(1, n + 1):
        act = Act(1e9 + i, "ada", "register", f"churn/{i}", "", "e" * 64)
        entries.append(seal(act, entries[-1] if entries else None))
    return entries


def test_a_whole_chain_has_no_faults() -> None:
    assert faults(chain(5)) == ()
    assert faults([]) == ()


@pytest.mark.parametrize("word", ["who", "action", "subject", "reason", "evidence", "time"])
def test_any_changed_word_is_found(word: str) -> None:
    entries = chain(4)
    changed = replace(entries[1].act, **{word: 7.0 if word == "time" else "something else"})
    entries[1] = replace(entries[1], act=changed)
    assert any("Entry 2" in fault and "changed" in fault for fault in faults(entries))


def test_a_changed_entry_with_a_new_hash_breaks_the_next_one() -> None:
    entries = chain(4)
    entries[1] = seal(replace(entries[1].act, who="eve"), entries[0])
    assert faults(entries) == ("Entry 3 does not follow the entry before it",)


@pytest.mark.parametrize("victim", range(5))
def test_a_removed_entry_is_found(victim: int) -> None:
    entries = chain(6)
    del entries[victim]
    assert any(f"Entry {victim + 1} is missing" in fault for fault in faults(entries))


@given(st.permutations(list(range(5))))
def test_reordered_entries_are_found(order: list[int]) -> None:
    entries = chain(5)
    assert bool(faults([entries[i] for i in order])) == (order != sorted(order))


def test_words_cannot_be_shifted_between_fields() -> None:
    one, other = Act(0, "ab", "c", "", "", ""), Act(0, "a", "bc", "", "", "")
    assert digest(1, GENESIS, one) != digest(1, GENESIS, other)
