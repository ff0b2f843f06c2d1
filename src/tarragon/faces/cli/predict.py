"""``tarragon predict``: score a file with a registered model."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tarragon.faces.cli.options import Home, Json, Quiet
from tarragon.faces.cli.outcome import OK, show_json


def predict(
    model: Annotated[
        str, typer.Argument(help="churn, churn/2, churn@approved, or a model's folder.", show_default=False)
    ],
    table: Annotated[Path, typer.Argument(help="CSV (also .gz), Parquet, JSON Lines or Arrow.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Where to write; .csv, .parquet or .jsonl.", show_default=False)
    ] = None,
    home: Home = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Add the model's answers to every row of a table."""
    from tarragon.engine import Workspace
    from tarragon.serve import predict as score

    target = out or table.with_name(f"{table.name.split('.')[0]}-scored.csv")
    with Workspace.open(home) as workspace:
        scored = score(model, table, target, workspace=workspace)
    if as_json:
        show_json(
            {
                "model": scored.model,
                "out": str(scored.path),
                "rows": scored.n_rows,
                "columns": list(scored.columns),
                "missing": list(scored.missing),
                "extra": list(scored.extra),
                "seconds": scored.seconds,
                "exit_code": OK,
            }
        )
        return OK
    if scored.missing and not quiet:
        print(f"note: the table lacks {', '.join(scored.missing)}; taken as missing values", file=sys.stderr)
    if scored.extra and not quiet:
        print(f"note: {scored.model} does not use {', '.join(scored.extra)}", file=sys.stderr)
    print(scored.path if quiet else f"{scored.n_rows:,} rows scored by {scored.model} → {scored.path}")
    return OK
