"""Summaries by a language model in the day's journey: asked once, marked, frozen, and never in its way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from model_server import ModelServer, Paper, completion, failure
from pydantic import SecretStr
from sqlalchemy import func, select, update
from web_server import Reply
from world import FRIDAY, World, reader

from newsletter.daily import Daily
from newsletter.daily.summarising import ENOUGH
from newsletter.model import Subscriber
from newsletter.settings.llm import LlmTable
from newsletter.sources.web import completions
from newsletter.store import tables

TITLES = [f"A Robot Called {name}" for name in "Ada Ben Cleo Dora Egon Fred Gina Hal".split()]


def written(paper: Paper) -> str:
    return f"The authors study {paper['title'].lower()} and find that this works rather well."


@pytest.fixture
async def model() -> AsyncIterator[ModelServer]:
    async with ModelServer() as server:
        server.says(written)
        yield server


@pytest.fixture
def world(tmp_path: Path, model: ModelServer, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(completions, "FIRST_WAIT", 0.0)
    made = World(tmp_path)
    made.readers(reader("ada"), Subscriber("trend@example.org"))
    made.list_papers(FRIDAY, *TITLES)
    choose(made, model)
    return made


def choose(world: World, server: ModelServer, **more: Any) -> None:
    settings = world.configuration.settings
    llm = LlmTable(**server.settings(**more))
    world.settings(llm=llm, email=settings.email.model_copy(update={"summaries": "llm"}))


async def alerts(world: World) -> tuple[str, ...]:
    """Those of a run of FRIDAY, which accepts every delivery."""
    async with world.daily() as daily:
        report = await daily.run(world.now, FRIDAY)
    assert {str(state) for state in report.counts} == {"accepted"}
    return report.alerts


async def test_cards_show_what_the_model_wrote_and_say_so(world: World, model: ModelServer) -> None:
    assert await alerts(world) == ()
    for mail in world.mail():
        flat = " ".join(mail.replace("=\n", "").split())
        for title in TITLES[:3]:
            assert f"Machine-written: The authors study {title.lower()} and find that this works rather well." in flat
        assert "are a language model" in flat
    assert sorted(one["title"] for one in model.asked) == TITLES
    assert all("In this paper we study" in one["abstract"] for one in model.asked)


async def test_a_frozen_edition_keeps_its_summaries_and_asks_no_more(world: World, model: ModelServer) -> None:
    await world.run(FRIDAY)
    before, asked = await rebuilt(world), len(model.asked)
    model.says("Something else altogether about robots, which the authors study well.")
    choose(world, model, model="another-one")
    assert await alerts(world) == ()
    assert await rebuilt(world) == before
    async with world.daily() as daily, daily.store.database.write() as connection:
        await connection.execute(update(tables.summaries).values(text="Changed."))
    assert await rebuilt(world) == before
    assert len(model.asked) == asked


async def rebuilt(world: World) -> list[bytes]:
    async with world.daily() as daily:
        readers = await daily.store.subscribers.all()
        return [(await daily.preview(one, FRIDAY)).message.content for one in readers]


async def test_a_question_is_paid_for_once_though_the_freezing_was_interrupted(
    world: World, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(*_: object) -> None:
        raise asyncio.CancelledError

    async with world.daily() as daily:
        with monkeypatch.context() as patched:
            patched.setattr(type(daily.store.editions), "freeze", killed)
            with pytest.raises(asyncio.CancelledError):
                await daily.run(world.now, FRIDAY)
    assert len(model.asked) == len(TITLES)
    assert await alerts(world) == ()
    assert len(model.asked) == len(TITLES)
    assert "Machine-written:" in world.mail()[0]


ATTACKS = [
    "The robot works well, see https://evil.example/pay for what the authors study.",
    "The robot works well, says the paper of evil.example about what authors study.",
    "<script>alert('robot')</script> The authors study a robot and it works well.",
    "<a href=x>The authors study</a> a robot at length and it works quite well.",
    "The authors study a robot and it works 99 times as well as in this paper.",
    "I'm sorry, but I cannot summarise this paper about a robot that works well.",
    "{{ reader.address }} The authors study a robot and it works quite well.",
    "The authors study a robot that works. " * 400,
    "",
    "\x00\u202e\ue000",
]


async def test_an_abstract_that_gives_orders_puts_nothing_on_the_card(world: World, model: ModelServer) -> None:
    """Whatever the model was talked into, readers get the sentences of the abstract, and the run goes on."""
    model.replies(*map(completion, ATTACKS))
    assert await alerts(world) == ()
    for mail in world.mail():
        assert "Machine-written:" not in mail
        assert "evil" not in mail
        assert "we find that it works quite well" in " ".join(mail.replace("=\n", "").split())
    async with world.daily() as daily, daily.store.database.read() as connection:
        rows = (await connection.execute(select(tables.summaries))).all()
    assert len(rows) == len(TITLES)
    assert all(row.text == "" and row.flaw and row.tokens == 100 for row in rows)


FAULTS: dict[str, tuple[list[Reply], str]] = {
    "a wrong key": ([failure(401)], "answered 401 Unauthorized; check llm.key"),
    "no such model": ([failure(404)], "answered 404 Not Found; check llm.url and llm.model"),
    "a server that breaks down": ([failure(500)], "answered 500 Internal Server Error"),
    "too many requests": ([failure(429, **{"Retry-After": "7200"})], "answered 429 Too Many Requests"),
    "no HTTP": ([Reply(raw=b"SSH-2.0-OpenSSH\r\n")], "gave none in HTTP"),
    "nobody can say": ([failure(400)], "answered 400 Bad Request"),
    "another page": ([Reply(body=b"<html>Welcome</html>")], "did not answer in the form of the API"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_model_that_does_not_answer_costs_a_sentence_and_no_mail(
    world: World, model: ModelServer, fault: str
) -> None:
    replies, why = FAULTS[fault]
    model.replies(*replies)
    [alert] = await alerts(world)
    assert alert.startswith("8 papers show sentences of the abstract instead of a summary: the language model at ")
    assert why in alert
    assert "sk-of-the-tests" not in alert
    assert len(world.mail()) == 2
    assert "Machine-written" not in "".join(world.mail())
    assert len({one["title"] for one in model.asked}) < len(TITLES)  # it was not asked about all of them


async def test_an_answer_that_is_none_is_not_kept(
    world: World, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same papers are asked about again, where their edition is not frozen yet."""

    async def killed(*_: object) -> None:
        raise asyncio.CancelledError

    model.replies(Reply(body=b"<html>Welcome</html>"))
    async with world.daily() as daily:
        with monkeypatch.context() as patched:
            patched.setattr(type(daily.store.editions), "freeze", killed)
            with pytest.raises(asyncio.CancelledError):
                await daily.run(world.now, FRIDAY)
        assert await count(daily) == 0
    assert len(model.asked) >= ENOUGH
    model.says(written)
    assert await alerts(world) == ()
    assert "Machine-written:" in world.mail()[0]


