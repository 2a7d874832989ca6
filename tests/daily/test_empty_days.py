"""Dates without papers for a reader: no mail, a line that says so, or left to the next digest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email import message_from_string, policy
from pathlib import Path

import pytest
from world import FRIDAY, World, reader

from newsletter.model import State

DAY = timedelta(days=1)


def world_of(tmp_path: Path, empty: str) -> World:
    world = World(tmp_path)
    world.settings(digest=world.configuration.settings.digest.model_copy(update={"empty": empty}))
    world.readers(reader("ada"), reader("bea", "shells"))
    return world


async def look(world: World, day: int) -> dict[str, tuple[State, str]]:
    """What a scheduler does at eight on that day after Friday: the states and reasons of its deliveries."""
    world.now = datetime.combine(FRIDAY + day * DAY, datetime.min.time(), UTC) + timedelta(hours=8)
    async with world.daily() as daily:
        await daily.look()
        assert (await daily.send()).failure is None
        rows = await daily.store.ledger.of_date(world.now.date())
    return {row.address.partition("@")[0]: (row.state, row.reason) for row in rows}


@pytest.mark.parametrize("empty", ["nothing", "line", "fold"])
async def test_three_days_of_which_one_has_no_papers(tmp_path: Path, empty: str) -> None:
    world = world_of(tmp_path, empty)
    assert await look(world, -1) == {}  # they are there from now on
    world.list_papers(FRIDAY, "A Robot That Walks")
    skipped = (
        State.SKIPPED,
        {"nothing": "nothing new for these topics", "fold": "folded into the next digest"}.get(empty),
    )
    sent = (State.ACCEPTED, "")
    assert await look(world, 0) == {"ada": sent, "bea": sent if empty == "line" else skipped}
    without = sent if empty == "line" else skipped
    assert await look(world, 1) == {"ada": without, "bea": without}
    world.list_papers(FRIDAY + 2 * DAY, "A Mollusc That Swims", "A Robot That Swims")
    assert await look(world, 2) == {"ada": sent, "bea": sent}
    mails = [message_from_string(one, policy=policy.default) for one in world.mail()]
    subjects = sorted((one["To"].partition("@")[0], one["Subject"]) for one in mails)
    said = [("ada", "Nothing new for your topics on 15 March")] if empty == "line" else []
    said += [("bea", f"Nothing new for your topics on {day} March") for day in (14, 15)] if empty == "line" else []
    assert [one for one in subjects if one[1].startswith("Nothing")] == said
    # What was left to the next digest is counted there; what was skipped, or said, is over.
    last = next(one for one in mails if one["To"].startswith("bea") and "Mollusc" in one["Subject"])
    text = last.get_body(("plain",)).get_content()
    assert ("in 3 days" in text) == (empty == "fold"), text
