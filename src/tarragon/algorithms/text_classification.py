"""Text classification: an encoder of texts is tuned to classes of your own, as the model hub's TensorFlow models are.

Idea:   an encoder turns a text into a vector in which words are read together; one linear layer answers the class.
Source: Devlin, Chang, Lee & Toutanova (2019), BERT, doi:10.18653/v1/N19-1423 (tuning); Vaswani et al. (2017),
        arXiv:1706.03762 (the encoder).
Cost:   fit O(epochs · texts · words · layers · width²), and words² within a text.

Decisions where the documentation is silent: published encoders of the hub are TensorFlow's and are not read. A
checkpoint of the transformers library is tuned where one is given; without it a small encoder of our own is trained
from nothing, with a warning, and knows no language but that of its texts. The L2 penalty is on the top layer. Early
stopping keeps the best epoch, otherwise the last one stays. "Auto" learns the top layer anew unless a former model of
as many classes goes on. A text is read up to 128 words.
"""

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.artifact import fitted, opened, seal
from tarragon.algorithms.deep import steady, torch_for
from tarragon.algorithms.params import OneOf, Range, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.text_encoder import Encoder, Published, Shape, Small
from tarragon.algorithms.text_training import OPTIMIZERS, Plan, Steps, probabilities, train, whole
from tarragon.algorithms.weights import broken
from tarragon.data import Prediction, Texts
from tarragon.errors import DataError, NotFittedError, ParameterError

TITLE = "Text classification"
FILE, LABELS, WORDS = "model.safetensors", "class_label_to_prediction_index.json", "words.json"
logger = logging.getLogger(__name__)


def _unit(about: str, tune: tuple[float, float] | None = None, *, log: bool = False) -> Range:
    """Declare a number from 0 to 1, as most of the hub's are."""
    return Range(0.0, 1.0, log=log, tune=tune, about=about)