async def test_one_question_without_an_answer_leaves_the_others_theirs(world: World, model: ModelServer) -> None:
    model.replies(
        *[failure(400)] * (ENOUGH - 1), completion("This paper says that the authors study a robot at length.")
    )
    [alert] = await alerts(world)
    assert alert.startswith(f"{ENOUGH - 1} papers show sentences of the abstract")
    assert "Machine-written" in "".join(world.mail())


async def test_a_model_that_hangs_holds_an_edition_up_no_longer_than_the_setting(
    world: World, model: ModelServer
) -> None:
    model.replies(Reply(delay=300))
    choose(world, model, seconds=0.3)
    [alert] = await alerts(world)
    assert "gave no answer within" in alert or "0.3 seconds are over (llm.seconds)" in alert


async def test_a_month_costs_no_more_than_the_budget(world: World, model: ModelServer) -> None:
    choose(world, model, budget=2_000)
    [alert] = await alerts(world)
    assert "this month's 2,000 tokens are used up (llm.budget)" in alert
    async with world.daily() as daily:
        spent = await daily.store.summaries.spent(world.now - timedelta(days=31))
    assert 0 < spent <= 2_000
    asked = len(model.asked)
    assert 0 < asked < len(TITLES)
    # Next month there is money again.
    later = FRIDAY + timedelta(days=31)
    world.list_papers(later, "The Robot of Next Month")
    await world.run(later)
    assert [one["title"] for one in model.asked[asked:]] == ["The Robot of Next Month"]


async def test_only_so_many_papers_are_asked_about_and_only_those_on_cards(world: World, model: ModelServer) -> None:
    digest = world.configuration.settings.digest.model_copy(update={"trending_papers": 3})
    world.settings(digest=digest)
    topics = tuple(replace(one, max_papers=2) for one in world.configuration.topics)
    world.configuration = replace(world.configuration, topics=topics)
    await world.run(FRIDAY)
    assert 3 <= len(model.asked) <= 5
    choose(world, model, max_papers=1)
    before = len(model.asked)
    next_day = FRIDAY + timedelta(days=1)
    world.list_papers(next_day, "Robot One", "Robot Two", "Robot Three")
    await world.run(next_day)
    assert len(model.asked) == before + 1


async def test_nobody_is_asked_where_summaries_are_drawn_from_abstracts(world: World, model: ModelServer) -> None:
    world.settings(email=world.configuration.settings.email.model_copy(update={"summaries": "abstract"}))
    await world.run(FRIDAY)
    assert model.asked == []
    assert "Machine-written" not in "".join(world.mail())


async def test_the_first_answer_stays_where_two_asked_at_once(world: World, model: ModelServer) -> None:
    async with world.daily() as one, world.daily() as other:
        await asyncio.gather(*(each.run(world.now, FRIDAY) for each in (one, other)))
        number = await count(one)
    assert number == len(TITLES)
    assert len(set(world.mail())) == 2


async def count(daily: Daily) -> int:
    async with daily.store.database.read() as connection:
        return await connection.scalar(select(func.count()).select_from(tables.summaries)) or 0


def test_the_key_is_a_secret(model: ModelServer) -> None:
    assert isinstance(LlmTable(key="sk-1").key, SecretStr)
    assert "sk-1" not in repr(LlmTable(key="sk-1"))
