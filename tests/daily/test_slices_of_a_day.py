"""What slices of readers share: the cards of the day, and whatever a slice has that none before it had."""

from __future__ import annotations

from pathlib import Path

from world import FRIDAY, World, reader

from newsletter.daily.addressing import Addressing, same
from newsletter.model import Occasion, Subscriber

WORDS = "robot mollusc glacier enzyme lattice orchard violin turbine comet fungus magnet canyon".split()


async def prepared_apart(world: World, *slices: list[Subscriber]) -> None:
    """Prepare slice after slice, and compare each message with the one that is made for its reader alone."""
    async with world.daily() as daily:
        await daily.collect()
        assert await daily.publishing.freeze(FRIDAY)
        known = {one.address: one for one in await daily.store.subscribers.all()}
        addressing = Addressing(daily._composing, Occasion(FRIDAY))
        for readers in slices:
            theirs = [known[one.address] for one in readers]
            together = await addressing.prepare(theirs)
            for one in theirs:
                alone = await daily._composing.prepare([one], Occasion(FRIDAY))
                made = addressing.address(one, together).message
                assert same(made, daily._composing.compose(one, alone).message)


async def test_a_later_slice_has_sections_that_none_before_it_had(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.list_papers(FRIDAY, *(f"A {word} that {verb}" for word in WORDS[:6] for verb in ("walks", "sings")))
    plain = Subscriber("plain@example.org")
    muting = Subscriber("muting@example.org", muted_words=("robot walks",))
    world.readers(plain, muting)
    async with world.daily() as daily:
        for one in await daily.store.subscribers.all():
            if one.address == muting.address:
                await daily.store.subscribers.mute(one.id, ("walks",), ())
    await prepared_apart(world, [plain], [muting])


async def test_a_topic_that_only_a_later_slice_follows(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.list_papers(FRIDAY, "A Robot That Walks", "A Mollusc That Stays")
    first, second = reader("first", "robots"), reader("second", "shells", "robots")
    world.readers(first, second)
    await prepared_apart(world, [first], [second], [first])
