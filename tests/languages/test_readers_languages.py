"""Whose language an e-mail is in: the reader's, or the newsletter's; and what is said of one that there is not."""

from __future__ import annotations

import io
import shutil
from dataclasses import replace
from email import policy
from email.message import EmailMessage
from email.parser import Parser
from pathlib import Path

import databases
import pytest
from builders import subscriber
from world import FRIDAY, World, reader

from newsletter.errors import ConfigurationError
from newsletter.languages import LANGUAGES
from newsletter.model import State
from newsletter.settings import load, shipped
from newsletter.store import Store
from newsletter.subscribing import export_csv, import_csv

UNKNOWN = f"there is no language “fr”; there are {', '.join(LANGUAGES)}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An operator's folder with the shipped files."""
    for name in ("newsletter.toml", "topics.toml", "subscribers.toml"):
        shutil.copyfile(shipped("config") / name, tmp_path / name)
    return tmp_path


def faults(folder: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(folder)
    return [str(fault) for fault in caught.value.faults]


def add_reader(folder: Path, locale: str) -> None:
    with (folder / "subscribers.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[[subscribers]]\naddress = "zoe@example.org"\nlocale = {locale}\n')


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_newsletter_and_a_reader_may_have_any_language_there_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setenv("NEWSLETTER_EMAIL__LOCALE", code)
    add_reader(folder, f'"{code}"')
    loaded = load(folder)
    assert loaded.settings.email.locale == code
    assert loaded.subscribers[-1].locale == code


def test_a_reader_need_not_name_a_language(folder: Path) -> None:
    add_reader(folder, '""')
    loaded = load(folder)
    assert {one.locale for one in loaded.subscribers} == {""}
    assert loaded.settings.email.locale == "en"


def test_the_newsletters_unknown_language_is_one_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_EMAIL__LOCALE", "fr")
    assert faults(folder) == [f"environment: NEWSLETTER_EMAIL__LOCALE: {UNKNOWN}"]


@pytest.mark.parametrize(("locale", "why"), [('"fr"', UNKNOWN), ("3", "must be text in quotes, not 3")])
def test_a_readers_unknown_language_is_one_sentence(folder: Path, locale: str, why: str) -> None:
    add_reader(folder, locale)
    number = (folder / "subscribers.toml").read_text().count("\n[[subscribers]]")
    assert faults(folder) == [f"subscribers.toml: subscribers[{number}].locale: {why}"]


async def test_languages_come_and_go_by_csv(tmp_path: Path) -> None:
    rows = "address,locale\nada@example.org,de\nbob@example.org,\neve@example.org,fr\n"
    async with await Store.open(databases.of(tmp_path)) as store:
        [imported] = [part async for part in import_csv(store, io.StringIO(rows, newline=""), set())]
        assert [(row.line, row.why) for row in imported.bad] == [(4, UNKNOWN)]
        kept = await store.subscribers.all()
        assert [(one.address, one.locale) for one in kept] == [("ada@example.org", "de"), ("bob@example.org", "")]
        written = io.StringIO("".join([block async for block in export_csv(store)]), newline="")
        [again] = [part async for part in import_csv(store, written, set())]
        assert (again.added, again.bad) == (0, ())
        assert await store.subscribers.all() == kept


def mails(world: World) -> dict[str, EmailMessage]:
    """What was sent, by the reader's address."""
    parsed = (Parser(policy=policy.default).parsestr(content) for content in world.mail())
    return {str(mail["To"].addresses[0].addr_spec): mail for mail in parsed}  # type: ignore[attr-defined, misc]  # policy.default makes headers with addresses


def said(mail: EmailMessage) -> tuple[str, str]:
    """The HTML and the text of a message."""
    html, text = mail.get_body(("html",)), mail.get_body(("plain",))
    assert html
    assert text
    return str(html.get_content()), str(text.get_content())


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.list_papers(FRIDAY, "A Robot That Walks", "A Robot That Swims")
    return made


async def test_each_reader_of_one_edition_gets_her_language(world: World) -> None:
    world.readers(replace(reader("ada"), locale="en"), replace(reader("emmy"), locale="de"), reader("grace"))
    states = await world.run(FRIDAY)
    assert set(states.values()) == {State.ACCEPTED}
    sent = mails(world)
    assert len(sent) == 3
    for name, code, day, leave in (
        ("ada", "en", "Your papers for Friday 14 March", "Unsubscribe"),
        ("emmy", "de", "Ihre Artikel vom Freitag, 14. März", "Abbestellen"),
        ("grace", "en", "Your papers for Friday 14 March", "Unsubscribe"),
    ):
        html, text = said(sent[f"{name}@example.org"])
        assert f'<html lang="{code}"' in html
        assert day in html.replace("\u00a0", " ")
        assert f">{leave}</a>" in html
        assert f"\n{day}\n" in text.replace("\r\n", "\n")
        assert "A Robot That Walks" in text
        assert ("Unsubscribe" in html + text) is (code == "en")
        assert ("Abbestellen" in html + text) is (code == "de")


async def test_the_newsletters_language_is_for_those_who_name_none(world: World) -> None:
    email = world.configuration.settings.email.model_copy(update={"locale": "de"})
    world.settings(email=email)
    world.readers(reader("ada"), replace(reader("alan"), locale="en"))
    await world.run(FRIDAY)
    sent = mails(world)
    assert '<html lang="de"' in said(sent["ada@example.org"])[0]
    assert '<html lang="en"' in said(sent["alan@example.org"])[0]


@pytest.mark.parametrize("ours", ["en", "de"])
async def test_a_reader_whose_language_there_is_no_more_gets_the_newsletters(world: World, ours: str) -> None:
    world.settings(email=world.configuration.settings.email.model_copy(update={"locale": ours}))
    world.readers(subscriber("ada@example.org", "robots", locale="tlh"))
    assert await world.run(FRIDAY) == {"ada@example.org": State.ACCEPTED}
    [mail] = mails(world).values()
    assert f'<html lang="{ours}"' in said(mail)[0]
