"""A glass box: the answer is an intercept plus one curve per column, each a table that can be read and drawn.

Idea: gradient boosting in which every tree may use one column only (or one chosen pair). Such a model is a sum of functions
of single columns, so the trees are only scaffolding: after the fit each column's trees are added up into one exact table,
and the tables are the model.

Source: Lou, Caruana & Gehrke (2012), Intelligible models for classification and regression, KDD; pairs: Lou, Caruana,
        Gehrke & Hooker (2013), Accurate intelligible models with pairwise interactions, KDD.
Cost:   fit as LightGBM with small trees over a few columns each, rows × columns sampled per round; predict is a binary
        search and a look-up per column.

Notation: n rows, d columns, K outputs (1 for regression and two classes; one per class otherwise), c cells of a column.
Departures: columns are boosted in random small groups, the best of each group first, where the papers cycle through all;
the curves of several fits on resampled rows are averaged only through row sampling per round, not through outer bags.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from tarragon.algorithms.artifact import fitted, opened, seal
from tarragon.algorithms.inputs import refused, same_columns, supervised
from tarragon.algorithms.params import OneOf, Range, Text, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.rounds import Rounds
from tarragon.algorithms.shapes import Axis, Shape, axes_of, tables_of
from tarragon.data import Prediction, Tabular

FILE = "model.json"
BIG = 2**31 - 1
PAIR_BINS = 32  # per side: a table of 32 × 32 is about as much as a reader takes in
PAIR_PROBE_ROUNDS = 40  # short unconstrained boosting on the residuals, to see which columns act together
...
