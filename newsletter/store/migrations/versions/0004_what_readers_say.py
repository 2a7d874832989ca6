"""What readers say, what that made of their rankings, and more of what is known of a paper."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Two columns and an index for papers, when a delivery was planned, groups, the tables of feedback and of personal
    rankings."""
    none = sa.text("'[]'")
    op.add_column("papers", sa.Column("categories", sa.JSON, nullable=False, server_default=none))
    op.add_column("papers", sa.Column("institutions", sa.JSON, nullable=False, server_default=none))
    op.create_index("ix_papers_first_seen", "papers", ["first_seen"])
    op.add_column("rankings", sa.Column("groups", sa.JSON))
    op.add_column("deliveries", sa.Column("planned_at", sa.DateTime(timezone=True)))
    _feedback()
    _personal_rankings()


def _feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("subscriber_id", sa.Integer, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("paper_id", sa.Text, nullable=False),
        sa.Column("opinion", sa.String(16), nullable=False),
        sa.Column("given", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_feedback"),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name="fk_feedback_subscriber_id"),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name="fk_feedback_paper_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_feedback_subscriber_id", "feedback", ["subscriber_id"])
    standing = sa.text("undone IS NULL")
    op.create_index(
        "ix_feedback_subscriber_id_topic_paper_id",
        "feedback",
        ["subscriber_id", "topic", "paper_id"],
        unique=True,
        sqlite_where=standing,
        postgresql_where=standing,
    )


def _personal_rankings() -> None:
    reader, ranking = "fk_personal_rankings_subscriber_id", "fk_personal_rankings_edition_id_slug"
    op.create_table(
        "personal_rankings",
        sa.Column("subscriber_id", sa.Integer, nullable=False),
        sa.Column("edition_id", sa.Integer, nullable=False),
        sa.Column("slug", sa.Text, nullable=False),
        sa.Column("picks", sa.JSON, nullable=False),
        sa.Column("excluded", sa.JSON),
        sa.PrimaryKeyConstraint("subscriber_id", "edition_id", "slug", name="pk_personal_rankings"),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=reader),
        sa.ForeignKeyConstraint(["edition_id", "slug"], ["rankings.edition_id", "rankings.slug"], name=ranking),
    )
