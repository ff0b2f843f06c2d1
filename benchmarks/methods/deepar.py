"""DeepAR against GluonTS' and against the last season: quarterly tourism, and hourly electricity with temperature.

Both networks have the same cells, layers, likelihood, context, batch, number of updates and number of draws. The mean
of the weighted quantile losses at 0.1 … 0.9 is compared; lower is better.

    .clients/peers/bin/python benchmarks/methods/deepar.py        # peak memory of a forecast, by number of series
"""

import logging
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.algorithms import SHARED, Line, Measured, timed

from tarragon.algorithms.deepar import DeepAR, losses, withheld
from tarragon.algorithms.protocol import Standalone
from tarragon.data import Series, SeriesSet

BAR = "weighted quantile loss below the last season's, and at most 5 % above GluonTS' DeepAR at equal budget"
LEVELS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
DRAWS = 100
BATCH, BATCHES = 32, 20  # windows per update, updates per epoch
SEASON = "last season"


def tourism() -> tuple[SeriesSet, dict[str, Any]]:
    """Quarterly trips, every second of 304 series, with region, state and purpose as categories."""
    table = pd.read_csv(SHARED / "data/timeseries/tourism_quarterly.csv.gz")
    codes = {name: table[name].astype("category").cat.codes for name in ("state", "purpose")}
    table = table.assign(**{f"{name}_code": code for name, code in codes.items()})
    items = []
    for _, one in list(table.groupby("item_id"))[::2]:
        cat = (int(one["state_code"].iloc[0]), int(one["purpose_code"].iloc[0]))
        items.append(Series(np.datetime64(one["timestamp"].iloc[0], "s"), one["target"].to_numpy(float), cat))
    return SeriesSet(tuple(items)), {"time_freq": "3M", "prediction_length": 8, "context_length": 16, "epochs": 25}


def electricity() -> tuple[SeriesSet, dict[str, Any]]:
    """Hourly demand of fourteen stretches of half a year each, with temperature and holidays, a day to be forecast."""
    table = pd.read_csv(SHARED / "data/timeseries/vic_electricity_hourly.csv.gz")
    values, known = table["target"].to_numpy(float), table[["temperature", "holiday"]].to_numpy(float).T
    stamps = table["timestamp"].to_numpy("M8[s]")
    items = []
    for end in range(len(values) - 14 * 24 * 7, len(values) + 1, 24 * 7 + 24)[:14]:
        start = end - 24 * 180
        items.append(Series(stamps[start], values[start:end], (), known[:, start:end]))
    return SeriesSet(tuple(items)), {"time_freq": "H", "prediction_length": 24, "context_length": 72, "epochs": 25}


def measure(seed: int, threads: int) -> list[Measured]:
    """Measure both cases."""
    found = []
    for name, season, made in (("tourism", 4, tourism), ("electricity", 24 * 7, electricity)):
        data, setting = made()
        horizon = setting["prediction_length"]
        past, actual = withheld(data, horizon)
        seconds, ours = timed(lambda: _ours(past, setting, seed, threads))  # noqa: B023
        peer_seconds, theirs = timed(lambda: _gluonts(past, setting, seed, threads))  # noqa: B023
        naive = np.stack([np.resize(one.target[len(one) - season :], horizon) for one in past])
        scores = [
            float(np.mean(list(losses(actual, drawn, LEVELS)[1].values()))) for drawn in (ours, theirs, naive[:, None])
        ]
        line = (name, "mean wQL", seconds, scores[0])
        found.append(Measured(*line, "gluonts", peer_seconds, scores[1]))
        found.append(Measured(f"{name}, {SEASON}", "mean wQL", seconds, scores[0], SEASON, 0.0, scores[2]))
    return found


def _learnt(past: SeriesSet) -> SeriesSet:
    """Leave out the features of the time to be forecast."""
    return SeriesSet(
        tuple(Series(s.start, s.target, s.cat, None if s.dynamic is None else s.dynamic[:, : len(s)]) for s in past)
    )


