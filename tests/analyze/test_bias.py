from dataclasses import replace

import numpy as np

from tarragon.analyze.bias import Group, all_facets, groups, judge, outcomes
from tarragon.analyze.fairness import count
from tarragon.analyze.scores import Wording
from tarragon.analyze.subject import evidence
from tarragon.data import Role


def _facets(subject):
    words = Wording("target", subject.table.classes)
    return all_facets(subject, evidence(subject), words, seed=0, go_on=lambda: True)[0]


def test_the_group_that_is_hurt_is_named_with_its_numbers(binary):
    women = next(f for f in _facets(binary) if f.value == "f")
    assert women.column == "sex"
    metrics = {m.name: m for m in women.metrics}
    answer = binary.oof.argmax(axis=1)
    member = (binary.table.frame["sex"] == "f").to_numpy()
    expected = answer[~member].mean() - answer[member].mean()  # women are disadvantaged by construction
    assert np.isclose(metrics["DPPL"].value, expected)
    assert metrics["DPPL"].low < expected < metrics["DPPL"].high
    assert metrics["DPPL"].flagged
    assert metrics["DI"].flagged
    assert f"answered target = yes less often: {100 * answer[member].mean():.0f} of 100" in women.sentence


def test_intervals_are_as_wide_as_a_bootstrap_of_rows():
    rng = np.random.default_rng(0)
    member, truth = rng.random(800) < 0.3, rng.random(800) < 0.5
    answer = np.where(rng.random(800) < 0.8, truth, ~truth)
    found = {m.name: m for m in judge(Group("c", "v", member), (truth, answer, None), "y = 1").metrics}
    for name in ("DPL", "RD", "AD"):
        draws = []
        for _ in range(300):
            i = rng.integers(0, 800, 800)
            draws.append({m: f for m, f in _values(member[i], truth[i], answer[i]).items()}[name])
        assert 0.85 < (found[name].high - found[name].low) / (3.92 * np.std(draws)) < 1.2


def _values(member, truth, answer):
    from tarragon.analyze.fairness import POST, PRE

    n = count(member, truth, answer)
    return {name: float(f(n)) for name, f in {**PRE, **POST}.items()}


def test_fair_answers_are_not_flagged():
    flagged = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        member, truth = rng.random(500) < 0.4, rng.random(500) < 0.5
        answer = np.where(rng.random(500) < 0.85, truth, ~truth)
        facet = judge(Group("c", "v", member), (truth, answer, None), "y = 1", seed)
        flagged += any(m.flagged for m in facet.metrics)
        if not any(m.flagged for m in facet.metrics):
            assert facet.sentence.startswith("No difference")
    assert flagged <= 12  # nine flagged metrics at 2.5 % a side and past a limit of 0.1, correlated


def test_numbers_are_split_at_the_median_and_values_too(regression):
    columns = tuple(replace(c, sensitive=c.name == "age") for c in regression.table.columns)
    subject = replace(regression, table=replace(regression.table, columns=columns))
    (facet,) = _facets(subject)
    assert facet.value.startswith("> ")
    assert facet.n == 300
    truth, answer, positive = outcomes(subject, evidence(subject), Wording("target"))
    assert truth.sum() == 300
    assert np.array_equal(answer, subject.oof > np.median(subject.table.y))
    assert positive.startswith("target above")


def test_groups_too_small_to_judge_are_left_out(binary):
    frame = binary.table.frame.with_columns(sex=np.array(["f"] * 5 + ["m"] * 300 + ["x"] * 295))
    subject = replace(binary, table=replace(binary.table, frame=frame))
    assert [g.value for g in groups(subject, evidence(subject), "sex")] == ["m", "x"]


def test_a_group_column_adds_the_conditional_metrics(binary):
    columns = tuple(replace(c, role=Role.GROUP) if c.name == "city" else c for c in binary.table.columns)
    facet = _facets(replace(binary, table=replace(binary.table, columns=columns)))[0]
    names = [m.name for m in facet.metrics]
    assert names == sorted(names)
    assert {"CDDL", "CDDPL"} <= set(names)
