"""What language models wrote about papers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Two tables."""
    op.create_table(
        "summaries",
        sa.Column("paper_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("prompt", sa.Integer(), nullable=False),
        sa.Column("abstract", sa.String(64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("flaw", sa.Text(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("paper_id", "model", "prompt", "abstract", name="pk_summaries"),
    )
    op.create_index("ix_summaries_written_at", "summaries", ["written_at"])
    op.create_table(
        "edition_summaries",
        sa.Column("paper_id", sa.Text(), nullable=False),
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("paper_id", name="pk_edition_summaries"),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name="fk_edition_summaries_paper_id"),
        sa.ForeignKeyConstraint(["edition_id"], ["editions.id"], name="fk_edition_summaries_edition_id"),
    )
