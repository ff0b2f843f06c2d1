"""What every operation can reach: the engine and the rooms, opened once for one running server."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tarragon.engine import Documents, Keys, Logs, Series, Supervisor, Workspace

if TYPE_CHECKING:
    from tarragon.faces.aws.patience import Patience
    from tarragon.serve import Endpoints

ACCOUNT = "123456789012"


@dataclass(slots=True)
class Server:
    """A running server's parts.

    Parameters
    ----------
    workspace : Workspace
    documents : Documents
        Named records per region: models, endpoint configurations, experiments, tags.
    jobs : Supervisor
        Runs training, processing, transform and AutoML jobs.
    endpoints : Endpoints
        Runs models that answer.
    keys : Keys
    logs : Logs
    series : Series
        Metric points by minute.
    url : str
        Where this server answers: ``http://127.0.0.1:4747``.
    account : str
    clock : callable
        Seconds since 1970.
    """

    workspace: Workspace
    documents: Documents
    jobs: Supervisor
    endpoints: "Endpoints"
    keys: Keys
    logs: Logs
    series: Series
    patience: "Patience"
    url: str
    account: str = ACCOUNT
    clock: Callable[[], float] = time.time
