"""What turns texts into vectors: a small transformer of our own, or a published one from its folder.

Ours splits a text into words and marks, numbers those seen twice or more in training, and hashes the rest into a few
shared places; one block of attention follows (Vaswani et al. 2017), and the mean over the words.

Source: Vaswani et al. (2017), Attention is all you need, arXiv:1706.03762; Weinberger et al. (2009), Feature hashing,
doi:10.1145/1553374.1553516. torch and transformers are imported late.
"""

import re
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.errors import DataError, MissingExtraError

WORD = re.compile(r"\w+|[^\w\s]")
MOST_WORDS = 30_000
SHARED = 256  # places for words that are not in the vocabulary
SEEN = 2  # times, from which a word has a place of its own
LENGTH = 128  # words of a text that are read
CONFIG, SAFE = "config.json", "*.safetensors"
Ids = tuple[NDArray[np.int64], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Shape:
    """Of the transformer of our own: width, heads, blocks."""

    width: int = 64
    heads: int = 4
    layers: int = 1


class Small:
    """The encoder of our own.

    Parameters
    ----------
    words : tuple of str
        The vocabulary; place 0 is for padding, then the shared places, then these.
    shape : Shape
    """

    def __init__(self, words: Sequence[str], shape: Shape) -> None:
        self.words, self.shape, self.width = tuple(words), shape, shape.width
        self._place = {word: i for i, word in enumerate(self.words, 1 + SHARED)}

    @classmethod
    def learn(cls, texts: Sequence[str], shape: Shape) -> "Small":
        """Take the words that occur often enough, from the most frequent down."""
        counts = Counter(word for text in texts for word in split(text))
        ranked = sorted((word for word, n in counts.items() if n >= SEEN), key=lambda word: (-counts[word], word))
        return cls(ranked[:MOST_WORDS], shape)

    def ids(self, texts: Sequence[str]) -> Ids:
        """Write the numbers of the words of each text, (n, longest), and say which are there."""
        rows = [[self._place.get(w) or 1 + zlib.crc32(w.encode()) % SHARED for w in split(t)[:LENGTH]] for t in texts]
        longest = max([1, *map(len, rows)])
        found = np.zeros((len(rows), longest), np.int64)
        for i, row in enumerate(rows):
            found[i, : len(row)] = row
        mask = found > 0
        mask[:, 0] = True  # of an empty text the padding is read
        return found, mask

    def module(self, torch: Any) -> Any:
        """Make the network: (ids, mask) to vectors (n, width)."""
        nn, shape, places = torch.nn, self.shape, 1 + SHARED + len(self.words)

        class Network(nn.Module):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.embed = nn.Embedding(places, shape.width)
                self.position = nn.Parameter(torch.zeros(LENGTH, shape.width))
                nn.init.normal_(self.embed.weight, std=0.1)
                self.blocks = nn.ModuleList(
                    nn.TransformerEncoderLayer(
                        shape.width, shape.heads, 2 * shape.width, dropout=0.1, batch_first=True, norm_first=True
                    )
                    for _ in range(shape.layers)
                )
                self.norm = nn.LayerNorm(shape.width)

            def forward(self, ids: Any, mask: Any) -> Any:
                h = self.embed(ids) + self.position[: ids.shape[1]]
                for block in self.blocks:
                    h = block(h, src_key_padding_mask=~mask)
                shown = mask.unsqueeze(-1).to(h.dtype)
                return self.norm((h * shown).sum(1) / shown.sum(1))

        return Network()


class Published:
    """A transformer from the folder of a checkpoint of the transformers library.

    Parameters
    ----------
    folder : Path
        With config.json, the tokenizer's files and, to begin from its weights, ``*.safetensors``.
    weights : bool
        Whether to take the folder's weights; otherwise they are set afterwards.
    """

    def __init__(self, folder: Path, *, weights: bool = True) -> None:
        library = _transformers()
        safe = {"local_files_only": True, "trust_remote_code": False}  # nothing is fetched, no code of a folder runs
        if weights and not list(folder.glob(SAFE)):
            raise DataError(
                "The checkpoint has no safe weights", why=f"There is no {SAFE} in it", fix="Save it as safetensors"
            )
        try:
            self._config = library.AutoConfig.from_pretrained(str(folder), **safe)
            self._tokens = library.AutoTokenizer.from_pretrained(str(folder), **safe)
            self._network = (
                library.AutoModel.from_pretrained(str(folder), use_safetensors=True, **safe)
                if weights
                else library.AutoModel.from_config(self._config, trust_remote_code=False)
            )
        except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
            raise DataError("The checkpoint cannot be read", why=str(error)[:200], fix="Save it again") from error
        self.width = int(self._config.hidden_size)
        self._longest = min(LENGTH, int(getattr(self._config, "max_position_embeddings", LENGTH)))

    def ids(self, texts: Sequence[str]) -> Ids:
        """Write the numbers of the pieces of each text, (n, longest), and say which are there."""
        found = self._tokens(list(texts), padding=True, truncation=True, max_length=self._longest, return_tensors="np")
        return np.asarray(found["input_ids"], np.int64), np.asarray(found["attention_mask"], bool)

    def module(self, torch: Any) -> Any:
        """Wrap the network: (ids, mask) to the mean of its last states, (n, width)."""
        network = self._network

        class Network(torch.nn.Module):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__()
                self.inner = network

            def forward(self, ids: Any, mask: Any) -> Any:
                h = self.inner(input_ids=ids, attention_mask=mask.long()).last_hidden_state
                shown = mask.unsqueeze(-1).to(h.dtype)
                return (h * shown).sum(1) / shown.sum(1)

        return Network()

    def save(self, folder: Path) -> None:
        """Write what ``Published(folder, weights=False)`` needs."""
        self._config.save_pretrained(str(folder))
        self._tokens.save_pretrained(str(folder))


Encoder = Small | Published


def split(text: str) -> list[str]:
    """Split a text into words and marks, in small letters.

    Examples
    --------
    >>> split("It's 5 o'clock.")
    ['it', "'", 's', '5', 'o', "'", 'clock', '.']
    """
    return WORD.findall(text.lower())


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder looks like a checkpoint of the transformers library."""
    return (folder / CONFIG).is_file()


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise MissingExtraError(
            "A published transformer needs a library", why=str(error), fix="pip install transformers"
        ) from error
    return transformers