def _ours(past: SeriesSet, setting: Mapping[str, Any], seed: int, threads: int) -> np.ndarray:
    epochs = setting["epochs"] * BATCHES * BATCH // (BATCH * max(10, -(-len(past) // BATCH)))
    model = DeepAR(**{**setting, "epochs": epochs}, mini_batch_size=BATCH)
    model.fit(_learnt(past), context=Standalone(seed=seed, threads=threads))
    return model.sample(past, DRAWS, seed)


def _gluonts(past: SeriesSet, setting: Mapping[str, Any], seed: int, threads: int) -> np.ndarray:
    import torch
    from gluonts.dataset.common import ListDataset
    from gluonts.torch import DeepAREstimator
    from lightning.pytorch import seed_everything

    warnings.simplefilter("ignore")
    for name in ("lightning.pytorch", "lightning", "gluonts"):
        logging.getLogger(name).setLevel(logging.ERROR)
    torch.set_num_threads(threads)
    seed_everything(seed, verbose=False)
    freq = {"3M": "Q", "H": "h"}[setting["time_freq"]]

    def listed(series: SeriesSet) -> Any:
        rows = []
        for s in series:
            row = {"start": pd.Timestamp(s.start), "target": s.target}
            if s.cat:
                row["feat_static_cat"] = list(s.cat)
            if s.dynamic is not None:
                row["feat_dynamic_real"] = s.dynamic
            rows.append(row)
        return ListDataset(rows, freq=freq)

    cat = [max(s.cat[k] for s in past) + 1 for k in range(len(past.items[0].cat))]
    estimator = DeepAREstimator(
        freq=freq, prediction_length=setting["prediction_length"], context_length=setting["context_length"],
        num_layers=2, hidden_size=40, dropout_rate=0.1, batch_size=BATCH, num_batches_per_epoch=BATCHES,
        num_feat_static_cat=len(cat), cardinality=cat or None, embedding_dimension=[10] * len(cat) if cat else None,
        num_feat_dynamic_real=past.items[0].n_dynamic, num_parallel_samples=DRAWS,
        trainer_kwargs={
            "max_epochs": setting["epochs"], "accelerator": "cpu", "enable_progress_bar": False, "logger": False,
            "enable_model_summary": False, "enable_checkpointing": True, "default_root_dir": "/tmp/gluonts-deepar",
        },
    )  # fmt: skip
    predictor = estimator.train(listed(_learnt(past)))
    return np.stack([f.samples for f in predictor.predict(listed(past), num_samples=DRAWS)])


def met(lines: Mapping[str, Line]) -> bool:
    """Whether the bar is met."""
    return all(
        line.quality < line.peer_quality if SEASON in case else line.quality <= 1.05 * line.peer_quality
        for case, line in lines.items()
    )


def memory() -> None:
    """Print the peak memory of forecasting 250 and 4,000 series."""
    import subprocess
    import sys

    code = (
        "import resource, sys, numpy as np\n"
        "from tarragon.algorithms.deepar import DeepAR\n"
        "from tarragon.data import Series, SeriesSet\n"
        "y = np.random.default_rng(0).normal(size=(int(sys.argv[1]), 200)) + 5\n"
        "data = SeriesSet(tuple(Series(np.datetime64('2024-01-01', 's'), row) for row in y))\n"
        "model = DeepAR(time_freq='D', prediction_length=7, context_length=14, epochs=1)\n"
        "model.fit(SeriesSet(data.items[:64]))\n"
        "model.sample(data, 100)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)\n"
    )
    for n in (250, 4_000):
        done = subprocess.run([sys.executable, "-c", code, str(n)], capture_output=True, text=True, check=True)
        print(f"{n} series: {done.stdout.strip()} MB")


if __name__ == "__main__":
    memory()
