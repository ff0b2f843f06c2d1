"""Seq2Seq against answers that need no learning, on generated commands; its BLEU is held against sacrebleu's.

A command is "<verb> <colour> <thing> <number>" in one to two phrases; its translation swaps thing and colour, spells
the number's digits one by one and puts the verb last, so that words, order and length all differ. The baselines copy
the source, and answer the target that is most frequent.
"""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from benchmarks.algorithms import Line, Measured, timed

from tarragon.algorithms.bleu import bleu
from tarragon.algorithms.protocol import Standalone
from tarragon.algorithms.seq2seq import Seq2Seq
from tarragon.data import TokenPairs

BAR = "BLEU at least 20 above copying and the most frequent answer; our BLEU is sacrebleu's to 0.01"
VERBS, COLOURS, THINGS = 8, 8, 12
SPECIAL = {"<pad>": 0, "<unk>": 1, "<s>": 2, "</s>": 3}
Sentence = list[str]


def command(rng: np.random.Generator) -> tuple[Sentence, Sentence]:
    """Make one pair."""
    source: Sentence = []
    target: Sentence = []
    for _ in range(rng.integers(1, 3)):
        verb, colour, thing = rng.integers(VERBS), rng.integers(COLOURS), rng.integers(THINGS)
        number = str(rng.integers(100))
        source += [f"v{verb}", f"c{colour}", f"t{thing}", f"n{number}"]
        target += [f"T{thing}", f"C{colour}", *(f"d{digit}" for digit in number), f"V{verb}"]
    return source, target


def measure(seed: int, threads: int) -> list[Measured]:
    """Train, translate, and measure ours, both baselines, and BLEU itself."""
    import sacrebleu

    rng = np.random.default_rng(seed)
    pairs = [command(rng) for _ in range(4_400)]
    train, valid, test = pairs[:4_000], pairs[4_000:4_200], pairs[4_200:]
    vocabularies = [
        SPECIAL | {word: n for n, word in enumerate(sorted({w for p in train for w in p[side]}), 4)} for side in (0, 1)
    ]

    def coded(part: list[tuple[Sentence, Sentence]]) -> TokenPairs:
        sides = [
            tuple(np.array([vocabularies[side].get(w, 1) for w in pair[side]]) for pair in part) for side in (0, 1)
        ]
        return TokenPairs(sides[0], sides[1], *vocabularies)

    model = Seq2Seq(
        rnn_num_hidden=64, num_embed_source=32, num_embed_target=32, max_num_epochs=8, learning_rate=0.005,
        checkpoint_frequency_num_batches=63, max_seq_len_source=20, max_seq_len_target=20,
    )  # fmt: skip
    context = Standalone(seed=seed, threads=threads)
    seconds, _ = timed(lambda: model.fit(coded(train), valid=coded(valid), context=context))
    words = {n: word for word, n in vocabularies[1].items()}
    made = [[words[int(n)] for n in found] for found, _, _ in model.translate(coded(test).source)]
    wanted = [target for _, target in test]
    ours = bleu(made, wanted)
    often = list(Counter(tuple(target) for _, target in train).most_common(1)[0][0])
    found = []
    for name, answers in (("copy", [[w.upper() for w in s] for s, _ in test]), ("most frequent", [often] * len(test))):
        found.append(Measured(f"commands, {name}", "BLEU", seconds, ours, name, 0.0, bleu(answers, wanted)))
    theirs = sacrebleu.corpus_bleu(
        [" ".join(one) for one in made], [[" ".join(one) for one in wanted]], tokenize="none", force=True
    ).score
    found.append(Measured("BLEU itself", "BLEU", seconds, ours, "sacrebleu", 0.0, theirs))
    short = [one[:-1] for one in wanted[:50]] + [one[::-1] for one in wanted[50:]]  # some hits, and a brevity penalty
    theirs = sacrebleu.corpus_bleu(
        [" ".join(one) for one in short], [[" ".join(one) for one in wanted]], tokenize="none", force=True
    ).score
    return [*found, Measured("BLEU itself, poor answers", "BLEU", 0.0, bleu(short, wanted), "sacrebleu", 0.0, theirs)]


def met(lines: Mapping[str, Line]) -> bool:
    """Whether the bar is met."""
    return all(
        abs(line.quality - line.peer_quality) < 0.01
        if line.peer == "sacrebleu"
        else line.quality >= line.peer_quality + 20
        for line in lines.values()
    )
