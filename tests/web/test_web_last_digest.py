"""The page with a reader's choices shows what the last digest brought, wherever the reader lives."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from readers_web import ADA, TUESDAY, Place

from newsletter.assembly import opened_daily

DAY = timedelta(days=1)


@pytest.mark.parametrize(("zone", "hour"), [("Pacific/Kiritimati", 7), ("Pacific/Honolulu", 22)])
async def test_the_last_digest_is_shown_with_its_papers_and_no_others(tmp_path: Path, zone: str, hour: int) -> None:
    place = Place(tmp_path, (replace(ADA, timezone=zone, hour=hour),))
    place.list_papers(TUESDAY, "A Robot That Walks")
    place.list_papers(TUESDAY + DAY, "A Robot That Sings")
    # Those of Tuesday have gone out; the edition of Wednesday is made, and not sent yet.
    for moment in (
        *(datetime.combine(TUESDAY, time(hour, 5), UTC) for hour in (7, 9, 18)),
        datetime.combine(TUESDAY + DAY, time(7, 5), UTC),
    ):
        place.now = moment
        async with opened_daily(place.configuration, now=lambda: place.now) as daily:
            await daily.look()
            assert (await daily.send()).failure is None
    reader = await place.reader(ADA.address)
    assert reader is not None
    with place.served() as client:
        page = client.get(f"/preferences/{place.tokens.preferences(reader.id, reader.address)}").text
    assert "A Robot That Walks" in page
    assert "A Robot That Sings" not in page