@dataclass(eq=False, kw_only=True)
class TextClassification:
    """Tune an encoder to texts with classes; the declarations below say what each setting does.

    Parameters
    ----------
    pretrained : Path, optional
        Folder of a checkpoint of the transformers library to begin from.
    start : TextClassification, optional
        A former model to go on from.
    shape : Shape
        Of the encoder of our own.

    Attributes
    ----------
    epoch_ : int
        The epoch the weights are of.
    n_classes_ : int
    """

    card: ClassVar[Card] = Card(
        name="text-classification",
        title=TITLE,
        tasks=frozenset({"text-classification"}),
        view="dense",
        accepts="texts",
        use="Meaning that hangs on words together, with some labelled texts and a published encoder to begin from.",
        avoid="Topics of texts, for which BlazingText is far cheaper and, without a published encoder, as good.",
        interpretability="low",
        growth="time linear in epochs × texts, and in the square of a text's length",
        source="Devlin et al. (2019), doi:10.18653/v1/N19-1423",
        channels=("training", "validation", "model"),
        content_types=("text/csv", "application/x-text"),
        metrics=("validation:accuracy",),
        answer=("probabilities", "labels", "predicted_label"),
        extra="deep",
        library="torch",
    )
    epochs: Annotated[int, Range(1, 1_000_000, about="Passes over the texts.")] = 10
    batch_size: Annotated[
        int, Range(1, 1_000_000, tune=(4, 128), about="Texts a step; more are faster and blunter.")
    ] = 32
    learning_rate: Annotated[float, _unit("How far each step goes.", (1e-6, 0.5), log=True)] = 0.001
    optimizer: Annotated[str, OneOf(OPTIMIZERS, tune=OPTIMIZERS, about="Rule of the steps.")] = "adam"
    beta_1: Annotated[float, _unit("Memory of the mean gradient (adam, adamw).", (1e-6, 0.999))] = 0.9
    beta_2: Annotated[float, _unit("Memory of the mean square (adam, adamw).", (1e-6, 0.999))] = 0.999
    epsilon: Annotated[float, _unit("Keeps the steps from dividing by 0.", (1e-8, 1.0), log=True)] = 1e-7
    momentum: Annotated[float, _unit("Share of the last step kept (sgd, nesterov, rmsprop).", (0.0, 0.999))] = 0.9
    rho: Annotated[float, _unit("Memory of the mean square (rmsprop, adadelta).")] = 0.95
    initial_accumulator_value: Annotated[float, _unit("Where adagrad's sum of squares begins.")] = 0.0001
    dropout_rate: Annotated[float, _unit("Share of the vector silenced before the top layer.")] = 0.2
    regularizers_l2: Annotated[float, _unit("More shrinks the top layer's weights.", (0.0, 0.999))] = 0.0001
    train_only_on_top_layer: Annotated[
        bool, OneOf((True, False), tune=(True, False), about="Leave the encoder as it is.")
    ] = False
    reinitialize_top_layer: Annotated[
        str, OneOf(("Auto", "True", "False"), about="Whether the top layer is learnt anew from a former model.")
    ] = "Auto"
    validation_split_ratio: Annotated[float, _unit("Share of the texts held out, without a validation channel.")] = 0.2
    warmup_steps_fraction: Annotated[float, _unit("Share of the steps in which the rate rises (adamw).")] = 0.1
    early_stopping: Annotated[bool, OneOf((True, False), about="End when validation accuracy no longer grows.")] = False
    early_stopping_patience: Annotated[int, Range(1, 1_000_000, about="Epochs to wait for better accuracy.")] = 5
    early_stopping_min_delta: Annotated[float, _unit("Gain in accuracy that counts.")] = 0.0

    pretrained: Path | None = field(default=None, repr=False)
    start: "TextClassification | None" = field(default=None, repr=False)
    shape: Shape = field(default_factory=Shape, repr=False)
    epoch_: int = field(default=0, init=False, repr=False)
    n_classes_: int = field(default=0, init=False, repr=False)
    _encoder: Encoder | None = field(default=None, init=False, repr=False)
    _net: Any = field(default=None, init=False, repr=False)

    def fit(self, data: Texts, *, valid: Texts | None = None, context: Context | None = None) -> Self:
        """Train. Raises ``ParameterError``, ``DataError``, or ``MissingExtraError`` without torch or transformers."""
        check(self)
        _checked(data, "training", 0)
        if valid is not None:
            _checked(valid, "validation", data.n_classes)
        if self.learning_rate == 0:
            raise ParameterError("TextClassification: learning_rate=0 learns nothing", fix="Give more than 0")
        context = context or Standalone()
        torch = torch_for(TITLE)
        with steady(torch, context.threads, context.seed):
            encoder, net = self._begun(torch, data)
            net.to(torch.device(context.device if torch.cuda.is_available() else "cpu"))
            patience = self.early_stopping_patience if self.early_stopping else 0
            plan = Plan(
                self.epochs, self.batch_size, self.regularizers_l2, patience, self.early_stopping_min_delta,
                self.train_only_on_top_layer,
            )  # fmt: skip
            names = Steps.__dataclass_fields__
            steps = Steps(**{name: getattr(self, name) for name in names})
            self.epoch_ = train(torch, net, encoder, steps, plan, data, valid, context)
        self._encoder, self._net, self.n_classes_ = encoder, net.cpu(), data.n_classes
        return self

    def predict(self, data: Texts) -> Prediction:
        """Answer ``{"probability": (n, K)}``. Raises ``NotFittedError``."""
        if self._net is None or self._encoder is None:
            raise NotFittedError(f"{TITLE} is not fitted", why="predict was called before fit", fix="Call fit, or load")
        return {"probability": probabilities(torch_for(TITLE), self._net, self._encoder, data)}

    def save(self, folder: Path) -> None:
        """Write weights, words or tokenizer, the classes and the seal. Raises ``NotFittedError``."""
        fitted(self.n_classes_, TITLE)
        from safetensors.numpy import save_file

        save_file(_arrays(self._net), folder / FILE)
        own = isinstance(self._encoder, Small)
        if isinstance(self._encoder, Small):
            (folder / WORDS).write_text(json.dumps(list(self._encoder.words)), encoding="utf-8")
            sizes = [self._encoder.shape.width, self._encoder.shape.heads, self._encoder.shape.layers]
        else:
            assert isinstance(self._encoder, Published)
            self._encoder.save(folder)
            sizes = []
        classes = {str(code): code for code in range(self.n_classes_)}
        (folder / LABELS).write_text(json.dumps(classes), encoding="utf-8")
        seal(folder, self, {"n_classes": self.n_classes_, "epoch": self.epoch_, "own": own, "shape": sizes})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises ``IntegrityError``."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        made, facts = opened(folder, cls)
        torch = torch_for(TITLE)
        try:
            made.n_classes_, made.epoch_ = int(facts["n_classes"]), int(facts["epoch"])
            encoder: Encoder
            if facts["own"]:
                made.shape = Shape(*(int(size) for size in facts["shape"]))
                words = json.loads((folder / WORDS).read_text(encoding="utf-8"))
                encoder = Small([str(word) for word in words], made.shape)
            else:
                encoder = Published(folder, weights=False)
            net = whole(torch, encoder, made.n_classes_, made.dropout_rate)
            _install(torch, net, load_file(folder / FILE))
        except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise broken(f"{FILE}: {error}") from error
        made._encoder, made._net = encoder, net.eval()
        return made

    def _begun(self, torch: Any, data: Texts) -> tuple[Encoder, Any]:
        """Make the encoder and the network, with the weights there are to begin from."""
        former = self.start
        if former is not None:
            if former._encoder is None:
                raise NotFittedError("The former model is not fitted", why="It has no weights", fix="Fit or load it")
            encoder = former._encoder
            net = whole(torch, encoder, data.n_classes, self.dropout_rate)
            arrays = _arrays(former._net)
            if self._anew(former.n_classes_, data.n_classes):
                arrays = {name: a for name, a in arrays.items() if not name.startswith("top.")}
            _install(torch, net, {**_arrays(net), **arrays})
            return encoder, net
        if self.pretrained is not None:
            encoder = Published(self.pretrained)
        else:
            logger.warning(
                "no published encoder was given: a small one is trained from nothing, on %d texts only;"
                " give a checkpoint of the transformers library to tune it instead",
                len(data),
            )
            encoder = Small.learn(data.texts, self.shape)
        return encoder, whole(torch, encoder, data.n_classes, self.dropout_rate)

    def _anew(self, before: int, now: int) -> bool:
        if self.reinitialize_top_layer == "False" and before != now:
            raise DataError(
                f"The former model answers {before} classes, and the texts have {now}",
                why="reinitialize_top_layer is False",
                fix="Set it to Auto or True",
            )
        return self.reinitialize_top_layer == "True" or before != now


def _checked(data: Texts, channel: str, classes: int) -> None:
    """Refuse texts that cannot be learnt from. Raises ``DataError``."""
    if not len(data) or data.y is None or len(data.y) != len(data):
        raise DataError(
            f"The {channel} texts have no classes", why=f"{len(data)} texts", fix="Give each text its class"
        )
    if data.n_classes < 2 or data.y.min() < 0 or data.y.max() >= (classes or data.n_classes):
        raise DataError(
            f"The {channel} texts cannot be told apart",
            why=f"their classes run from {data.y.min()} to {data.y.max()}",
            fix="Give two classes or more, numbered from 0",
        )


def _arrays(net: Any) -> dict[str, NDArray[Any]]:
    return {name: np.ascontiguousarray(array.detach().cpu().numpy()) for name, array in net.state_dict().items()}


def _install(torch: Any, net: Any, arrays: dict[str, NDArray[Any]]) -> None:
    """Set the weights; names and shapes must be the network's own. Raises ``RuntimeError``."""
    net.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in arrays.items()})
