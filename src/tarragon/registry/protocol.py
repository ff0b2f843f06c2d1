"""A finished thing with a name."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Approval(StrEnum):
    """SageMaker's approval states; AWS words because a face shows them unchanged."""

    PENDING = "PendingManualApproval"
    APPROVED = "Approved"
    REJECTED = "Rejected"


ACTION: Mapping[Approval, str] = {
    Approval.APPROVED: "approve", Approval.REJECTED: "reject", Approval.PENDING: "reopen",
}  # fmt: skip
"""What the audit log calls the decision that leads to a state."""
STATE_AFTER: Mapping[str, Approval] = {"register": Approval.PENDING, **{word: state for state, word in ACTION.items()}}


@dataclass(frozen=True, slots=True)
class Package:
    """A registered, immutable model version.

    Parameters
    ----------
    group : str
        The model's name.
    version : int
        From 1; never reused. 0 is the only one of a model without versions.
    approval : Approval
    created : str
        ISO 8601, UTC.
    uri : str
        Where the files are in the object store; of a reference, its first object.
    sha256 : str
        Of the package manifest, which holds a hash of every file.
    size_bytes : int
    task, target, metric : str
        "" where the maker did not say.
    score, low, high : float
        Units of ``metric``.
    lineage : mapping of str to str
        run, data_sha256, code_sha256, environment_sha256, split_sha256, parent …
    reason : str
        Why it was approved or rejected, if it was.
    reference : bool
        Whether the model's files lie elsewhere in the object store and only their hashes are here.
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
    reference: bool = False

    @property
    def name(self) -> str:
        """``group/version``."""
        return f"{self.group}/{self.version}"
