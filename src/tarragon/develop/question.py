"""What an AutoML job is asked, apart from what answers it: a server that hands jobs over loads no numerical library."""

from dataclasses import dataclass

from tarragon.train import Source


@dataclass(frozen=True, slots=True)
class AutomlSpec:
    """What an AutoML job is asked for.

    Parameters
    ----------
    source : Source
        CSV with a header, or Parquet.
    target : str
    output_uri : str
        Prefix under which everything is stored.
    task : str
        "" to infer.
    metric : str
        Objective; "" for the task's default.
    weight : str
        Column with row weights.
    features_uri : str
        JSON that names the columns to use (``FeatureAttributeNames``); "" for all.
    budget_s : float
    max_candidates : int
        0 for no limit.
    algorithms : tuple of str
        Only these; empty for all.
    validation : Source or None
        Rows that no model is trained or chosen on: the stored models are judged on them as well.
    """

    source: Source
    target: str
    output_uri: str
    task: str = ""
    metric: str = ""
    weight: str = ""
    features_uri: str = ""
    budget_s: float = 300.0
    max_candidates: int = 0
    algorithms: tuple[str, ...] = ()
    validation: Source | None = None
