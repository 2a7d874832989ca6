"""Readers of several languages in one run: each gets hers, and the gate looks at each."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from answering import Answering, relay
from world import FRIDAY, World, reader

from newsletter.daily import gate
from newsletter.errors import CompositionError
from newsletter.model import Message, State


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.list_papers(FRIDAY, "A Robot That Walks", "A Robot That Swims")
    return made


def language_of(content: bytes | str) -> str:
    """The language that the HTML part says it is in."""
    raw = content if isinstance(content, bytes) else content.encode()
    parsed = message_from_bytes(raw, policy=policy.default)
    html = parsed.get_body(("html",))
    assert html
    shown = html.get_content()
    found = shown.partition('<html lang="')[2].partition('"')[0]
    assert f'xml:lang="{found}"' in shown
    return str(found)


async def test_each_reader_gets_her_language_and_the_gate_looks_at_each(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, str]] = []
    judge = gate.faults

    def watching(message: Message, *given: Any, **named: Any) -> list[str]:
        seen.append((language_of(message.content), message.recipient))
        return judge(message, *given, **named)

    monkeypatch.setattr("newsletter.daily.gate.faults", watching)
    readers = [reader("ada"), reader("bea"), reader("carla"), reader("dora"), reader("emmy")]
    locales = ["", "de", "en", "de", ""]
    world.readers(*(replace(one, locale=locale) for one, locale in zip(readers, locales, strict=True)))
    answers = Answering()
    async with relay(world, answers):
        assert set((await world.run(FRIDAY)).values()) == {State.ACCEPTED}
    assert {to.partition("@")[0]: language_of(content) for _, to, content in answers.taken} == {
        "ada": "en",
        "bea": "de",
        "carla": "en",
        "dora": "de",
        "emmy": "en",
    }
    assert sorted(seen) == [("de", "bea@example.org"), ("en", "ada@example.org")]


async def test_subject_and_text_are_in_the_readers_language_too(world: World) -> None:
    world.readers(reader("ada"), replace(reader("bea"), locale="de"))
    async with world.daily() as daily:
        await daily.collect()
        ada, bea = [await daily.preview(one, FRIDAY) for one in await daily.store.subscribers.all()]
    assert ada.parts.papers == bea.parts.papers
    assert ada.digest == bea.digest
    for made, english in ((ada, True), (bea, False)):
        assert ("You get this e-mail because you follow: Robots." in made.parts.text) is english
        assert ("14 March 2025" in made.parts.html) is english
        assert ("14. März 2025" in made.parts.html) is not english
    assert "1 paper" in ada.message.content.decode()
    assert ada.parts.subject != bea.parts.subject


@pytest.mark.parametrize("locale", ["en", "de"])
async def test_who_names_no_language_gets_the_newsletters(world: World, locale: str) -> None:
    world.settings(email=world.configuration.settings.email.model_copy(update={"locale": locale}))
    # A language may go with a later version; its readers stay.
    world.readers(reader("ada"), replace(reader("bea"), locale="eo"))
    assert set((await world.run(FRIDAY)).values()) == {State.ACCEPTED}
    assert [language_of(content) for content in world.mail()] == [locale] * 2


async def test_a_fault_in_one_language_stops_the_run_before_anything_is_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def only_in_german(message: Message, *_: Any, **__: Any) -> list[str]:
        return ["Date stands twice"] if language_of(message.content) == "de" else []

    monkeypatch.setattr("newsletter.daily.gate.faults", only_in_german)
    world.readers(reader("ada"), reader("carla"), replace(reader("zoe"), locale="de"))
    with pytest.raises(CompositionError, match=r"nothing was sent: .*Date stands twice"):
        await world.run(FRIDAY)
    assert world.mail() == []
    async with world.daily() as daily:
        assert (await daily.store.ledger.counts())[State.READY] == 3


async def test_the_only_reader_of_a_language_whose_message_cannot_be_made_does_not_stop_the_others(
    world: World,
) -> None:
    world.readers(replace(reader("no one at all"), locale="de"), reader("ada"))
    assert await world.run(FRIDAY) == {
        "no one at all@example.org": State.REFUSED,
        "ada@example.org": State.ACCEPTED,
    }
    assert len(world.mail()) == 1
