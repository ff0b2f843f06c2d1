"""Carry out what the findings recommend: columns set aside, the time column named."""

from collections.abc import Iterable
from dataclasses import replace

from tarragon.choose.protocol import Finding
from tarragon.data import Column, Role, Table

_WHY = {"leak": "gives the target away", "proxy": "copies the target", "id_column": "only names the row"}


def repair(table: Table, findings: Iterable[Finding], *, keep_leaks: bool = False) -> tuple[Table, tuple[str, ...]]:
    """Apply the findings' actions to the columns' roles; rows are never touched.

    Parameters
    ----------
    table : Table
    findings : iterable of Finding
    keep_leaks : bool
        Keep leaks and proxies in (the user knows they are known in time).

    Returns
    -------
    table : Table
        Columns set aside have the role "ignored" and a note that says why.
    notes : tuple of str
        What was done, in plain sentences; also appended to ``table.notes``.
    """
    columns = {c.name: c for c in table.columns}
    notes: list[str] = []
    known = tuple(findings)
    for finding in known:  # first, so that a counter that is also the clock is not set aside
        if finding.action != "time_split" or any(c.role is Role.TIME for c in columns.values()):
            continue
        name = next((n for n in finding.columns if n in columns), None)
        if name is not None:
            columns[name] = replace(columns[name], role=Role.TIME, note="orders the rows in time")
            notes.append(f'Rows are split by time along "{name}": {finding.why}.')
    for finding in known:
        if finding.action == "dropped":
            notes.extend(_drop(finding, columns, keep_leaks=keep_leaks))
    return replace(table, columns=tuple(columns.values()), notes=(*table.notes, *notes)), tuple(notes)


def _drop(finding: Finding, columns: dict[str, Column], *, keep_leaks: bool) -> list[str]:
    notes = []
    for name in finding.columns:
        column = columns.get(name)
        if column is None or column.role is not Role.FEATURE:
            continue
        if keep_leaks and finding.fault in ("leak", "proxy"):
            notes.append(f'"{name}" was kept as you asked, although: {finding.why}.')
            continue
        if sum(c.role is Role.FEATURE for c in columns.values()) == 1:
            notes.append(f'"{name}" was kept because it is the only feature left, although: {finding.why}.')
            continue
        reason = _WHY.get(finding.fault, finding.what)
        columns[name] = replace(column, role=Role.IGNORED, note=f"left out: {reason}")
        notes.append(f'"{name}" was left out: {finding.why}.')
    return notes
