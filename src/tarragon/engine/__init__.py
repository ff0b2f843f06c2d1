"""Processes, time, disk and identity: where work runs, is recorded, and survives."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tarragon.engine.buckets import Buckets, Page, Stored, Wanted, blocks, buckets_in
    from tarragon.engine.container import (
        Command,
        base_environment,
        descendants,
        end,
        private_mounts,
        run_commands,
        spawn,
    )
    from tarragon.engine.disk import atomic, flush, folder_bytes, refusals, remove, sweep, temporary_in, write_json
    from tarragon.engine.documents import Document, Documents
    from tarragon.engine.draft import Draft, PartDraft
    from tarragon.engine.events import append_event
    from tarragon.engine.executor.inline import InlineExecutor
    from tarragon.engine.executor.local import LocalExecutor, cores
    from tarragon.engine.executor.protocol import Executor, Handle, Task, WorkerError
    from tarragon.engine.identity import alive, myself
    from tarragon.engine.job import Job
    from tarragon.engine.keys import Key, Keys
    from tarragon.engine.layout import contained, home, suggested, valid_name
    from tarragon.engine.log_file import LogEvent
    from tarragon.engine.logs import Excerpt, LogGroup, Logs, LogStream, Reading
    from tarragon.engine.machine import calibrate, code_sha256, environment, environment_sha256, seed_for
    from tarragon.engine.object_index import PartRow, UploadRow
    from tarragon.engine.objects import Objects, object_root
    from tarragon.engine.plain import Plain, to_plain
    from tarragon.engine.protocol import Event, JobRecord, ObjectRecord, State
    from tarragon.engine.record import dump, load
    from tarragon.engine.replay import WorkRecord, WorkUnit, difference
    from tarragon.engine.schema import audit, packages
    from tarragon.engine.series import Bucket, Metric, Point, Series, summed
    from tarragon.engine.store import Store
    from tarragon.engine.supervisor import Runner, Supervisor
    from tarragon.engine.typed import from_plain
    from tarragon.engine.uploads import Uploads, uploads_in
    from tarragon.engine.workspace import Workspace

_HOMES = {
    "buckets": ("Buckets", "Page", "Stored", "Wanted", "blocks", "buckets_in"),
    "draft": ("Draft", "PartDraft"),
    "uploads": ("Uploads", "uploads_in"),
    "object_index": ("PartRow", "UploadRow"),
    "documents": ("Document", "Documents"),
    "container": ("Command", "base_environment", "descendants", "end", "private_mounts", "run_commands", "spawn"),
    "disk": ("atomic", "flush", "folder_bytes", "refusals", "remove", "sweep", "temporary_in", "write_json"),
    "events": ("append_event",),
    "executor.inline": ("InlineExecutor",),
    "executor.local": ("LocalExecutor", "cores"),
    "executor.protocol": ("Executor", "Handle", "Task", "WorkerError"),
    "layout": ("contained", "home", "suggested", "valid_name"),
    "identity": ("alive", "myself"),
    "job": ("Job",),
    "keys": ("Key", "Keys"),
    "log_file": ("LogEvent",),
    "logs": ("Excerpt", "LogGroup", "LogStream", "Logs", "Reading"),
    "series": ("Bucket", "Metric", "Point", "Series", "summed"),
    "supervisor": ("Runner", "Supervisor"),
    "machine": ("calibrate", "code_sha256", "environment", "environment_sha256", "seed_for"),
    "objects": ("Objects", "object_root"),
    "plain": ("Plain", "to_plain"),
    "protocol": ("Event", "JobRecord", "ObjectRecord", "State"),
    "record": ("dump", "load"),
    "replay": ("WorkRecord", "WorkUnit", "difference"),
    "schema": ("audit", "packages"),
    "store": ("Store",),
    "typed": ("from_plain",),
    "workspace": ("Workspace",),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Bucket", "Buckets", "Command", "Document", "Documents", "Draft", "Event", "Excerpt", "Executor", "Handle",
    "InlineExecutor", "Job", "JobRecord", "Key", "Keys", "LocalExecutor", "LogEvent", "LogGroup", "LogStream",
    "Logs", "Metric", "ObjectRecord", "Objects", "Page", "PartDraft", "PartRow", "Plain", "Point", "Reading",
    "Runner", "Series", "State", "Store", "Stored", "Supervisor", "Task", "UploadRow", "Uploads", "Wanted",
    "WorkRecord", "WorkUnit", "WorkerError", "Workspace", "alive", "append_event", "atomic", "audit",
    "base_environment", "blocks", "buckets_in", "calibrate", "code_sha256", "contained", "cores", "descendants",
    "difference", "dump", "end", "environment", "environment_sha256", "flush", "folder_bytes", "from_plain", "home",
    "load", "myself", "object_root", "packages", "private_mounts", "refusals", "remove", "run_commands", "seed_for",
    "spawn", "suggested", "summed", "sweep", "temporary_in", "to_plain", "uploads_in", "valid_name", "write_json",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    # Names load on first use: a worker that only appends events never pays for the database's libraries.
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
