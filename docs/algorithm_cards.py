"""Writes ``docs/algorithms.md`` from the cards and declarations of the algorithms.

``make docs`` runs it; ``tests/test_house.py`` fails when the page is not what it would write.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tarragon.algorithms import Card, Hyperparameter, cards, declared, kind_of
from tarragon.algorithms.params import OneOf, Range

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "algorithms.md"
OPENING = ROOT / "docs" / "algorithms-opening.txt"


def page() -> str:
    """Write the whole page."""
    known = cards()
    parts = [OPENING.read_text(encoding="utf-8").rstrip(), "", "## By kind of problem", ""]
    parts += ["| what for | algorithms |", "|---|---|", *_by_task(known)]
    parts += ["", "## All of them", "", "| algorithm | for | when to use it |", "|---|---|---|"]
    parts += [f"| [{name}](#{name}) | {', '.join(sorted(card.tasks))} | {card.use} |" for name, card in known.items()]
    for name, card in known.items():
        parts += ["", f"## {name}", "", *_about(card), "", *_declared(declared(kind_of(name)))]
    return "\n".join(parts).rstrip() + "\n"


def _by_task(known: Mapping[str, Card]) -> Iterator[str]:
    """List the algorithms of each kind of problem, kinds that many solve first."""
    tasks: dict[str, list[str]] = {}
    for name, card in known.items():
        for task in card.tasks:
            tasks.setdefault(task, []).append(f"[{name}](#{name})")
    for task, names in sorted(tasks.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        yield f"| {task} | {', '.join(names)} |"


def _about(card: Card) -> Iterator[str]:
    extra = f" Needs `pip install 'tarragon[{card.extra}]'`." if card.extra else ""
    yield f"**{card.title}.** {card.use} *Not for:* {card.avoid}{extra}"
    yield ""
    hub = "training" in card.channels  # a training job of the model hub, whose images are named by the model
    for title, text in (
        ("problem types", ", ".join(sorted(card.tasks))),
        ("interpretability", card.interpretability),
        ("time and memory", card.growth),
        ("source", _linked(card.source)),
        ("SageMaker's images", _code(card.images)),
        ("channels", _code(card.channels) if card.images or hub else ""),
        ("content types", _code(card.content_types) if card.images or hub else ""),
        ("metrics", _code(card.metrics)),
        ("an answer's fields", _code(card.answer)),
    ):
        if text:
            yield f"- {title}: {text}"


def _linked(source: str) -> str:
    """Make links of what a source is found under: a DOI, an arXiv number, an address."""
    source = re.sub(r"\bdoi:(10\.\S+?)(?=[,;)]?(?:\s|$))", r"[doi:\1](https://doi.org/\1)", source)
    source = re.sub(r"\barXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", source)
    return re.sub(r"(?<!\()\bhttps://\S+?(?=[,;)]?(?:\s|$))", r"<\g<0>>", source)


def _code(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _declared(lines: tuple[Hyperparameter, ...]) -> Iterator[str]:
    yield "| hyperparameter | type | allowed | default | worth searching | what it does |"
    yield "|---|---|---|---|---|---|"
    for h in lines:
        default = "**required**" if h.required else "auto" if h.default is None else f"`{h.default}`"
        yield " | ".join(
            (f"| `{h.wire}`", h.type.__name__, _allowed(h), default, _searched(h), _plain(h.rule.about) + " |")
        )


def _allowed(h: Hyperparameter) -> str:
    if isinstance(h.rule, Range):
        return str(h.rule).replace("inf", "∞")
    return ", ".join(map(str, h.rule.values)) if isinstance(h.rule, OneOf) else "text"


def _searched(h: Hyperparameter) -> str:
    if h.rule.tune is None:
        return ""
    return f"{h.rule.tune[0]:g} – {h.rule.tune[1]:g}" if isinstance(h.rule, Range) else ", ".join(map(str, h.rule.tune))


def _plain(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
