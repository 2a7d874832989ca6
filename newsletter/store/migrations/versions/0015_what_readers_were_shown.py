"""Where papers stood by their votes, and what readers were shown."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0011"


def upgrade() -> None:
    """Three tables."""
    op.create_table(
        "standings",
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("papers", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_standings"),
    )
    op.create_table(
        "shown_digests",
        sa.Column("id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("local_date", sa.Date, nullable=False),
        sa.Column("editions", sa.JSON, nullable=False),
        sa.Column("papers", sa.JSON, nullable=False),
        sa.Column("rising", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_shown_digests"),
    )
    op.create_index("ix_shown_digests_local_date", "shown_digests", ["local_date"])
    op.create_table(
        "shown",
        sa.Column("subscriber_id", sa.Integer, nullable=False),
        sa.Column("local_date", sa.Date, nullable=False),
        sa.Column("digest_id", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("subscriber_id", "local_date", "digest_id", name="pk_shown"),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name="fk_shown_subscriber_id"),
        sa.ForeignKeyConstraint(["digest_id"], ["shown_digests.id"], name="fk_shown_digest_id"),
    )
    op.create_index("ix_shown_local_date", "shown", ["local_date"])
