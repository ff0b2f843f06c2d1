"""A finished thing with a name."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Approval(StrEnum):
    """SageMaker's approval states; AWS words because a face shows them unchanged."""

    PENDING = "PendingManualApproval"
    APPROVED = "Approved"
    REJECTED = "Rejected"


@dataclass(frozen=True, slots=True)
class Package:
    """A registered, immutable model version.

    Parameters
    ----------
    group : str
        The model's name.
    version : int
        From 1; never reused.
    approval : Approval
    created : str
        ISO 8601, UTC.
    uri : str
        Where the files are in the object store.
    sha256 : str
        Of the package manifest, which holds a hash of every file.
    size_bytes : int
    task, target, metric : str
    score, low, high : float
    lineage : mapping of str to str
        run, data_sha256, code_sha256, environment_sha256, split_sha256, parent …
    reason : str
        Why it was approved or rejected, if it was.
    """

    group: str
    version: int
    approval: Approval
    created: str
    uri: str
    sha256: str
    size_bytes: int
    task: str
    target: str
    metric: str
    score: float
    low: float
    high: float
    lineage: Mapping[str, str]
    reason: str = ""

    @property
    def name(self) -> str:
        """``group/version``."""
        return f"{self.group}/{self.version}"
