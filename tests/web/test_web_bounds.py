"""Numbers that no row has and texts that no database holds: both databases answer, and answer the same."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import postgres
import pytest
from operator_web import TOKEN
from readers_web import ADA, BEA, TUESDAY, WISHES, Place, hidden
from webhooks_web import SECRET, signed

from newsletter.model.message import paper_part
from newsletter.web.api.paging import cursor
from newsletter.web.app import application
from newsletter.web.bounds import LAST_ROW

API = "/api/v1"
NUL = "\x00"
BEYOND = (LAST_ROW + 1, 9_999_999_999, 2**63 - 1)


@asynccontextmanager
async def visited(place: Place) -> AsyncIterator[httpx.AsyncClient]:
    """The page of `place`, for a visitor who is the operator, too."""
    app = application(place.configuration, now=lambda: place.now)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 5000), raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=place.address, headers={"Origin": place.address}) as visitor,
    ):
        assert (await visitor.post("/admin/login", data={"token": TOKEN})).status_code == 303
        visitor.headers["Authorization"] = f"Bearer {TOKEN}"
        yield visitor


def asked() -> dict[str, tuple[int, ...]]:
    """What is asked of an installation with one reader, and which answers are right."""
    words = "%00a%00"
    found: dict[str, tuple[int, ...]] = {
        f"{API}/subscribers?search={words}": (200,),
        f"{API}/suppressions?search={words}": (200,),
        f"{API}/batches?source={words}": (422,),
        f"{API}/deliveries?address={words}": (422,),
        f"{API}/preview?subscriber={words}": (422,),
        f"{API}/papers?q={words}": (200,),
        f"{API}/papers/{words}": (404,),
        f"{API}/papers?day={TUESDAY}&cursor={cursor(BEYOND[0], 'a')}": (422,),
        f"{API}/papers?day={TUESDAY}&cursor={cursor(1, NUL)}": (422,),
        f"{API}/papers?cursor={cursor(None, NUL)}": (422,),
        f"{API}/suppressions?cursor={cursor(NUL)}": (422,),
        f"{API}/topics/{words}": (404,),
        f"/search?q={words}": (200,),
        f"/papers/{words}": (404,),
        f"/topics/{words}": (404,),
        f"/topics/{words}/feed.atom": (404,),
        f"/subscribe?topics={words}": (200,),
        "/unsubscribe/%001.x": (200,),
        f"/admin/subscribers?search={words}": (200,),
        f"/admin/suppressions?search={words}&after={words}": (200,),
        f"/admin/deliveries?address={words}": (200,),
        f"/admin/batches?source={words}": (200,),
        f"/admin/import/{words}": (404,),
    }
    for number in BEYOND:
        found |= {
            f"{API}/subscribers/{number}": (422,),
            f"{API}/subscribers?cursor={cursor(number)}": (422,),
            f"{API}/batches?cursor={cursor(number)}": (422,),
            f"{API}/deliveries?cursor={cursor(TUESDAY, number)}": (200, 422),
            f"/admin/subscribers/{number}": (404,),
            f"/admin/subscribers?after={number}": (404,),
            f"/admin/batches?before={number}": (404,),
            f"/admin/deliveries/{number}": (404,),
            f"/admin/deliveries?before={TUESDAY}.{number}": (200, 404),
            f"/preferences/{number}.x": (404,),
            f"/confirm/{number}.x": (404,),
            f"/opinions/{number}.x": (404,),
        }
    return found


async def answers(place: Place) -> dict[str, int]:
    """The status of every answer, by what was asked."""
    await place.run(TUESDAY)
    async with visited(place) as visitor:
        got = {path: (await visitor.get(path)).status_code for path in asked()}
        reader = place.tokens.preferences(1, ADA.address)
        opinions = place.tokens.opinions(1, ADA.address)
        got["opinion"] = (await visitor.get(f"/opinions/{opinions}/{paper_part(f'a{NUL}b')}")).status_code
        posts = {
            f"/unsubscribe/{BEYOND[0]}.x": {},
            f"/preferences/{reader}/undo": {"number": str(BEYOND[1])},
            f"/preferences/{reader}/mute": {"words": f"a{NUL}b", "authors": f"A{NUL} B"},
            f"/preferences/{reader}/pause": {"until": NUL},
            f"/preferences/{reader}": {**WISHES, **_worded("own_")},
            "/admin/suppressions": {"address": f"x{NUL}@example.org", "reason": f"a{NUL}b", "sure": "yes"},
            "/admin/suppressions/lift": {"address": f"x{NUL}@example.org", "sure": "yes"},
        }
        got |= {path.split("/")[1] + path[-6:]: await _posted(visitor, path, form) for path, form in posts.items()}
        got["one reason"] = await _posted(
            visitor, "/admin/suppressions", {"address": "y@example.org", "reason": f"a{NUL}b", "sure": "yes"}
        )
        stamp = hidden((await visitor.get("/subscribe")).text, "stamp")
        place.now += timedelta(seconds=10)
        typed = {"address": BEA, "stamp": stamp, "website": "", **WISHES, **_worded("own_")}
        got["preview"] = await _posted(visitor, "/subscribe/preview", typed)
        got["sign-up"] = await _posted(visitor, "/subscribe", typed)
        spoilt = typed | {"address": f"b{NUL}@example.net", "timezone": NUL, "stamp": f"{stamp}{NUL}"}
        got["spoilt sign-up"] = await _posted(visitor, "/subscribe", spoilt)
        wanted = {"address": "cy@example.net", "own": [{**_worded(), "keywords": [f"a{NUL}b"], "authors": []}]}
        got["joining"] = (await visitor.post(f"{API}/subscriptions", json=wanted)).status_code
        got["lifting"] = (await visitor.delete(f"{API}/suppressions/%00@example.org")).status_code
        event = {"kind": "bounce", "recipient": f"a{NUL}", "detail": f"5.1.1 {NUL}", "sender": f"b+{NUL}@example.org"}
        body = json.dumps({"events": [event | {"message_id": f"<a{NUL}@example.org>"}]}).encode()
        headers = {**signed(body, place.now), "Content-Type": "application/json"}
        got["event"] = (await visitor.post(f"{API}/bounces", content=body, headers=headers)).status_code
        return got


async def _posted(visitor: httpx.AsyncClient, path: str, form: dict[str, str]) -> int:
    return (await visitor.post(path, data=form)).status_code


def _worded(prefix: str = "") -> dict[str, str]:
    typed = {"name": f"My{NUL} own", "description": f"What{NUL} moves", "keywords": f"robot{NUL}"}
    return {f"{prefix}{name}": value for name, value in typed.items()}


def _place(folder: Path, database: dict[str, str]) -> Place:
    folder.mkdir()
    site = {"url": "https://n.example.org", "operator_token": TOKEN}
    made = Place(
        folder, site=site, bounces={"address": "bounces@example.org", "webhook_secret": SECRET}, database=database
    )
    made.address = site["url"]
    made.list_papers(TUESDAY, "A robot that walks", "A mollusc that stays")
    return made


@pytest.mark.sqlite  # of its own accord, on both
async def test_what_no_database_holds_is_answered_alike_by_both(tmp_path: Path) -> None:
    here = await answers(_place(tmp_path / "file", {}))
    with postgres.database() as url:
        there = await answers(_place(tmp_path / "server", {"url": url}))
    assert there == here
    assert {path: here[path] for path, right in asked().items() if here[path] not in right} == {}
    assert [what for what, status in here.items() if status >= 500] == []
