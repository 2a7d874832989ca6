"""The first tables.

A migration is history: it spells its tables out instead of importing them, so that it makes the same ones for ever.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_WORD = sa.String(16)
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make every table; the order is that of the foreign keys."""
    _papers()
    _people()
    _editions()
    _deliveries()


def _papers() -> None:
    op.create_table(
        "papers",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("abstract", sa.Text, nullable=False),
        sa.Column("authors", sa.JSON, nullable=False),
        sa.Column("links", sa.JSON, nullable=False),
        sa.Column("first_seen", sa.Date),
        sa.PrimaryKeyConstraint("id", name="pk_papers"),
    )
    op.create_table(
        "paper_keys",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("paper_id", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_paper_keys"),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name="fk_paper_keys_paper_id"),
    )
    op.create_index("ix_paper_keys_paper_id", "paper_keys", ["paper_id"])
    op.create_table(
        "listings",
        sa.Column("paper_id", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("rank", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("paper_id", "source", "day", name="pk_listings"),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name="fk_listings_paper_id"),
    )
    op.create_index("ix_listings_day", "listings", ["day"])
    op.create_table(
        "batches",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("day", sa.Date),
        sa.Column("verdict", _WORD, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("papers", sa.Integer, nullable=False),
        sa.Column("new", sa.Integer, nullable=False),
        sa.Column("curators", sa.Text, nullable=False),
        sa.Column("problems", sa.JSON, nullable=False),
        sa.Column("collected_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_batches"),
        sqlite_autoincrement=True,
    )


def _people() -> None:
    op.create_table(
        "topics",
        sa.Column("slug", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("definition", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("slug", name="pk_topics"),
    )
    op.create_table(
        "subscribers",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("topics", sa.JSON, nullable=False),
        sa.Column("timezone", sa.Text, nullable=False),
        sa.Column("hour", sa.Integer, nullable=False),
        sa.Column("rhythm", _WORD, nullable=False),
        sa.Column("status", _WORD, nullable=False),
        sa.Column("origin", _WORD, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_subscribers"),
        sa.UniqueConstraint("address", name="uq_subscribers_address"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "suppressions",
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("address", name="pk_suppressions"),
    )


def _editions() -> None:
    op.create_table(
        "editions",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("curators", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_editions"),
        sa.UniqueConstraint("day", name="uq_editions_day"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "edition_papers",
        sa.Column("edition_id", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("paper_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("edition_id", "position", name="pk_edition_papers"),
        sa.ForeignKeyConstraint(["edition_id"], ["editions.id"], name="fk_edition_papers_edition_id"),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name="fk_edition_papers_paper_id"),
        sa.UniqueConstraint("paper_id", name="uq_edition_papers_paper_id"),
    )
    op.create_table(
        "rankings",
        sa.Column("edition_id", sa.Integer, nullable=False),
        sa.Column("slug", sa.Text, nullable=False),
        sa.Column("topic", sa.JSON),
        sa.Column("picks", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("edition_id", "slug", name="pk_rankings"),
        sa.ForeignKeyConstraint(["edition_id"], ["editions.id"], name="fk_rankings_edition_id"),
    )


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("subscriber_id", sa.Integer, nullable=False),
        sa.Column("local_date", sa.Date, nullable=False),
        sa.Column("state", _WORD, nullable=False),
        sa.Column("phase", _WORD),
        sa.Column("lease_owner", sa.Text),
        sa.Column("lease_until", _MOMENT),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("next_at", _MOMENT),
        sa.Column("resent", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("code", sa.Integer),
        sa.Column("reply", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("sections", sa.Integer, nullable=False),
        sa.Column("papers", sa.Integer, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name="fk_deliveries_subscriber_id"),
        sa.UniqueConstraint("subscriber_id", "local_date", name="uq_deliveries_subscriber_id_local_date"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deliveries_state_local_date", "deliveries", ["state", "local_date"])
    op.create_index("ix_deliveries_local_date", "deliveries", ["local_date"])
    op.create_table(
        "audiences",
        sa.Column("local_date", sa.Date, nullable=False),
        sa.Column("planned", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("local_date", name="pk_audiences"),
    )
