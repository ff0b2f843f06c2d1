"""AutoGluon-Tabular's interface over the loop: raw columns in, many methods tried, blended and judged.

What AutoGluon spends, its presets say; here each is a share of time and of what may be tried:

======================  ==========================================================
medium_quality          one minute
good_quality            two minutes
high_quality            four minutes
best_quality            eight minutes
optimize_for_deployment  one minute, and a row answered within ten milliseconds
interpretable           one minute, and a model that can be read as a whole
======================  ==========================================================

``time_limit``, AutoGluon's own word, overrules it. The loop always bags over folds and blends what is better for it:
``num_bag_folds``, ``num_bag_sets``, ``num_stack_levels``, ``auto_stack``, ``refit_full`` and their like are checked and
have nothing left to do. The artifact is this loop's model; TabularPredictor cannot load it.

Source: Erickson et al. (2020), AutoGluon-Tabular, arXiv:2003.06505. The loop is this house's own: docs/house.md.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from tarragon.algorithms import Card, Context, OneOf, Range, Standalone, check, opened, seal
from tarragon.errors import NotFittedError

if TYPE_CHECKING:
    from tarragon.data import Prediction, Source, Table
    from tarragon.refine import TableModel

PRESETS = {
    "medium_quality": 60.0, "good_quality": 120.0, "high_quality": 240.0, "best_quality": 480.0,
    "optimize_for_deployment": 60.0, "interpretable": 60.0,
}  # fmt: skip
OBJECTIVES = {
    "root_mean_squared_error": "rmse", "mean_squared_error": "mse", "mean_absolute_error": "mae", "r2": "r2",
    "mean_absolute_percentage_error": "mape", "roc_auc": "auc", "log_loss": "log_loss", "accuracy": "accuracy",
    "balanced_accuracy": "balanced_accuracy", "f1": "f1", "precision": "precision", "recall": "recall",
}  # fmt: skip
AUTO = {"regression": "rmse", "binary": "auc", "multiclass": "accuracy"}
IDLE = "Checked; the loop always bags and blends."
OFF_ON = (False, True)


@dataclass(eq=False)
class AutoGluon:
    """The loop as one algorithm.

    Attributes
    ----------
    model_ : TableModel
    metric_ : str
        What was optimised, by this house's name.
    standings_ : tuple of (str, float)
        Every trial and its score, best first.
    verdict_ : str
        "SHIP", "REVIEW" or "STOP".
    """

    card: ClassVar[Card] = Card(
        name="autogluon",
        title="AutoGluon-Tabular",
        tasks=frozenset({"binary", "multiclass", "regression"}),
        accepts="table",
        view="codes",
        use="A table and minutes to spend: suitable methods are tried, blended and judged, as `tarragon develop` does.",
        avoid="Seconds to train in, equal bits from equal jobs, or one method that has to be named.",
        interpretability="low",
        growth="Time: what time_limit or the presets give it. Memory: the table, and the models that are blended.",
        source="Erickson et al. (2020), arXiv:2003.06505",
        images=("autogluon-classification-ensemble", "autogluon-regression-ensemble"),
        channels=("training", "validation"),
        answer=("prediction", "probabilities"),
    )

    presets: Annotated[str, OneOf(tuple(PRESETS), about="How much time, and what the model must obey.")] = (
        "medium_quality"
    )
    time_limit: Annotated[float | None, Range(3, float("inf"), about="Seconds; auto: as the presets say.")] = None
    eval_metric: Annotated[
        str, OneOf(("auto", *OBJECTIVES), about="What the best model is best at; auto: by the target.")
    ] = "auto"
    num_bag_folds: Annotated[int, Range(0, 10, about=IDLE)] = 0
    num_bag_sets: Annotated[int, Range(1, 20, about=IDLE)] = 1
    num_stack_levels: Annotated[int, Range(0, 3, about=IDLE)] = 0
    auto_stack: Annotated[bool, OneOf(OFF_ON, about=IDLE)] = False
    refit_full: Annotated[bool, OneOf(OFF_ON, about=IDLE)] = False
    set_best_to_refit_full: Annotated[bool, OneOf(OFF_ON, about=IDLE)] = False
    save_space: Annotated[bool, OneOf(OFF_ON, about=IDLE)] = False
    verbosity: Annotated[int, Range(0, 4, about="Checked; the log says the same at every level.")] = 2

    place: Path | None = field(default=None, init=False, repr=False)
    """Where the loop keeps its own files while it runs; None: where temporary files go."""
    model_: Any = field(default=None, init=False, repr=False)
    metric_: str = field(default="", init=False, repr=False)
    standings_: tuple[tuple[str, float], ...] = field(default=(), init=False, repr=False)
    verdict_: str = field(default="", init=False, repr=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """Raw columns the model reads; () before fit."""
        return self.model_.columns if self.model_ is not None else ()

    def fit(self, data: "Table", *, valid: "Table | None" = None, context: Context | None = None) -> Self:
        """Run the loop; it judges on rows it sets aside itself, so ``valid`` is not used.

        Parameters
        ----------
        data : Table
            Raw columns with a target.

        Raises
        ------
        ParameterError
        DataError
            The table cannot be learned from.
        """
        check(self)
        from tarragon.develop.autogluon import developed

        story = developed(self, data, context or Standalone())
        self.model_, self.metric_, self.verdict_ = story.model, story.board.metric, story.verdict.decision
        self.standings_ = tuple((each.trial, float(each.score)) for each in story.board.standings)
        return self

    def predict(self, data: "Source") -> "Prediction":
        """Answer a path or frame: ``{"score": (n,)}`` or ``{"probability": (n, K)}``.

        Raises
        ------
        NotFittedError, DataError
        """
        model = self._fitted()
        if model.task == "regression":
            return {"score": model.predict(data)}
        return {"probability": model.predict_proba(data)}

    def save(self, folder: Path) -> None:
        """Write the loop's model and the seal. Raises ``NotFittedError``."""
        self._fitted().save(folder)
        facts = {"metric": self.metric_, "standings": [list(each) for each in self.standings_]}
        seal(folder, self, {**facts, "verdict": self.verdict_})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises ``IntegrityError``."""
        from tarragon.refine import TableModel

        made, facts = opened(folder, cls)
        made.model_ = TableModel.load(folder)
        made.metric_, made.verdict_ = facts["metric"], facts["verdict"]
        made.standings_ = tuple((name, score) for name, score in facts["standings"])
        return made

    def _fitted(self) -> "TableModel":
        if self.model_ is None:
            raise NotFittedError(f"{self.card.title} is not fitted", why="fit comes first", fix="Call fit")
        model: TableModel = self.model_
        return model
