"""What is logged, in which form, and that no address is."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.logs import _ADDRESSES, Chosen, Log, chosen, speak, token, without_addresses
from newsletter.settings import configuration_folder, load
from newsletter.settings.keys import log_key

HASH = re.compile(r"~[0-9a-f]{12}")

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in (None, "newsletter", "httpx", "mail.log")]
    levels, handlers = [one.level for one in loggers], loggers[0].handlers[:]
    yield
    loggers[0].handlers[:] = handlers
    for one, level in zip(loggers, levels, strict=True):
        one.setLevel(level)


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def as_json(level: str = "info", key: bytes = b"of this installation") -> Log:
    speak(Chosen(level, "auto", lambda: key))
    return Log("newsletter.tests")


def test_a_line_is_an_object_with_its_fields(lines: Lines) -> None:
    log = as_json()
    log.info("batch", batch=12, source="arxiv", day=Path("2025-03-12"), why="", code=None)
    log.debug("settled", delivery=1)
    [line] = lines()
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT[\d:.]{12}\+00:00", line.pop("timestamp"))
    assert line == {
        "event": "batch",
        "level": "info",
        "logger": "newsletter.tests",
        "batch": 12,
        "source": "arxiv",
        "day": "2025-03-12",
    }


def test_for_people_it_is_a_line_of_words(capsys: pytest.CaptureFixture[str]) -> None:
    speak(Chosen("info", "human", lambda: b"k"))
    Log("newsletter.tests").info("batch", source="arxiv", why="3 papers\x1b[2J\nread")
    said = capsys.readouterr().err
    assert re.fullmatch(r"\S+ \[info\] batch \[newsletter\.tests\] source=arxiv why='3 papers \[2J read'\n", said), said


@pytest.mark.parametrize(
    ("level", "shown"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)], ids=lambda value: str(value)
)
def test_what_is_less_than_the_level_is_not_shown(lines: Lines, level: str, shown: int) -> None:
    log = as_json(level)
    log.debug("one")
    log.info("two")
    log.warning("three")
    logging.getLogger("newsletter.tests").error("four")
    assert [one["event"] for one in lines()] == ["one", "two", "three", "four"][4 - shown :]


def test_a_library_speaks_in_the_same_form_and_its_debugging_is_its_own(lines: Lines) -> None:
    as_json("debug")
    logging.getLogger("somebodys.library").warning("cannot reach %s", "ada@example.org")
    logging.getLogger("alembic").debug("a page of it")
    logging.getLogger("httpx").info("GET https://api.example.org/?key=hush")
    [line] = lines()
    assert line["logger"] == "somebodys.library"
    assert HASH.fullmatch(line["event"].removeprefix("cannot reach "))


def test_an_address_is_hidden_wherever_it_stands(lines: Lines) -> None:
    log = as_json()
    try:
        raise ValueError("no mailbox for <Ada.Lovelace@Example.org>")
    except ValueError:
        logging.getLogger("newsletter.web").error("a request failed", exc_info=True)
    log.info("settled", address="ada.lovelace@example.org", said="550 ada.lovelace@example.org: unknown", n=3)
    fault, settled = lines()
    assert "@" not in json.dumps([fault, settled])
    assert "Traceback" in fault["exception"]
    hashed = settled["reader"]
    assert HASH.fullmatch(hashed)
    assert settled["said"] == f"550 {hashed}: unknown"
    assert f"no mailbox for <{hashed}>" in fault["exception"]
    assert settled["n"] == 3


def test_at_debug_it_stands_beside_its_hash(lines: Lines) -> None:
    log = as_json("debug")
    log.debug("settled", address="ada@example.org")
    log.info("settled", address="ada@example.org")
    shown, hidden = lines()
    assert shown["address"] == "ada@example.org"
    assert "address" not in hidden
    assert shown["reader"] == hidden["reader"]


def test_the_hash_is_the_installations_own(lines: Lines) -> None:
    for key in (b"one", b"one", b"another"):
        as_json(key=key).info("settled", address="ada@example.org")
    one, again, other = (line["reader"] for line in lines())
    assert one == again != other


def test_the_key_is_the_oldest_and_is_made_by_no_line(tmp_path: Path) -> None:
    flags = {"state_dir": tmp_path / "var", "secret_keys": ["the-newest-key-of-two", "the-oldest-key-of-two"]}
    assert log_key(load(configuration_folder(), flags).settings) == b"the-oldest-key-of-two"
    settings = load(configuration_folder(), {"state_dir": tmp_path / "var"}).settings
    assert log_key(settings) != log_key(settings)
    assert not (tmp_path / "var").exists()


_LOCAL = st.from_regex(r"[A-Za-z0-9!#$%&*+/=?^_`{|}~.'ü-]{1,20}", fullmatch=True)
_DOMAIN = st.from_regex(r"[a-z0-9ü]{1,10}(-[a-z0-9]{1,5})?(\.[a-z]{2,6}){0,2}", fullmatch=True)


@given(
    _LOCAL, _DOMAIN, st.sampled_from(["{}", "<{}>", "to {}, or", "b'RCPT TO:<{}>'", "“{}”", "({})", "mailto:{}?x=1"])
)
def test_no_local_part_is_left(local: str, domain: str, around: str) -> None:
    """An apostrophe may begin or end a quotation; what stands within is gone."""
    local = local.strip("'") or "x"
    left = _ADDRESSES.sub("~", around.format(f"{local}@{domain}"))
    assert "@" not in left
    assert left.replace("~", "").strip("'") in {around.format("").strip("'"), around.format("").replace("mailto:", "")}


def test_the_user_of_a_server_stays_and_a_password_does_not() -> None:
    said = "postgresql://news@db.example.org/news, or https://me:secret@example.org; ask ada@example.org"
    left = "postgresql://news@db.example.org/news, or https://me:(an address); ask (an address)"
    assert without_addresses(said) == left


def test_a_quoted_local_part_is_hidden_too() -> None:
    assert _ADDRESSES.sub("~", 'to "ada lovelace"@example.org.') == "to ~."


def test_a_message_is_called_by_what_is_its_own() -> None:
    assert token("<2025-03-12.0123456789abcdef0123@example.org>") == "2025-03-12.0123456789abcdef0123"


def test_a_process_that_is_started_speaks_alike() -> None:
    speak(Chosen("info", "json", partial(bytes, 3)))
    import pickle

    found = pickle.loads(pickle.dumps(chosen()))
    assert (found.level, found.form, found.key()) == ("info", "json", b"\0\0\0")


def test_said_twice_it_is_shown_once(lines: Lines) -> None:
    as_json()
    as_json().info("once")
    assert len(lines()) == 1


async def test_lines_of_many_tasks_do_not_mix(lines: Lines) -> None:
    log = as_json()

    async def say(number: int) -> None:
        await asyncio.sleep(0)
        log.info("batch", batch=number)

    await asyncio.gather(*(say(number) for number in range(50)))
    assert sorted(line["batch"] for line in lines()) == list(range(50))
