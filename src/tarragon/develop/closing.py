"""The last lines of the loop: the registered package, the replay record and the written report."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import tarragon
from tarragon.data import Table
from tarragon.develop import replay
from tarragon.develop.loop import Story
from tarragon.develop.protocol import Report, Spec
from tarragon.develop.report import ReportFiles, write
from tarragon.develop.run import Run
from tarragon.develop.unseen import Unseen, keep_rows
from tarragon.engine import code_sha256, dump, environment, environment_sha256
from tarragon.errors import TarragonError
from tarragon.registry import Package, PackageFacts, Registry


def previous_model(registry: Registry, group: str, run: str, table: Table) -> Unseen | None:
    """Load the latest registered version of this model if it answers the same question; this run's own is none."""
    try:
        package = registry.show(group)
        if package.lineage.get("run") == run or package.target != table.target or package.task != table.task:
            return None
        earlier = Unseen.load(registry.open(package.name))
    except (TarragonError, OSError, ValueError):
        return None  # no version yet, or one that cannot be read: nothing to compare with
    same = earlier.model.classes == table.classes and set(earlier.model.columns) <= set(table.frame.columns)
    return earlier if same else None


def package(story: Story, spec: Spec, run: Run, registry: Registry) -> Package | None:
    """Register the model with its lineage; a resumed run finds what it had registered. None after STOP."""
    assert run.job is not None
    folder = run.folder / "package"
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir()
    story.model.save(folder / "model")
    keep_rows(story.table.frame, story.model.columns, folder)
    work = replay.work_record(story, spec, run)
    dump(work, folder / "replay.json")
    dump(work, run.folder / "replay.json")
    if story.verdict.decision == "STOP":
        return None
    known = next((p for p in registry.list() if p.lineage.get("run") == run.job.name), None)
    if known is not None:
        return known
    score = story.analysis.score
    value, low, high = score.numbers
    facts = PackageFacts(
        group=spec.name,
        task=story.table.task,
        target=story.table.target,
        metric=score.metric,
        score=value,
        low=low,
        high=high,
        columns=tuple((c.name, str(c.kind)) for c in story.table.features),
        classes=tuple(map(str, story.table.classes)),
        lineage={
            "run": run.job.name,
            "verdict": story.verdict.decision,
            "data_sha256": story.table.sha256,
            "split_sha256": work.split_sha256,
            "code_sha256": code_sha256(),
            "environment_sha256": environment_sha256(),
            "predictions_sha256": work.prediction_sha256,
        },
    )
    return registry.register(folder, facts)


def report(
    story: Story, spec: Spec, run: Run, registered: Package | None, out: Path | None
) -> tuple[Report, ReportFiles]:
    """Write the report into the run's folder, and a copy where the user asked for one."""
    assert run.job is not None
    told = Report(
        run=run.job.name,
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        tarragon=tarragon.__version__,
        source=Path(story.table.source).name,
        task=story.table.task,
        target=story.table.target,
        classes=tuple(map(str, story.table.classes)),
        n_rows=story.table.n_rows,
        n_columns=len(story.table.columns),
        spec=spec,
        verdict=story.verdict,
        profile=story.profile,
        feasibility=story.feasibility,
        plan=story.plan,
        board=story.board,
        model=story.summary,
        analysis=story.analysis,
        package=registered,
        elapsed_s=run.elapsed_s,
        stopped_early=story.outcome.ended,
        stages=tuple(run.stages.items()),
        environment=environment(),
        notes=story.notes,
    )
    files = write(told, run.folder / "report")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for path in (files.html, files.json, files.markdown):
            shutil.copy2(path, out / path.name)
    return told, files
