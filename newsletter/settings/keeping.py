"""The `[keeping]` table: for how long what nobody looks at any more is kept."""

from __future__ import annotations

from pydantic import Field

from newsletter.sources.options import Table

LONGEST = 36500


class KeepingTable(Table):
    """Days, by kind; 0 is for ever. Deliveries and answers of sources have theirs in `[delivery]`, `[collecting]`."""

    sign_ups: int = Field(7, ge=7, le=365, description="days for which a sign-up that nobody confirms is kept")
    batches: int = Field(400, ge=0, le=LONGEST, description="days for which it is kept what each source answered when")
    observations: int = Field(
        400, ge=0, le=LONGEST, description="days for which votes and the like are kept that a newer number replaced"
    )
    opinions: int = Field(400, ge=0, le=LONGEST, description="days for which feedback is kept that was taken back")
    rankings: int = Field(
        400, ge=0, le=LONGEST, description="days for which it is kept what was ranked for one reader alone"
    )
    reports: int = Field(
        400, ge=0, le=LONGEST, description="days for which the words of bounces and complaints are kept"
    )
    outbox: int = Field(365, ge=0, le=LONGEST, description="days for which the local mailbox keeps its messages")
    aside: int = Field(90, ge=0, le=LONGEST, description="days for which reports are kept that nobody understood")
    previews: int = Field(30, ge=0, le=LONGEST, description="days for which previews are kept")
