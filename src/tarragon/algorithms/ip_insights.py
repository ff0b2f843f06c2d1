"""IP Insights: how well an entity and an IPv4 address go together, learned from pairs that were seen.

Idea:   each entity and each address gets a vector; their dot product is the log odds that the pair was seen rather than
        made up. Made up are pairs with a random address and with another row's address. Entities that use the same
        networks get vectors alike, so that an address an entity never used can still be like it.
Source: the pages of SageMaker's IP Insights; negative sampling as Mikolov, Sutskever, Chen, Corrado & Dean (2013),
        Distributed representations of words and phrases, NeurIPS 26; Adam, Kingma & Ba (2015), ICLR.
Cost:   time rows × epochs × (1 + R) × D × (64 + 4DL), for R random addresses a row, vectors of D numbers and L layers;
        shuffled addresses cost little. Memory 4·N·D bytes for the model, three times that in training, N vectors.

Decisions where SageMaker's own is not published: an entity's vector is the row that a BLAKE2b hash of its text names
modulo ``num_entity_vectors``; addresses enter the network as octets and bits (see ``ip_encoder``), whose layers have
2·D units; the table's rows start at nought, so that an entity without history answers 0, unless another shares its row;
only rows that occur in a batch move. The last batch of an epoch is kept though it is smaller. Several hosts share each
batch (see ``ip_encoder``). ``model_algo-1`` is a file of MXNet's arrays by the names of ``ip_encoder``.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms import ip_encoder
from tarragon.algorithms.artifact import fitted, opened, seal
from tarragon.algorithms.ip_encoder import Recipe, Run, Told
from tarragon.algorithms.params import Range, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.weights import Weights, broken
from tarragon.data import AddressPairs, Matrix, Prediction, read_ndarrays, write_ndarrays
from tarragon.errors import DataError, IntegrityError, NotFittedError, ParameterError

TITLE = "IP Insights"
FILE = "model_algo-1"
MOST_BYTES = 8 << 30  # a model may be no larger, say SageMaker's pages
MOST_NOISE = 500


@dataclass(eq=False, kw_only=True)
class IPInsights:
    """Learn which addresses go with which entities.

    Parameters
    ----------
    num_entity_vectors : int in [1, 250_000_000]
        Rows of the table; twice as many as there are entities keep most of them apart.
    vector_dim : int in [4, 4096]
    epochs : int, default=10
    learning_rate : float in [1e-6, 10], default=0.001
    mini_batch_size : int in [1, 500_000], default=10_000
    num_ip_encoder_layers : int in [0, 100], default=1
    random_negative_sampling_rate, shuffled_negative_sampling_rate : int in [0, 500], default=1
        Made-up addresses a row; together 1 to 500.
    weight_decay : float in [0, 10], default=1e-5
    batch_metrics_publish_interval : int, default=1000
        Batches between two calls of ``told``.

    Attributes
    ----------
    weights_ : mapping of str to ndarray
        ``entity`` (N, D) and the address network's (see ``ip_encoder``).
    told : callable, optional
        Is handed epoch and batch, from 0 and 1, with the batch's accuracy and cross entropy.
    """

    card: ClassVar[Card] = Card(
        name="ip-insights",
        title=TITLE,
        tasks=frozenset({"anomaly"}),
        accepts="pairs",
        view="dense",
        use="Thousands of users or accounts with a history of IPv4 addresses: logins and calls from unlikely places.",
        avoid="IPv6, entities without history, and addresses that change owners within the history.",
        interpretability="low",
        growth="time rows × epochs × dimensions; memory vectors × dimensions",
        source="https://docs.aws.amazon.com/sagemaker/latest/dg/ip-insights.html; Mikolov et al. (2013), NeurIPS 26",
        images=("ipinsights",),
        channels=("train", "validation"),
        content_types=("text/csv",),
        metrics=("validation:discriminator_auc",),
        answer=("dot_product",),
        extra="deep",
        library="torch",
    )
    num_entity_vectors: Annotated[
        int, Range(1, 250_000_000, log=True, tune=(10_000, 1_000_000), about="More keep entities apart.")
    ]
    vector_dim: Annotated[int, Range(4, 4_096, log=True, tune=(8, 256), about="More tell networks apart.")]
    epochs: Annotated[int, Range(1, 2**31 - 1, tune=(1, 100), about="More passes fit closer.")] = 10
    learning_rate: Annotated[float, Range(1e-6, 10.0, log=True, tune=(1e-4, 0.1), about="How far a step goes.")] = 0.001
    mini_batch_size: Annotated[
        int, Range(1, 500_000, log=True, tune=(100, 50_000), about="More rows a step are faster and blunter.")
    ] = 10_000
    num_ip_encoder_layers: Annotated[int, Range(0, 100, tune=(1, 10), about="More join more of the octets.")] = 1
    random_negative_sampling_rate: Annotated[
        int, Range(0, MOST_NOISE, tune=(0, 10), about="Random addresses against each pair.")
    ] = 1
    shuffled_negative_sampling_rate: Annotated[
        int, Range(0, MOST_NOISE, tune=(0, 10), about="Other rows' addresses against each pair.")
    ] = 1
    weight_decay: Annotated[float, Range(0.0, 10.0, tune=(0.0, 1.0), about="More shrinks the vectors.")] = 0.00001
    batch_metrics_publish_interval: Annotated[int, Range(1, 2**31 - 1, about="Batches between two reports.")] = 1_000

    weights_: dict[str, NDArray[np.float32]] = field(default_factory=dict, init=False, repr=False)
    told: Told | None = field(default=None, init=False, repr=False)

    def fit(self, data: AddressPairs, *, valid: AddressPairs | None = None, context: Context | None = None) -> Self:
        """Train. ``valid`` is measured after each epoch, against one random and one shuffled address a row.

        Raises
        ------
        ParameterError
            Also when the rates of made-up addresses do not fit together, the model would exceed 8 GB, or the loss
            stops being a number.
        DataError
            There are no pairs.
        MissingExtraError
            torch is not installed.
        """
        check(self)
        noise = self.random_negative_sampling_rate + self.shuffled_negative_sampling_rate
        if not 1 <= noise <= MOST_NOISE:
            raise ParameterError(
                f"{TITLE} cannot learn from {noise} made-up addresses a row",
                why="random_negative_sampling_rate and shuffled_negative_sampling_rate together are 1 to 500",
                fix="Use 1 for both",
            )
        if (size := 4 * self.num_entity_vectors * self.vector_dim) > MOST_BYTES:
            raise ParameterError(
                f"The vectors of {TITLE} would take {size / (1 << 30):.1f} GB",
                why="num_entity_vectors × vector_dim × 4 bytes may be 8 GB",
                fix="Use twice as many num_entity_vectors as there are entities",
            )
        for pairs in (data, valid):
            if pairs is not None and not pairs.n_rows:
                raise DataError(f"{TITLE} has nothing to learn from", why="There are no pairs", fix="Give at least one")
        context = context or Standalone()
        recipe = self._recipe()
        run = Run(recipe, data, context, ip_encoder.begin(recipe, context.seed), self.told)
        run.train(valid)
        self.weights_ = run.weights
        return self

    def predict(self, data: AddressPairs) -> Prediction:
        """Return ``dot_product`` (n,): log odds of a pair, lower for odder ones. Raises ``NotFittedError``."""
        self._fitted()
        return {"dot_product": ip_encoder.scores(self.weights_, data)}

    def embed(self, data: AddressPairs) -> tuple[Matrix, Matrix]:
        """Return the vectors of the entities and of the addresses, (n, D) each. Raises ``NotFittedError``."""
        self._fitted()
        parts = list(ip_encoder.vectors(self.weights_, data))
        none = np.empty((0, self.vector_dim), np.float32)
        return np.concatenate([none, *(a for a, _ in parts)]), np.concatenate([none, *(b for _, b in parts)])

    def save(self, folder: Path) -> None:
        """Write ``model_algo-1`` and the seal. Raises ``NotFittedError``."""
        fitted(len(self.weights_), TITLE)
        (folder / FILE).write_bytes(write_ndarrays(self.weights_))
        seal(folder, self, {})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises ``IntegrityError``."""
        model, _ = opened(folder, cls)
        try:
            found = Weights(read_ndarrays((folder / FILE).read_bytes()))
        except OSError as error:
            raise IntegrityError(
                f"The model of {TITLE} cannot be loaded", why=str(error), fix="Save it again"
            ) from error
        for name, shape in model._recipe().shapes().items():
            array: NDArray[Any] = found.get(name, "f", shape)
            if not np.isfinite(array).all():
                raise broken(f"array {name!r} holds what is no number")
            model.weights_[name] = np.ascontiguousarray(array, np.float32)
        return model

    def _fitted(self) -> None:
        if not self.weights_:
            raise NotFittedError(
                f"{TITLE} is not fitted", why="predict was called before fit", fix="Call fit, or load a saved model"
            )

    def _recipe(self) -> Recipe:
        return Recipe(
            self.num_entity_vectors, self.vector_dim, self.num_ip_encoder_layers, self.epochs, self.mini_batch_size,
            self.learning_rate, self.weight_decay, self.random_negative_sampling_rate,
            self.shuffled_negative_sampling_rate, self.batch_metrics_publish_interval,
        )  # fmt: skip
