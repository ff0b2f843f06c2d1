"""Room for a realm before a model's name."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Widen the column; SQLite holds texts of any length and copies the table to say so."""
    with op.batch_alter_table("packages") as table:
        table.alter_column("group", existing_type=sa.String(63), type_=sa.String(127), existing_nullable=False)


def downgrade() -> None:
    """Refuse: going back would lose what was recorded."""
    raise NotImplementedError("a store is not taken back to an older schema; restore a copy")
