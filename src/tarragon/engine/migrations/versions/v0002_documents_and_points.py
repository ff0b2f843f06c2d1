"""Named records, and metric points by minute."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the two tables."""
    op.create_table(
        "documents",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("realm", sa.String(63), nullable=False),
        sa.Column("kind", sa.String(63), nullable=False),
        sa.Column("name", sa.String(2048), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("updated", sa.Double, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_documents"),
        sa.UniqueConstraint("realm", "kind", "name", name="uq_documents_realm_kind_name"),
    )
    op.create_table(
        "points",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("realm", sa.String(63), nullable=False),
        sa.Column("namespace", sa.String(255), nullable=False),
        sa.Column("metric", sa.String(255), nullable=False),
        sa.Column("dimensions", sa.Text, nullable=False),
        sa.Column("minute", sa.BigInteger, nullable=False),
        sa.Column("count", sa.Double, nullable=False),
        sa.Column("sum", sa.Double, nullable=False),
        sa.Column("min", sa.Double, nullable=False),
        sa.Column("max", sa.Double, nullable=False),
        sa.Column("unit", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_points"),
        sa.UniqueConstraint(
            "realm",
            "namespace",
            "metric",
            "dimensions",
            "minute",
            name="uq_points_realm_namespace_metric_dimensions_minute",
        ),
    )


def downgrade() -> None:
    """Refuse: going back would lose what was recorded."""
    raise NotImplementedError("a store is not taken back to an older schema; restore a copy")
