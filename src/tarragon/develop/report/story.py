"""The report as an ordered list of chapters made of a few kinds of block.

The chapters are written once, as values; the HTML page and the Markdown page each lay the same values out,
so that they cannot disagree. Every text here is plain: escaping belongs to whoever lays it out. Only
``Markup`` is finished drawing, made by the chart modules from numbers and escaped labels.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from markupsafe import Markup

Tone = Literal["good", "note", "bad", "plain"]


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph. ``lead`` paragraphs state the chapter's finding."""

    text: str
    lead: bool = False
    part: ClassVar[str] = "text"


@dataclass(frozen=True, slots=True)
class Callout:
    """A statement with a tone, a word for the tone, and what follows from it.

    Parameters
    ----------
    badge : str
        The tone in a word ("GO", "critical"): colour never speaks alone.
    lines : tuple of (str, str)
        Label and sentence; the label may be "".
    """

    tone: Tone
    badge: str
    title: str
    lines: tuple[tuple[str, str], ...] = ()
    part: ClassVar[str] = "callout"


@dataclass(frozen=True, slots=True)
class Fact:
    """One figure worth a tile."""

    label: str
    value: str
    note: str = ""
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Facts:
    """Tiles side by side."""

    items: tuple[Fact, ...]
    part: ClassVar[str] = "facts"


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table.

    Parameters
    ----------
    marks : tuple of str
        Words shown beside the text as small badges ("tied").
    picture : Markup
        A drawing that shows the same value; left out of Markdown.
    order : float or None
        What sorting goes by where the text is no plain number.
    """

    text: str
    tone: Tone = "plain"
    marks: tuple[str, ...] = ()
    picture: Markup = Markup("")  # noqa: RUF009 - Markup is a str: immutable
    order: float | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """A column of a table: its title and how its cells sit."""

    title: str
    align: Literal["left", "right", "wide", "gap"] = "left"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under heads; it scrolls in its own box.

    Parameters
    ----------
    title : str
        What the table is, for the heading over it and for screen readers.
    caption : str
        The finding, a plain sentence.
    """

    title: str
    heads: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    part: ClassVar[str] = "table"


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a legend; ``swatch`` is drawn, so that dashes and shapes show beside colours."""

    label: str
    swatch: Markup


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a row chart.

    Parameters
    ----------
    note : str
        Small words under the label.
    strong : bool
        The line the chart is about.
    """

    label: str
    value: str
    picture: Markup
    note: str = ""
    aside: str = ""
    tone: Tone = "plain"
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """A chart made of labelled lines over one scale: also a table of its own numbers.

    Parameters
    ----------
    axis : Markup
        The scale under the lines.
    heads : (str, str, str)
        Names of the label, value and aside columns.
    """

    title: str
    rows: tuple[Row, ...]
    caption: str
    heads: tuple[str, str, str] = ("", "", "")
    axis: Markup = Markup("")  # noqa: RUF009 - Markup is a str: immutable
    axis_title: str = ""
    keys: tuple[Key, ...] = ()
    part: ClassVar[str] = "rows"


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture with the sentence it proves."""

    title: str
    picture: Markup
    caption: str
    keys: tuple[Key, ...] = ()
    wide: bool = False
    part: ClassVar[str] = "figure"


@dataclass(frozen=True, slots=True)
class Gallery:
    """Figures side by side where the window is wide enough."""

    figures: tuple[Figure, ...]
    part: ClassVar[str] = "gallery"


@dataclass(frozen=True, slots=True)
class Steps:
    """Things to do or to know, one after the other."""

    items: tuple[Callout, ...]
    part: ClassVar[str] = "steps"


@dataclass(frozen=True, slots=True)
class Points:
    """Short sentences, one per line."""

    items: tuple[str, ...]
    part: ClassVar[str] = "points"


@dataclass(frozen=True, slots=True)
class Commands:
    """What to type, with what it does."""

    items: tuple[tuple[str, str], ...]
    part: ClassVar[str] = "commands"


@dataclass(frozen=True, slots=True)
class Heading:
    """A smaller title inside a chapter."""

    title: str
    part: ClassVar[str] = "heading"


@dataclass(frozen=True, slots=True)
class Fold:
    """Blocks behind a click; open on paper."""

    title: str
    blocks: "tuple[Block, ...]"
    part: ClassVar[str] = "fold"


Block: TypeAlias = Text | Callout | Facts | Table | Rows | Figure | Gallery | Steps | Points | Commands | Heading | Fold


@dataclass(frozen=True, slots=True)
class Chapter:
    """One question a reader has, answered by its blocks. ``key`` is the anchor and never changes."""

    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Banner:
    """The verdict and the score: what is read when nothing else is.

    Parameters
    ----------
    decision : {"SHIP", "REVIEW", "STOP"}
    meaning : str
        The decision in words.
    reasons : tuple of Callout
        At most three.
    picture : Rows
        The score with its interval beside the baselines.
    """

    decision: Literal["SHIP", "REVIEW", "STOP"]
    tone: Tone
    meaning: str
    title: str
    subtitle: str
    reasons: tuple[Callout, ...]
    metric: str
    score: str
    interval: str
    sentence: str
    picture: Rows


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that is laid out, in order."""

    title: str
    banner: Banner
    chapters: tuple[Chapter, ...]
    colophon: str
