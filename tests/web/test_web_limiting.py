"""How often somebody may sign up."""

from __future__ import annotations

import re
import socket
from collections import Counter
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from readers_web import BEA, WISHES, Place, hidden
from serving_web import served_app

from newsletter.web.limiting import IN_TOTAL, PER_ADDRESS, PER_NETWORK, SignUpLimits, network


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("192.0.2.255", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:1:2ff::7", "2001:db8:1:200::/56"),
        ("2001:db8:1:2ab:1:2:3:4", "2001:db8:1:200::/56"),
        ("::1", "::/56"),
        ("", "nowhere"),
        (None, "nowhere"),
        ("testclient", "nowhere"),
        ("fe80::1%eth0", "fe80::/56"),
    ],
)
def test_whose_network_an_address_is_in(client: str | None, expected: str) -> None:
    assert network(client) == expected


def test_a_network_has_its_own_limit() -> None:
    limits = SignUpLimits()
    waits = [limits.wait(f"192.0.2.{number}") for number in range(PER_NETWORK.amount + 1)]
    assert waits[:-1] == [0] * PER_NETWORK.amount
    assert 3590 < waits[-1] <= 3600
    assert limits.wait("198.51.100.1") == 0


def test_all_of_them_together_have_one_too() -> None:
    limits = SignUpLimits()
    waits = [limits.wait(f"2001:db8:{number:x}::1") for number in range(IN_TOTAL.amount + 1)]
    assert waits[:-1] == [0] * IN_TOTAL.amount
    assert waits[-1] > 0


def test_an_address_is_written_to_three_times_a_day() -> None:
    limits = SignUpLimits()
    assert [limits.may_write_to("ada@example.org") for _ in range(5)] == [True] * PER_ADDRESS.amount + [False] * 2
    assert limits.may_write_to("bea@example.org")
    limits.was_not_written_to("ada@example.org")
    assert [limits.may_write_to("ada@example.org") for _ in range(2)] == [True, False]  # that one only
    limits.was_not_written_to("nobody@example.org")


def test_who_changes_networks_fills_no_memory() -> None:
    limits = SignUpLimits()
    waits = [limits.wait(f"2001:db8:{number >> 8:x}:{number % 256 << 8:x}::1") for number in range(20_000)]
    assert waits.count(0) == IN_TOTAL.amount
    assert len(limits._storage.events) <= IN_TOTAL.amount + 1
    assert len(limits._storage.locks) <= IN_TOTAL.amount + 1


def test_what_is_long_ago_is_forgotten() -> None:
    limits = SignUpLimits()
    for number in range(3000):
        limits.may_write_to(f"reader{number}@example.org")
        if number % 100 == 99:  # as if a day had gone by: the library empties what it counted, and keeps the names
            for entries in list(limits._storage.events.values()):
                entries.clear()
    assert len(limits._storage.events) <= 1101


def refused(connection: socket.socket, path: str, body: str) -> int:
    """The status of a form that is sent over a connection that stays open."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    head_of_answer, _, rest = answer.partition(b"\r\n\r\n")
    length = int(re.findall(rb"(?i)content-length: (\d+)", head_of_answer)[0])
    while len(rest) < length:
        rest += connection.recv(65536)
    return int(answer[9:12])


@pytest.mark.slow
def test_ten_thousand_sign_ups_from_one_network(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    place = Place(tmp_path)
    with place.served() as client:
        stamp = hidden(client.get("/subscribe").text, "stamp")
        place.now += timedelta(seconds=10)
        form = urlencode({"stamp": stamp, **WISHES}, doseq=True)
        with socket.create_connection(("127.0.0.1", place.port)) as one:
            statuses = [
                refused(one, "/subscribe", f"address=reader{number}%40example.net&{form}") for number in range(10_000)
            ]
        storage = served_app(place.address).state.sign_up_limits._storage
        assert sum(map(len, storage.events.values())) <= 3 * PER_NETWORK.amount
        neighbour = httpx.HTTPTransport(local_address="127.0.1.1")  # all of 127.0.0.0/8 is this machine
        with httpx.Client(base_url=place.address, transport=neighbour) as other:
            assert other.post("/subscribe", data={"address": BEA, "stamp": stamp, **WISHES}).status_code == 200
        assert client.get("/").status_code == 200
        waiting = [str(row) for row in place.rows()["subscribers"]]
    assert Counter(statuses) == {200: PER_NETWORK.amount, 429: 10_000 - PER_NETWORK.amount}
    assert sum("too many from 127.0.0.0/24" in one for one in caplog.messages) == 10_000 - PER_NETWORK.amount
    assert "example.net" not in caplog.text
    assert sorted(str(one["To"]) for one in place.mail()) == sorted(
        [BEA, *(f"reader{number}@example.net" for number in range(PER_NETWORK.amount))]
    )
    assert all(any(f"'reader{number}@example.net'" in row for row in waiting) for number in range(PER_NETWORK.amount))
