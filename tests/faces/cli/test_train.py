import json
import os
import signal

import numpy as np
import pytest

from tarragon.errors import ParameterError
from tarragon.faces.cli import main
from tarragon.faces.cli.train import pairs


@pytest.fixture
def rows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=200), rng.choice(["x", "y"], 200)
    lines = (f"{v:.3f},{w},{'yes' if v > 0 else 'no'}" for v, w in zip(a, b, strict=True))
    (tmp_path / "rows.csv").write_text("a,b,left\n" + "\n".join(lines))
    return tmp_path


def test_a_model_is_fitted_kept_and_asked(rows, capsys):
    assert (
        main.run(["train", "lightgbm", "rows.csv", "-t", "left", "-s", "num_boost_round=5", "-o", "m", "--json"]) == 0
    )
    said = json.loads(capsys.readouterr().out)
    assert (said["algorithm"], said["out"], said["columns"]) == ("lightgbm", "m", ["a", "b"])
    assert main.run(["predict", "m", "rows.csv", "-o", "scored.csv", "--quiet", "--home", "home"]) == 0
    assert (rows / "scored.csv").read_text().splitlines()[0] == "a,b,left,prediction,probability_no,probability_yes"
    capsys.readouterr()
    assert main.run(["train", "lightgbm", "rows.csv", "-t", "left", "-s", "num_boost_round=5", "-o", "m"]) == 2
    assert "already" in capsys.readouterr().err
    assert main.run(["train", "lightgbm", "rows.csv", "-t", "left", "-s", "num_boost_round=5", "-o", "n"]) == 0
    heard = capsys.readouterr()
    assert "LightGBM in" in heard.out
    assert "epoch 1 " in heard.err


def test_files_of_a_channel(rows, capsys):
    (rows / "plain.csv").write_text("\n".join(f"{i % 3},{i},{i % 7}" for i in range(60)))
    given = ["train", "xgboost", "plain.csv", "--content-type", "text/csv", "-s", "num_round=3", "--quiet"]
    assert main.run([*given, "--channel", "validation=plain.csv"]) == 0
    assert capsys.readouterr().out.strip() == "xgboost-model"
    (rows / "ask.csv").write_text("1,2\n3,4\n")
    assert main.run(["predict", "xgboost-model", "ask.csv", "-o", "answers.csv", "--home", "home"]) == 0
    assert len((rows / "answers.csv").read_text().replace(",", "\n").split()) == 2


def test_a_bad_option_is_explained(rows, capsys):
    assert main.run(["train", "lightgbm", "rows.csv", "-t", "left", "-s", "num_leaves"]) == 2
    assert "name=value" in capsys.readouterr().err
    with pytest.raises(ParameterError, match="cannot be read"):
        pairs(["=3"], "--set k=10")
    with pytest.raises(ParameterError, match="--set names k twice"):
        pairs(["k=3", "k=4"], "--set k=10")


def test_the_list_and_a_card(capsys):
    assert main.run(["algorithms", "--quiet"]) == 0
    assert "xgboost" in capsys.readouterr().out.split()
    assert main.run(["algorithms"]) == 0
    assert "when to use it" in capsys.readouterr().out
    assert main.run(["algorithms", "xgboost", "--json"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["avoid"]
    assert {h["wire"] for h in card["hyperparameters"]} >= {"eta", "max_depth"}
    assert main.run(["algorithms", "xgboost"]) == 0
    assert "max_depth" in capsys.readouterr().out
    assert main.run(["algorithms", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["algorithms"]) >= 8
    assert main.run(["algorithms", "xgbost"]) == 2
    assert "xgboost" in capsys.readouterr().err


@pytest.mark.parametrize("width", [80, 200])
def test_a_card_is_readable_at_any_width(capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    assert main.run(["algorithms", "linear-learner"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    page = "\n".join(lines)
    for whole in (
        "binary_classifier_model_selection_criteria",
        "multiclass_classifier",
        "Rows per step: fewer are more",
    ):
        assert whole in page
    assert len(lines) < 200


def test_one_interrupt_ends_with_the_best_so_far_two_leave_nothing(rows, capsys, monkeypatch):
    def press(times):
        """Press Ctrl-C so often when the fit asks whether to go on for the third time."""
        asked = []

        def hear(self):
            asked.append(1)
            for _ in range(times if len(asked) == 3 else 0):
                os.kill(os.getpid(), signal.SIGINT)
            return self.asked()

        monkeypatch.setattr("tarragon.train.native.Notes.stop_asked", hear)

    given = ["train", "lightgbm", "rows.csv", "-t", "left", "-s", "num_boost_round=5000", "-o", "m"]
    before = signal.getsignal(signal.SIGINT)
    press(1)
    assert main.run([*given, "--json"]) == 0
    heard = capsys.readouterr()
    assert json.loads(heard.out)["stopped"] is True
    assert "best so far" in heard.err
    assert (rows / "m").is_dir()
    press(2)
    assert main.run([*given[:-1], "n"]) == 1
    assert "the same command goes on" in capsys.readouterr().err.lower()
    assert sorted(path.name for path in rows.iterdir()) == ["m", "rows.csv"]
    assert signal.getsignal(signal.SIGINT) is before
