"""Spoilt requests against a real server: how many are answered 2xx, 4xx, and how many as they must not be.

python benchmarks/fuzz.py [--requests 10000] [--seed 1] [--workers 4]

Every operation's smallest and fullest valid request is taken as botocore would send it; one thing about it is changed
by chance (a member, some bytes, a header, the path, the query, the method), and it is signed again. The same seed makes
the same requests. A status of 500 and more, a body that is not AWS's, or no answer in 20 s is a fault, printed with its
request; the last line is the number of faults, and the exit status 1 when there are any.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

from botocore.credentials import Credentials

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.faces.aws.conftest import client_of, started
from tests.faces.aws.mutate import Sent, Tally, mutated, send, valid_requests
from tests.faces.aws.stage import prepare
from tests.faces.aws.test_generate import operations

from tarragon.engine import Keys


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=4)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, started(Path(home)) as running:
        clients: dict[str, object] = {}

        def client(service: str) -> object:
            return clients.setdefault(service, client_of(running, service))

        prepare(client)
        valid = valid_requests(client, operations())
        random = Random(asked.seed)
        requests = [mutated(random.choice(valid), random) for _ in range(asked.requests)]
        key, parts = Keys(running.home).root, urlsplit(running.url)
        credentials, address = Credentials(key.access_key, key.secret), (parts.hostname or "", parts.port or 0)
        tally, codes, slowest = Tally(), Counter[str](), (0.0, "")

        def ask(request: Sent) -> tuple[Sent, float, tuple[int, dict[str, str], bytes] | OSError]:
            began = time.perf_counter()
            try:
                answer: tuple[int, dict[str, str], bytes] | OSError = send(request, address, credentials)
            except OSError as error:
                answer = error
            return request, time.perf_counter() - began, answer

        began = time.perf_counter()
        with ThreadPoolExecutor(asked.workers) as pool:
            for request, took, answer in pool.map(ask, requests):
                if isinstance(answer, OSError):
                    tally.hung(request, answer)
                    continue
                tally.count(request, *answer)
                status, headers, body = answer
                if status >= 400:
                    told = body.partition(b"<Code>")[2].partition(b"<")[0].decode(errors="replace")
                    codes[headers.get("x-amzn-errortype") or told] += 1
                slowest = max(slowest, (took, f"{request.service}.{request.operation} with {request.changed}"))
        seconds = time.perf_counter() - began
    for fault in tally.faults:
        print(fault)
    print(f"{len(valid)} valid requests of {len({(r.service, r.operation) for r in valid})} operations, spoilt")
    print("  ".join(f"{name} {count}" for name, count in sorted(tally.classes.items())))
    print("  ".join(f"{name or 'none'} {count}" for name, count in codes.most_common(20)))
    print(f"{asked.requests} requests in {seconds:.0f} s, the slowest {slowest[0]:.2f} s: {slowest[1]}")
    print(f"faults {len(tally.faults)}")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
