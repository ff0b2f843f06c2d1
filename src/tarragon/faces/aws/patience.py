"""A patient Describe: the answer about a running job is held back when its asker would sleep through the end.

Clients look at a job every 5 to 120 seconds whatever it does, so that an eight-second job takes them a minute. Only slow
askers wait: those whose User-Agent says that they poll slowly, or who have been seen to. Nobody waits for a List, and
nobody who asks every few seconds.
"""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from tarragon.faces.aws.protocol import Call

FIRST_S = (
    9.0  # a fit with logs looks once, then reads logs only every ten seconds: what is printed must not wait longer
)
LATER_S = 20.0
SLOW_S = (3.5, 130.0)  # the interval of an asker that is spared something
LOOK_S = 0.05
REMEMBERED = 2_000
SDK = re.compile(r"AWS-SageMaker-Python-SDK/|sagemaker-core|sagemaker_core|PythonV3|ModelTrainer", re.IGNORECASE)
WAITER = re.compile(r"\bm/(?:\S*,)?B(?:,|\s|$)")  # botocore's mark of a request made by a waiter
COMMAND_LINE_WAITER = re.compile(r"md/command#\S*\.wait\b|command/\S*\.wait\b")


@dataclass(slots=True)
class _Asker:
    last: float
    fast: bool = False


class Patience:
    """Who asked about what, and when.

    Parameters
    ----------
    clock : callable
        Seconds that only go forward.
    sleep : callable
        ``asyncio.sleep``, for tests to replace.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._askers: OrderedDict[tuple[str, str, str], _Asker] = OrderedDict()

    async def wait(self, call: Call, key: str, over: Callable[[], bool]) -> None:
        """Hold the answer back until something is over, for as long as this asker can be made to wait.

        Parameters
        ----------
        call : Call
        key : str
            What is asked about: an ARN.
        over : callable
            Reads the job's state; called in a thread.
        """
        seconds = self.seconds(call, key)
        loop = asyncio.get_running_loop()
        end = self._clock() + seconds
        while seconds and not await loop.run_in_executor(None, over) and self._clock() < end:
            await asyncio.sleep(LOOK_S)
        if seconds:  # the interval to the next look counts from the answer
            self._askers[self._who(call, key)].last = self._clock()

    def seconds(self, call: Call, key: str) -> float:
        """Say how long this asker may be kept waiting, and remember that it asked."""
        who, now = self._who(call, key), self._clock()
        agent = call.headers.get("user-agent", "")
        asker = self._askers.pop(who, None)
        if asker is None:
            self._askers[who] = _Asker(now)
            while len(self._askers) > REMEMBERED:
                self._askers.popitem(last=False)
            if WAITER.search(agent) or COMMAND_LINE_WAITER.search(agent):
                return LATER_S
            return FIRST_S if SDK.search(agent) else 0.0
        gap, asker.last = now - asker.last, now
        asker.fast = asker.fast or gap < SLOW_S[0]
        self._askers[who] = asker
        return LATER_S if not asker.fast and gap <= SLOW_S[1] else 0.0

    @staticmethod
    def _who(call: Call, key: str) -> tuple[str, str, str]:
        return call.principal, call.headers.get("user-agent", ""), key
