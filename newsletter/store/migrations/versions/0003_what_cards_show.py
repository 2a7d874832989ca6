"""What the cards of an e-mail show of a paper, and the reader's language."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Six columns for papers, one each for subscribers and rankings."""
    empty, zero = sa.text("''"), sa.text("0")
    op.add_column("papers", sa.Column("venue", sa.Text, nullable=False, server_default=empty))
    op.add_column("papers", sa.Column("published", sa.Date))
    op.add_column("papers", sa.Column("version", sa.Integer, nullable=False, server_default=zero))
    op.add_column("papers", sa.Column("votes", sa.Integer))
    op.add_column("papers", sa.Column("ai_summary", sa.Text, nullable=False, server_default=empty))
    op.add_column("papers", sa.Column("thumbnail", sa.Text, nullable=False, server_default=empty))
    op.add_column("subscribers", sa.Column("locale", sa.String(35), nullable=False, server_default=empty))
    op.add_column("rankings", sa.Column("excluded", sa.JSON))
