"""``tarragon up``, ``down``, ``status``, ``logs``, ``env``, ``run``: the local server that answers SageMaker's code."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from tarragon.errors import NotFoundError, ParameterError
from tarragon.faces.cli.options import Home, Json
from tarragon.faces.cli.outcome import OK, show_json

LOOPBACK = ("127.0.0.1", "localhost", "::1")
PORT = 4747
FOLLOW_S = 0.3
JOB_GROUPS = ("TrainingJobs", "ProcessingJobs", "TransformJobs", "AutoMLJobs")
Port = Annotated[int, typer.Option("--port", min=0, max=65_535, help="0 takes a free one.")]


def up(
    port: Port = PORT,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    background: Annotated[bool, typer.Option("--background", help="Return once it answers.")] = False,
    expose: Annotated[bool, typer.Option("--expose", help="Allow an address other machines can reach.")] = False,
    proxy: Annotated[
        int | None, typer.Option("--proxy", min=1, max=65_535, help="A port that answers for AWS's https addresses.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> int:
    """Start the local server that answers as SageMaker, S3, STS, IAM and CloudWatch do."""
    from tarragon.faces import local

    place = _home(home)
    if host not in LOOPBACK and not expose:
        raise ParameterError(
            f"The server is not started on {host}",
            why="other machines could reach it there, and with its keys run code on this one",
            fix="Use 127.0.0.1, or add --expose if that is what you want",
        )
    if background:
        found = local.start(place, host=host, port=port, expose=expose, proxy=proxy)
        _say(found.url, place, as_json=as_json)
        return OK
    running = local.known(place)
    if running is not None:
        _say(running.url, place, as_json=as_json, already=True)
        return OK
    from tarragon.engine import myself
    from tarragon.faces.aws.gateway import serve

    def ready(url: str) -> None:
        at = "" if proxy is None else f"http://127.0.0.1:{proxy}"
        local.announce(place, local.Known(url, os.getpid(), myself(), time.time(), at))
        _say(url, place, as_json=as_json)

    try:
        serve(place, host, port, ready, proxy=proxy)
    finally:
        mine = local.known(place)
        if mine is None or mine.pid == os.getpid():
            (place / local.FILE).unlink(missing_ok=True)
    return OK


def down(home: Home = None, as_json: Json = False) -> int:
    """End the local server; jobs in flight are run again when it is started next."""
    from tarragon.faces import local

    found = local.stop(_home(home))
    show_json({"url": found.url, "exit_code": OK}) if as_json else print(f"ended {found.url}")
    return OK


def status(home: Home = None, as_json: Json = False) -> int:
    """Say whether the server runs, what it runs, and what it serves."""
    from tarragon.engine import Documents, Workspace
    from tarragon.faces import local

    place = _home(home)
    found = local.known(place)
    jobs, endpoints = [], []
    with Workspace.open(place) as workspace:
        for kind in workspace.kinds():
            jobs += [
                {"kind": kind, "name": job.name, "state": job.state.value, "since": job.created}
                for job in workspace.jobs(kind)
                if not job.state.over
            ]
        documents = Documents(workspace.store)
        for realm in documents.realms("endpoint"):
            endpoints += [
                {"name": each.name, "region": realm, "status": each.content["status"]}
                for each in documents.list(realm, "endpoint")
            ]
    if as_json:
        url = None if found is None else found.url
        show_json({"running": found is not None, "url": url, "home": str(place), "jobs": jobs, "endpoints": endpoints})
        return OK
    print(f"{'running at ' + found.url if found else 'not running'}; home {place}")
    for job in jobs:
        print(f"  {job['kind']:14} {job['name']:40} {job['state']}")
    for endpoint in endpoints:
        print(f"  {'endpoint':14} {endpoint['name']:40} {endpoint['status']} ({endpoint['region']})")
    return OK


def logs(
    job: Annotated[str, typer.Argument(help="A job's or endpoint's name.", show_default=False)],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job is over.")] = False,
    region: Annotated[str, typer.Option("--region", help="Where it runs.")] = "us-east-1",
    home: Home = None,
) -> int:
    """Print what a job or an endpoint has printed."""
    from tarragon.engine import Workspace

    place = _home(home)
    seen: dict[tuple[str, str], int] = {}
    while True:
        with Workspace.open(place) as workspace:
            over = _over(workspace, job)
        printed = False
        for line in _lines(place, region, job, seen):
            printed = True
            print(line, flush=True)
        if not follow and not printed and over is None:
            raise NotFoundError(
                f"There is nothing in the logs of {job}",
                why=f"no job or endpoint of that name has printed anything in {region}",
                fix="`tarragon status` names what runs",
            )
        if not follow or (over and not printed):
            return OK
        time.sleep(FOLLOW_S)


def env(
    shell: Annotated[str, typer.Option("--shell", help="sh, fish, powershell or dotenv.")] = "sh",
    proxied: Annotated[bool, typer.Option("--proxied", help="Also through the proxy, see up --proxy.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> int:
    """Print what points a shell's SageMaker clients at the local server: ``eval "$(tarragon env)"``."""
    from tarragon.faces import local

    place = _home(home)
    found = local.known(place)
    if found is None:
        raise NotFoundError("No server runs", why=f"none was found for {place}", fix="`tarragon up --background` first")
    variables = local.environment(place, found.url) | (local.through_proxy(place, found) if proxied else {})
    if as_json:
        show_json({"set": variables, "unset": list(local.CLEARED)})
        return OK
    writers: dict[str, tuple[Callable[[str, str], str], Callable[[str], str]]] = {
        "sh": (lambda n, v: f"export {n}={shlex.quote(v)}", lambda n: f"unset {n}"),
        "fish": (lambda n, v: f"set -gx {n} {shlex.quote(v)}", lambda n: f"set -e {n}"),
        "powershell": (
            lambda n, v: f"$env:{n} = '{v.replace(chr(39), chr(39) * 2)}'",
            lambda n: f"Remove-Item Env:{n} -ErrorAction SilentlyContinue",
        ),
        "dotenv": (lambda n, v: f"{n}={v}", lambda n: ""),
    }
    if shell not in writers:
        raise ParameterError(
            f"--shell cannot be {shell!r}", why=f"known are {', '.join(writers)}", fix="Name one of them"
        )
    export, remove = writers[shell]
    lines = [remove(name) for name in local.CLEARED] + [export(name, value) for name, value in variables.items()]
    print("\n".join(line for line in lines if line))
    return OK


