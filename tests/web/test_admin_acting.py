"""What the operator does: each deed asks first, and does what the command line does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
from operator_web import HOSTILE, inside, opened
from serving_web import NOW, serving

from newsletter.assembly import database_url
from newsletter.model import Status, Subscriber
from newsletter.settings import Configuration
from newsletter.store import Store, Suppression

Some = TypeVar("Some")


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    return opened(tmp_path_factory.mktemp("acting"))


@pytest.fixture(scope="module")
def client(configuration: Configuration) -> Iterator[httpx.Client]:
    with serving(configuration) as address, inside(address) as opened_client:
        yield opened_client


@pytest.fixture(scope="module")
def database(configuration: Configuration, client: httpx.Client) -> str:
    return database_url(configuration.settings)


def of(database: str, work: Callable[[Store], Awaitable[Some]]) -> Some:
    """What `work` finds or does in the store, beside the server."""

    async def go() -> Some:
        async with await Store.open(database) as store:
            return await work(store)

    return asyncio.run(go())


def suppressed(database: str) -> list[Suppression]:
    return of(database, lambda store: store.suppressions.all())


def reader(database: str, address: str) -> Subscriber:
    found = of(database, lambda store: store.subscribers.find(address))
    assert found
    return found


def came(database: str, address: str) -> Subscriber:
    """A reader who gets mail, imported."""
    of(database, lambda store: store.subscribers.add([Subscriber(address, "Somebody", origin="import")], NOW))
    return reader(database, address)


def test_suppressing_asks_first_and_lifting_too(client: httpx.Client, database: str) -> None:
    came(database, "ada@example.org")
    given = {"address": " Ada@Example.org ", "reason": HOSTILE}
    asked = client.post("/admin/suppressions", data=given)
    assert asked.status_code == 200
    assert "Suppress this address?" in asked.text
    assert "<script" not in asked.text
    assert suppressed(database) == []

    answer = client.post("/admin/suppressions", data=given | {"sure": "yes"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/suppressions?done=suppressed")
    [one] = suppressed(database)
    assert (one.address, one.since) == ("ada@example.org", NOW)
    assert one.reason.startswith("<script>")
    assert reader(database, "ada@example.org").status is Status.LEFT
    again = client.post("/admin/suppressions", data=given | {"sure": "yes"})
    assert again.headers["location"] == "/admin/suppressions?done=known"

    asked = client.post("/admin/suppressions/lift", data={"address": "ada@example.org"})
    assert "Lift this suppression?" in asked.text
    assert len(suppressed(database)) == 1
    for done in ("lifted", "nothing"):
        answer = client.post("/admin/suppressions/lift", data={"address": "ada@example.org", "sure": "yes"})
        assert answer.headers["location"] == f"/admin/suppressions?done={done}"
    assert suppressed(database) == []
    assert reader(database, "ada@example.org").status is Status.LEFT  # nobody is subscribed by it


def test_a_reader_is_taken_out_once_and_for_good(client: httpx.Client, database: str) -> None:
    bea = came(database, "bea@example.org")
    path = f"/admin/subscribers/{bea.id}"
    assert "Take this reader out?" in client.post(f"{path}/leave").text
    assert reader(database, bea.address) == bea
    assert client.post(f"{path}/leave", data={"sure": "yes"}).headers["location"] == f"{path}?done=left"
    assert "The reader is out" in client.get(f"{path}?done=left").text
    [one] = suppressed(database)
    assert (one.address, one.reason) == (bea.address, "left")  # as by their own word: they may sign up again
    assert client.post(f"{path}/leave", data={"sure": "yes"}).headers["location"] == f"{path}?done=nothing"
    assert client.post("/admin/subscribers/4711/leave", data={"sure": "yes"}).status_code == 404
    of(database, lambda store: store.suppressions.remove(bea.address))


@pytest.mark.parametrize("address", ["", "ada", "ada@", "x" * 300 + "@example.org", "a@b@c", "<script>@example.org"])
def test_what_is_no_address_is_not_suppressed(client: httpx.Client, address: str) -> None:
    answer = client.post("/admin/suppressions", data={"address": address, "sure": "yes"})
    assert answer.status_code == 422
    assert 'id="address-fault"' in answer.text
    assert "<script" not in answer.text
    lifted = client.post("/admin/suppressions/lift", data={"address": address, "sure": "yes"})
    assert lifted.headers["location"] == "/admin/suppressions?done=nothing"


def test_a_forgotten_reader_has_no_address_to_act_on(client: httpx.Client, database: str) -> None:
    cleo = came(database, "cleo@example.org")
    of(database, lambda store: store.subscribers.forget(cleo.id, "left", NOW))
    page = client.get(f"/admin/subscribers/{cleo.id}").text
    assert "A forgotten reader" in page
    assert "/leave" not in page
    assert "cleo" not in page
    of(database, lambda store: store.suppressions.remove(cleo.address))


def test_one_of_the_file_comes_back_with_the_file(tmp_path: Path) -> None:
    configuration = opened(tmp_path)
    database = database_url(configuration.settings)
    with serving(configuration) as address, inside(address) as client:
        of(database, lambda store: store.subscribers.sync_file([Subscriber("dan@example.org")], NOW))
        of(database, lambda store: store.subscribers.leave("dan@example.org", "left", NOW))
        given = {"address": "dan@example.org"}
        assert "is back when subscribers.toml is read next" in client.post("/admin/suppressions/lift", data=given).text
        answer = client.post("/admin/suppressions/lift", data=given | {"sure": "yes"})
        assert answer.headers["location"] == "/admin/suppressions?done=back"
        assert "read next" in client.get(answer.headers["location"]).text
