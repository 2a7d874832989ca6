"""Up to which edition a channel has been told: not always that of the post's own date."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """One column. Old posts went through the edition of their date, as far as anybody can tell."""
    op.add_column("posts", sa.Column("through", sa.Date()))
