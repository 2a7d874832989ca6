"""Messages to try things out with: real ones in all but this, that they are nobody's."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import unquote

import pytest
from answering import Answering, relay
from builders import paper
from world import FRIDAY, World, reader

from newsletter.daily import Daily, Preview
from newsletter.errors import CompositionError, NewsletterError
from newsletter.mail.tokens import Tokens, row_of
from newsletter.model import Digest, Paper, Pick, Section, State, Subscriber
from newsletter.model.edition import TRENDING
from newsletter.settings.schema import BouncesTable, SiteTable

KEYS = ["a-key-for-the-tests"]
BY_MAIL = {"bounces": BouncesTable(address="bounces@example.org")}
ON_THE_WEB = {**BY_MAIL, "site": SiteTable.model_validate({"url": "https://papers.example.org/"})}


FIRST, SECOND = datetime(2026, 11, 22, 8, 30, tzinfo=UTC), datetime(2026, 11, 22, 8, 31, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.list_papers(FRIDAY, "A Robot That Walks", "The Mollusc That Thought")
    made.readers(reader("ada"), reader("bea"))
    made.settings(**BY_MAIL)
    return made


@pytest.fixture
async def daily(world: World) -> AsyncIterator[Daily]:
    async with world.daily() as opened:
        await opened.collect()
        yield opened


async def ada(daily: Daily) -> Subscriber:
    found = await daily.store.subscribers.find("ada@example.org")
    assert found
    return found


def header(made: Preview, name: str) -> str:
    return str(message_from_bytes(made.message.content, policy=policy.default)[name])


def tokens(made: Preview) -> set[str]:
    """Every token of a link, in header fields, HTML and text."""
    seen = unquote("\n".join((header(made, "List-Unsubscribe"), made.parts.html, made.parts.text)))
    return set(re.findall(r"(?:unsubscribe[ /]|preferences/)([0-9]+\.[\w-]{20,})", seen))


@pytest.mark.parametrize("settings", [BY_MAIL, ON_THE_WEB], ids=["by mail", "on the web"])
async def test_the_links_of_a_trial_belong_to_nobody(world: World, settings: dict[str, object]) -> None:
    world.settings(**settings)
    ours = Tokens(KEYS)
    async with world.daily() as daily:
        await daily.collect()
        her = await ada(daily)
        real, trial = await daily.preview(her, FRIDAY), await daily.preview(her, FRIDAY, FIRST)
    on_the_web = settings is ON_THE_WEB
    expected = {ours.leave(her.id, her.address)}
    expected |= {ours.preferences(her.id, her.address)} if on_the_web else set()
    assert tokens(real) == expected
    nobodys = {ours.leave(0, her.address)} | ({ours.preferences(0, her.address)} if on_the_web else set())
    assert tokens(trial) == nobodys
    assert {row_of(token) for token in nobodys} == {None}
    assert trial.subscriber.id == 0
    # Otherwise they are the same e-mail.
    assert trial.parts.papers == real.parts.papers
    for token in nobodys:
        assert token not in real.message.content.decode()


async def test_a_trial_says_so_and_is_connected_with_no_delivery(daily: Daily) -> None:
    her = await ada(daily)
    real, first, second = [await daily.preview(her, FRIDAY, trial) for trial in (None, FIRST, SECOND)]
    assert [header(one, "Subject") for one in (first, second)] == [f"[Test] {real.parts.subject}"] * 2
    assert len({one.message.message_id for one in (real, first, second)}) == 3
    assert [header(one, "Message-ID") for one in (real, first)] == [real.message.message_id, first.message.message_id]
    assert re.fullmatch(r"bounces\+[a-z2-7]{40}@example\.org", real.message.sender)
    assert {first.message.sender, second.message.sender} == {"papers@example.org"}
    assert first.message.recipient == real.message.recipient == her.address
    other = await daily.preview(replace(her, address="somebody.else@example.org"), FRIDAY, FIRST)
    assert other.message.recipient == "somebody.else@example.org"
    assert other.message.message_id != first.message.message_id


async def test_a_trial_is_handed_over_and_nobody_takes_note(world: World) -> None:
    answers = Answering()
    async with relay(world, answers), world.daily() as daily:
        await daily.collect()
        made = await daily.preview(await ada(daily), FRIDAY, FIRST)
        outcome = await daily.try_out(made)
        assert (outcome.state, outcome.code) == (State.ACCEPTED, 250)
        assert answers.taken == [(made.message.sender, made.message.recipient, made.message.content)]
        assert await daily.store.ledger.deliveries() == []
        assert await daily.store.editions.all_days() == []
        assert await daily.store.bounces.find_subscriber(made.message.message_id) is None
    # And the real ones go out as if there had been no trial.
    async with relay(world, answers):
        assert set((await world.run(FRIDAY)).values()) == {State.ACCEPTED}
    assert sorted(to for _, to, _ in answers.taken[1:]) == ["ada@example.org", "bea@example.org"]


async def test_a_trial_of_a_day_that_went_out_changes_nothing_in_the_ledger(world: World) -> None:
    answers = Answering()
    async with relay(world, answers):
        await world.run(FRIDAY)
        async with world.daily() as daily:
            before = await daily.store.ledger.deliveries()
            await daily.try_out(await daily.preview(await ada(daily), FRIDAY, FIRST))
            assert await daily.store.ledger.deliveries() == before
        assert await world.run(FRIDAY) == {one.address: one.state for one in before}
    assert len(answers.taken) == 3


@pytest.mark.parametrize(
    ("answer", "state"), [("550 5.1.1 no such user", State.REFUSED), ("450 4.2.1 later", State.DEFERRED)]
)
async def test_what_the_relay_says_of_a_trial_is_told_and_suppresses_nobody(
    world: World, answer: str, state: State
) -> None:
    async with relay(world, Answering(rcpt=answer)), world.daily() as daily:
        await daily.collect()
        outcome = await daily.try_out(await daily.preview(await ada(daily), FRIDAY, FIRST))
        assert (outcome.state, outcome.code) == (state, int(answer[:3]))
        assert await daily.store.subscribers.suppressed() == {}
        assert await daily.store.ledger.deliveries() == []


async def test_no_trial_goes_to_a_suppressed_address(world: World) -> None:
    answers = Answering()
    async with relay(world, answers), world.daily() as daily:
        await daily.collect()
        her = await ada(daily)
        await daily.store.suppressions.add(her.address, "hard bounce", world.now)
        with pytest.raises(NewsletterError, match=r"ada@example\.org is suppressed \(hard bounce\)"):
            await daily.try_out(await daily.preview(her, FRIDAY, FIRST))
    assert answers.taken == []


async def test_a_trial_passes_the_wire_gate_or_is_not_sent(world: World) -> None:
    answers = Answering()
    async with relay(world, answers), world.daily() as daily:
        await daily.collect()
        made = await daily.preview(await ada(daily), FRIDAY, FIRST)
        content = made.message.content.replace(b"\r\nDate: ", b"\r\nBcc: victim@example.net\r\nDate: ", 1)
        damaged = replace(made, message=replace(made.message, content=content))
        with pytest.raises(CompositionError, match=r"nothing was sent: .*Bcc is there"):
            await daily.try_out(damaged)
        assert answers.taken == []
        await daily.try_out(made)
    assert len(answers.taken) == 1


def made_up(*, top: bool) -> tuple[Digest, dict[str, Paper]]:
    """A digest of papers that are in no store, in the shape of a narrow topic and *Trending*."""
    papers = [paper(number) for number in range(1, 5)]
    best, *others = [Pick(one.id, "made-up", 1.0, (("title", 1.0),), ()) for one in papers[:3]]
    stranger = Pick(papers[3].id, TRENDING, 0.5, (("trend", 0.5),), ())
    picks = () if top else (best,)
    sections = (Section("made-up", "Made-up things", (*picks, *others)),)
    digest = Digest(FRIDAY, (FRIDAY,), sections, considered=4, top=best if top else None, outside=stranger)
    return digest, {one.id: one for one in papers}


@pytest.mark.parametrize("top", [False, True])
async def test_a_specimen_is_a_whole_message_of_papers_that_no_store_has(world: World, daily: Daily, top: bool) -> None:
    digest, papers = made_up(top=top)
    answers = Answering()
    made = daily.specimen(await ada(daily), digest, papers, FIRST)
    assert made.parts.papers == tuple(pick.paper for pick in digest.picks)
    assert "Made-up things" in made.parts.html
    assert await daily.store.papers.get(list(papers)) == {}
    async with relay(world, answers), world.daily() as sending:
        assert (await sending.try_out(made)).state is State.ACCEPTED
    assert len(answers.taken) == 1


async def test_a_specimen_may_have_a_section_with_nothing_but_its_top_pick(daily: Daily) -> None:
    digest, papers = made_up(top=True)
    [section] = digest.sections
    alone = replace(digest, sections=(), also=section.picks)
    made = daily.specimen(await ada(daily), alone, papers)
    assert made.parts.papers == tuple(pick.paper for pick in digest.picks)
