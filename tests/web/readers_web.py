"""Readers at the page: an installation whose clock and papers a test sets, its mailbox, and its tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import databases
import httpx
from serving_web import configured, free_port, serving, settle

from newsletter.assembly import database_url, opened_daily, outbox
from newsletter.mail.local import messages
from newsletter.mail.tokens import Tokens
from newsletter.model import State, Subscriber, Topic
from newsletter.settings.keys import secret_keys
from newsletter.store import Store

TUESDAY = date(2025, 3, 11)
ROBOTS = Topic("robots", "Robots", "Machines that move.", keywords=("robot",), min_score=0.1)
SHELLS = Topic("shells", "Shells <&>", keywords=("mollusc",), min_score=0.1)
ADA = Subscriber("ada@example.org", "Ada", topics=("robots",))
BEA = "bea@example.net"


class Place:
    """One installation. `now` is its clock, `address` where it is served inside `served`."""

    def __init__(self, folder: Path, readers: Sequence[Subscriber] = (ADA,), **flags: object) -> None:
        self.documents = folder / "documents"
        self.documents.mkdir()
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        sources = [{"kind": "listing", "name": "page", "path": str(self.documents), "settle": 0}]
        given = {"sources": sources, "site": {"url": self.address}} | flags
        site = given.pop("site")
        self.configuration = configured(folder, readers=readers, topics=(ROBOTS, SHELLS), **given)
        if site:
            settings = self.configuration.settings
            table = type(settings.site).model_validate(site)
            self.configuration = replace(self.configuration, settings=settings.model_copy(update={"site": table}))
        self.now = datetime(2025, 3, 11, 8, tzinfo=UTC)
        self.tokens = Tokens(secret_keys(self.configuration.settings))

    def list_papers(self, day: date, *titles: str) -> None:
        lines = [day.isoformat()]
        for title in titles:
            lines += [title, f"In this paper we study {title.lower()} at length, and we find that it works quite well."]
        (self.documents / f"{day}.txt").write_text("\n\n".join(lines) + "\n", encoding="utf-8")

    async def run(self, day: date) -> dict[str, State]:
        """Run `day` at eight in the morning; the states of its deliveries by address."""
        self.now = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
        async with opened_daily(self.configuration, now=lambda: self.now) as daily:
            report = await daily.run(self.now)
            if report.failure:
                raise report.failure
            return {one.address: one.state for one in report.deliveries}

    @contextmanager
    def served(self, root: str = "") -> Iterator[httpx.Client]:
        """The page, and a client that follows no redirect."""
        with (
            serving(self.configuration, port=self.port, root=root, now=lambda: self.now) as address,
            httpx.Client(base_url=address, timeout=30) as client,
        ):
            yield client

    async def reader(self, address: str) -> Subscriber | None:
        settle()
        async with await Store.open(self.url) as store:
            return await store.subscribers.find(address)

    @property
    def url(self) -> str:
        """Of its database, of whichever kind."""
        return database_url(self.configuration.settings)

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table."""
        settle()
        return databases.all_rows(self.url)

    def mail(self) -> list[EmailMessage]:
        """Everything in the local mailbox, oldest first."""
        settle()
        return [
            message_from_bytes(content, policy=policy.default)  # type: ignore[misc]  # the policy makes it an EmailMessage
            for content in messages(outbox(self.configuration.settings))
        ]

    def sign_up(self, client: httpx.Client, address: str = BEA, **fields: Any) -> httpx.Response:
        """Fill the form in like a person: look at it, take a while, send it."""
        stamp = hidden(client.get("/subscribe").text, "stamp")
        self.now += timedelta(seconds=10)
        given = {"address": address, "stamp": stamp, "website": "", **WISHES, **fields}
        answer = client.post("/subscribe", data=given)
        settle()
        return answer

    def confirm(self, client: httpx.Client) -> None:
        """Press the button that the newest message leads to."""
        assert client.post(path_in(self.mail()[-1], "confirm")).status_code == 200


WISHES: dict[str, Any] = {
    "topics": ["robots"],
    "timezone": "Europe/Berlin",
    "hour": "6",
    "rhythm": "daily",
    "locale": "",
}


def hidden(page: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)">', page)
    assert found, page
    return found[1]


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def html_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def path_in(mail: EmailMessage, what: str) -> str:
    """The path of the link in `mail` whose path begins with /`what`/."""
    found = re.search(rf"https?://[^/\s]+(/{what}/\S+)", text_of(mail))
    assert found, text_of(mail)
    return found[1]


def bad_tokens(tokens: Tokens, reader: Subscriber, good: str) -> list[str]:
    """Forged, cut, swapped, of another key, of another address, of nobody."""
    last = "A" if good[-1] != "A" else "B"
    return [
        good[:-1],
        good[:-1] + last,
        f"9{good}",
        good.partition(".")[0],
        f"{reader.id}.{'A' * 43}",
        tokens.leave(reader.id, "somebody.else@example.org"),
        tokens.leave(reader.id + 1, reader.address),
        tokens.leave(999_999, reader.address),
        Tokens(["another key"]).leave(reader.id, reader.address),
        *(
            token
            for token in (
                tokens.leave(reader.id, reader.address),
                tokens.preferences(reader.id, reader.address),
                tokens.opinion(reader.id, reader.address, "arxiv:1"),
            )
            if token != good
        ),
        "x",
        "..x",
        "%00",
        "a%2Fb",
        "7.'; DROP TABLE subscribers; --",
        "x" * 4000,
    ]
