"""Lists of subscribers by the operator's page: in, out, and what becomes of what is none."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from databases import execute
from operator_web import inside, opened
from serving_web import NOW, serving

from newsletter.assembly import database_url
from newsletter.settings import Configuration
from newsletter.store import Store

HEADER = b"address,name,topics,timezone,hour,rhythm,locale\n"


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    return opened(tmp_path_factory.mktemp("importing"))


@pytest.fixture(scope="module")
def client(configuration: Configuration) -> Iterator[httpx.Client]:
    with serving(configuration) as address, inside(address) as opened_client:
        yield opened_client


@pytest.fixture
def database(configuration: Configuration, client: httpx.Client) -> Iterator[str]:
    """Without a subscriber, before and after."""
    url = database_url(configuration.settings)
    yield url
    execute(url, "DELETE FROM subscribers", "DELETE FROM suppressions")


def addresses(database: str) -> list[str]:
    return [one for (one,) in execute(database, "SELECT address FROM subscribers ORDER BY id")]


def sent(client: httpx.Client, content: bytes, name: str = "readers.csv") -> str:
    """The page of what came of importing `content`."""
    answer = client.post("/admin/import", files={"file": (name, content, "text/csv")})
    assert answer.status_code == 303, answer.text
    page = client.get(answer.headers["location"])
    assert page.status_code == 200
    return page.text


def counts(page: str) -> list[int]:
    """Added, updated, stayed away, not taken."""
    return [int(one.replace(",", "")) for one in re.findall(r'<dd class="big">([\d,]+)</dd>', page)]


def test_a_list_comes_in_and_goes_out_as_it_was(client: httpx.Client, database: str) -> None:
    rows = b'ada@example.org,"Ada, the first",robots;shells,Europe/Berlin,6,weekly,de\nbea@example.org,,,UTC,7,daily,\n'
    assert counts(sent(client, HEADER + rows)) == [2, 0, 0, 0]
    exported = client.get("/admin/subscribers.csv")
    assert exported.content == HEADER + rows
    assert exported.headers["content-disposition"] == 'attachment; filename="subscribers.csv"'
    assert (exported.headers["content-type"], exported.headers["cache-control"]) == (
        "text/csv; charset=utf-8",
        "no-store",
    )
    assert client.head("/admin/subscribers.csv").status_code == 200
    assert counts(sent(client, b"\xef\xbb\xbf" + HEADER + rows)) == [0, 2, 0, 0]
    assert [one for one in client.get("/admin/subscribers").text.split("<td>") if one.startswith("import")]


def test_every_bad_row_is_told_the_first_on_the_page_all_as_text(client: httpx.Client, database: str) -> None:
    bad = b"".join(b"<script>%d,,,,,,\n" % number for number in range(1_300))
    page = sent(client, HEADER + b"ada@example.org\n" + bad + b"bea@example.org\n", "<img src=x>.csv")
    assert counts(page) == [2, 0, 0, 1_300]
    assert "And 1,100 more." in page
    assert len(re.findall(r'<tr><td class="number">\d+</td>', page)) == 200
    assert "<script" not in page
    assert "<img" not in page
    text = client.get(re.findall(r'href="(/admin/import/[^"]*/rows.txt)"', page)[0])
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    lines = text.text.splitlines()
    assert len(lines) == 1_300
    assert lines[0].startswith("line 3: “<script>0” is not an e-mail address")
    assert lines[-1].startswith("line 1302: ")
    assert addresses(database) == ["ada@example.org", "bea@example.org"]


def test_who_left_stays_away(client: httpx.Client, configuration: Configuration, database: str) -> None:
    async def left() -> None:
        async with await Store.open(database) as store:
            await store.subscribers.leave("ada@example.org", "left", NOW)
            await store.suppressions.add("bea@example.org", "hard bounce", NOW)

    sent(client, b"address\nada@example.org\n")
    asyncio.run(left())
    page = sent(client, b"address\nada@example.org\nbea@example.org\ncleo@example.org\n")
    assert counts(page) == [1, 0, 2, 0]
    told = client.get(re.findall(r'href="(/admin/import/[^"]*/rows.txt)"', page)[0]).text
    assert told == "ada@example.org left before and stays away\nbea@example.org left before and stays away\n"
    assert "ada" not in client.get("/admin/subscribers.csv").text


@pytest.mark.parametrize(
    ("content", "taken", "why"),
    [
        (b"", 0, "the first line must name the columns"),
        (b"mail,name\nada@example.org,Ada\n", 0, "the first line must name the columns"),
        (b"address,shoe\nada@example.org,41\n", 0, "there is no column “shoe”"),
        ("address\nada@example.org\n".encode("utf-16"), 0, "is not UTF-8 text"),
        (bytes(range(256)) * 400, 0, "is not UTF-8 text"),
        (b"\x89PNG\r\n\x1a\n" + bytes(60_000), 0, "is not UTF-8 text"),
        (HEADER + "ada@example.org,Zoë\n".encode("latin-1") + b"bea@example.org\n", 1, "is not UTF-8 text"),
        (HEADER + b"ada@example.org,\x00\nbea@example.org\n", 1, "the name must be one line"),
        (HEADER + b'ada@example.org,"x"y\nbea@example.org\n', 1, "is not CSV"),
        (HEADER + b'ada@example.org,"open\nbea@example.org\n', 0, "is not CSV"),
        (HEADER + b"x" * 200_000 + b"\nbea@example.org\n", 1, "a row has 65536 characters or more"),
    ],
    ids="empty|no address|unknown column|utf-16|bytes|picture|latin-1|nul|quote|open quote|endless".split("|"),
)
def test_what_is_no_list_is_told_in_a_sentence(
    client: httpx.Client, database: str, content: bytes, taken: int, why: str
) -> None:
    page = sent(client, content)
    assert counts(page)[0] == taken == len(addresses(database))
    assert counts(page)[3] >= 1
    assert why in page


def test_a_file_has_to_be_there(client: httpx.Client, database: str) -> None:
    for answer in (
        client.post("/admin/import", files={"file": ("", b"")}),
        client.post("/admin/import", files={"other": ("x.csv", HEADER)}),
        client.post("/admin/import", data={"file": "ada@example.org"}),
    ):
        assert answer.status_code in (400, 422)
    assert (
        client.post("/admin/import", content=b"x", headers={"Content-Type": "multipart/form-data"}).status_code == 400
    )


def test_an_upload_that_is_cut_off_takes_nothing(client: httpx.Client, database: str) -> None:
    url = urlsplit(str(client.base_url))
    cookie = "; ".join(f"{one.name}={one.value}" for one in client.cookies.jar)
    part = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + HEADER + b"ada@example.org\n"
    )
    head = (
        f"POST /admin/import HTTP/1.1\r\nHost: {url.netloc}\r\nCookie: {cookie}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 90000\r\n\r\n"
    )
    with socket.create_connection((url.hostname or "", url.port or 0)) as connection:
        connection.sendall(head.encode() + part)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and client.get("/healthz").status_code != 200:
        time.sleep(0.01)
    assert addresses(database) == []
    assert counts(sent(client, HEADER + b"bea@example.org\n")) == [1, 0, 0, 0]


def test_the_last_imports_are_remembered_and_no_more(client: httpx.Client, database: str) -> None:
    for number in range(7):
        sent(client, b"address\n", f"list-{number}.csv")
    page = client.get("/admin/import").text
    assert re.findall(r"list-\d", page) == [f"list-{number}" for number in (6, 5, 4, 3, 2)]