def run(
    command: Annotated[list[str], typer.Argument(help="What to run, after --.", show_default=False)],
    home: Home = None,
) -> int:
    """Run one command as a client of the local server; one is started for it when none runs."""
    from tarragon.faces import local

    place = _home(home)
    found = local.known(place)
    own = found is None
    if found is None:
        found = local.start(place, port=0)
        print(f"tarragon: started {found.url} for this command", file=sys.stderr)
    try:
        process = subprocess.Popen(command, env=local.client_environment(place, found.url))
        passed = (signal.SIGTERM, signal.SIGINT)
        previous = {number: signal.signal(number, lambda n, _: process.send_signal(n)) for number in passed}
        try:
            return process.wait()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
    except FileNotFoundError:
        raise NotFoundError(f"There is no command {command[0]}", fix="Check its name and your PATH") from None
    finally:
        if own:
            local.stop(place)


def _home(given: Path | None) -> Path:
    from tarragon.engine import home

    return Path(given or home()).absolute()


def _say(url: str, place: Path, *, as_json: bool, already: bool = False) -> None:
    from tarragon.faces import local

    if as_json:
        show_json({"url": url, "home": str(place), "log": str(place / local.LOG), "already_running": already})
        sys.stdout.flush()
        return
    print(f"{'running already' if already else 'answering'} at {url}")
    print(f"  data  {place}")
    print(f"  log   {place / local.LOG}")
    print('  next  eval "$(tarragon env)"   or   tarragon run -- python your_script.py', flush=True)


def _over(workspace: object, job: str) -> bool | None:
    """Whether a job is over; None when no job has that name."""
    from tarragon.engine import Workspace

    assert isinstance(workspace, Workspace)
    found = [each for kind in workspace.kinds() for each in workspace.jobs(kind) if each.name == job]
    return all(each.state.over for each in found) if found else None


def _lines(place: Path, region: str, job: str, seen: dict[tuple[str, str], int]) -> Iterator[str]:
    """Yield the lines that are new, stream by stream."""
    from tarragon.engine import Logs

    kept = Logs(place)
    groups = [(f"/aws/sagemaker/{name}", f"{job}/") for name in JOB_GROUPS] + [(f"/aws/sagemaker/Endpoints/{job}", "")]
    for group, prefix in groups:
        try:
            streams = kept.streams(region, group, prefix)
        except NotFoundError:
            continue
        for stream in streams:
            place_in = seen.get((group, stream.name), 0)
            for event in kept.scan(region, group, stream.name, place_in):
                seen[group, stream.name] = event.end
                yield event.message if len(streams) == 1 else f"{stream.name.rpartition('/')[2]}: {event.message}"
