"""What sources answer: kept word for word, at a pace, with where each field came from and numbers as they change."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Columns for papers, batches and editions; the tables of observations, answers and paces."""
    op.add_column("papers", sa.Column("fields", sa.JSON, nullable=False, server_default=sa.text("'[]'")))
    op.add_column("papers", sa.Column("origins", sa.JSON, nullable=False, server_default=sa.text("'{}'")))
    op.add_column("batches", sa.Column("declared", sa.Integer))
    op.add_column("batches", sa.Column("asked", sa.Date))
    op.add_column("batches", sa.Column("identities", sa.String(32), nullable=False, server_default=sa.text("''")))
    op.create_index("ix_batches_source_document", "batches", ["source", "document"])
    op.create_index("ix_batches_source_asked", "batches", ["source", "asked"])
    op.add_column("editions", sa.Column("verdicts", sa.JSON))
    _observations()
    _answers()
    _paces()


def _observations() -> None:
    op.create_table(
        "observations",
        sa.Column("paper_id", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("observed_at", _MOMENT, nullable=False),
        sa.Column("value", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("paper_id", "source", "what", "observed_at", name="pk_observations"),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name="fk_observations_paper_id"),
    )


def _answers() -> None:
    op.create_table(
        "answers",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("headers", sa.JSON, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("first_at", _MOMENT, nullable=False),
        sa.Column("rejected", sa.Boolean, nullable=False, server_default=sa.text("0")),
        sa.Column("fetched_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_answers"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_answers_fetched_at", "answers", ["fetched_at"])
    op.create_index("ix_answers_source_request_fetched_at", "answers", ["source", "request", "fetched_at"])


def _paces() -> None:
    op.create_table(
        "paces",
        sa.Column("group", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("held_until", _MOMENT, nullable=False),
        sa.Column("next_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("group", name="pk_paces"),
    )
