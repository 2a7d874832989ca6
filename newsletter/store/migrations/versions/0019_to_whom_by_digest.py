"""Who was shown a digest, by the digest: so that it goes without a look at everybody."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """One index."""
    op.create_index("ix_shown_digest_id", "shown", ["digest_id"])
