"""An attempt is written down before it is worked on, comes back after a kill, and becomes a trial."""

from pathlib import Path

import numpy as np
import pytest

from tarragon.choose.protocol import Candidate
from tarragon.data import Fold, Split
from tarragon.engine import write_json
from tarragon.tune.attempt import Attempt, out_of_fold, reopen, to_trial

CANDIDATE = Candidate("knn", {"k": 5}, "dense", "unlike the others", 0.25)
# Four rows, two folds, twice; row 3 is never held out.
VALID = ((0, 1), (2,), (0, 2), (1,))
FOLDS = tuple(Fold(np.setdiff1d(np.arange(4), v), np.array(v)) for v in VALID)
SPLIT = Split(FOLDS, 2, 2, "random", np.array([], dtype=np.int64), 0)


def end_fold(attempt: Attempt, number: int, answers: list[float], **facts: object) -> None:
    """Leave behind what a worker leaves when a fold has ended."""
    folder = attempt.folder / f"fold-{number}"
    folder.mkdir(parents=True)
    np.save(folder / "oof.npy", np.array(answers))
    told = {
        "score": float(number), "train_score": 0.5, "rounds": number, "epochs": 0, "fit_s": 2.0, "predict_ms": 0.1,
        "size_bytes": 10, "stopped": False, "history": [[1, 0.5]],
    }  # fmt: skip
    write_json({**told, **facts}, folder / "record.json")


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    made = Attempt("knn-1", CANDIDATE, "portfolio", tmp_path / "trials" / "000-knn-1")
    made.begin()
    return made


def test_it_comes_back_with_the_folds_that_ended(attempt: Attempt) -> None:
    end_fold(attempt, 2, [1.0, 2.0])
    (attempt.folder / "fold-1").mkdir()  # begun, and killed before its record
    again = reopen(attempt.folder, SPLIT)
    assert again is not None
    assert (again.name, again.candidate, again.origin) == ("knn-1", CANDIDATE, "portfolio")
    assert sorted(again.records) == [2]
    assert not again.complete(4)
    assert reopen(attempt.folder / "fold-1", SPLIT) is None


def test_beginning_again_changes_nothing(attempt: Attempt) -> None:
    before = (attempt.folder / "attempt.json").read_bytes()
    Attempt("other", Candidate("xgboost", {}, "codes", "", 9.0), "search", attempt.folder).begin()
    assert (attempt.folder / "attempt.json").read_bytes() == before


def test_a_row_s_answer_is_the_mean_of_those_it_was_held_out_for(attempt: Attempt) -> None:
    for number, answers in enumerate(([1.0, 2.0], [3.0], [5.0, 7.0], [4.0])):
        end_fold(attempt, number, answers)
    attempt.collect((0, 1, 2, 3))
    np.testing.assert_array_equal(out_of_fold(attempt, SPLIT, (4,)), [3.0, 3.0, 5.0, np.nan])
    assert attempt.complete(4)


def test_seconds_are_expected_until_they_are_measured(attempt: Attempt) -> None:
    assert attempt.fold_seconds() == 0.25
    end_fold(attempt, 0, [0.0, 0.0], fit_s=3.0)
    end_fold(attempt, 1, [0.0], fit_s=1.0)
    attempt.running = {0, 1, 2}
    attempt.collect((0, 1))
    assert attempt.fold_seconds() == 2.0
    assert attempt.running == {2}
    assert attempt.mean_score() == 0.5
    assert attempt.mean_score((1,)) == 1.0


def test_a_trial_says_what_its_folds_said(attempt: Attempt, tmp_path: Path) -> None:
    end_fold(attempt, 3, [4.0])
    end_fold(attempt, 0, [1.0, 2.0], history=[[1, 0.9], [2, 0.7]])
    attempt.collect((0, 1, 3))
    trial = to_trial(attempt, SPLIT, (4,), tmp_path, glass_box=True)
    assert (trial.folds, trial.scores, trial.rounds, trial.complete) == ((0, 3), (0.0, 3.0), (0, 3), False)
    assert trial.paths == ("trials/000-knn-1/fold-0", "trials/000-knn-1/fold-3")
    assert (trial.fit_s, trial.size_bytes, trial.glass_box) == (4.0, 20, True)
    assert trial.history == ((1.0, 0.9), (2.0, 0.7))
    np.testing.assert_array_equal(trial.oof, [1.0, 3.0, np.nan, np.nan])
