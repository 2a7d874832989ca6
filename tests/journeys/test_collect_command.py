"""`newsletter collect` and `papers --export`: every way in which papers come in, and out again."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from arxiv_forms import Made, api
from installation import Answered, Installation
from web_server import Reply, Request, WebServer

RECORD = {"id": "2503.01234v2", "title": "A Paper from Elsewhere", "abstract": "It says something.", "authors": ["Ada"]}


def hub(server: WebServer, **more: object) -> str:
    table = {"kind": "huggingface", "name": "hub", "base_url": server.url, "pace": 0, "timeout": 5, **more}
    return json.dumps([table])


async def command(installation: Installation, *arguments: str, **how: Any) -> Answered:
    """The command in another process, while the server of this one answers."""
    return await asyncio.to_thread(installation, *arguments, **how)


def one_a_day(request: Request) -> Reply:
    """The list of any weekday has one paper, that of a day at the weekend none."""
    query = parse_qs(urlsplit(request.target).query)
    day = date.fromisoformat(query["date"][0])
    if query["p"] != ["0"] or day.weekday() > 4:
        return Reply(body=b"[]")
    paper = {
        "id": f"2503.{day.toordinal() % 100_000:05}",
        "title": f"The Paper of {day}",
        "summary": "It says something.",
        "authors": [{"name": "Ada Example", "hidden": False}],
        "publishedAt": f"{day - timedelta(days=3)}T00:00:00.000Z",
        "submittedOnDailyAt": f"{day}T05:00:00.000Z",
        "upvotes": 17,
    }
    return Reply(body=json.dumps([{"paper": paper, "numComments": 2}]).encode())


def test_papers_come_through_a_pipe_and_go_out_again(installation: Installation, tmp_path: Path) -> None:
    lines = "\n".join(
        json.dumps(RECORD | {"title": f"Paper {number}", "id": f"2503.{number:05}"}) for number in range(3)
    )
    [batch] = installation("collect", "--from", "-", "--date", "2025-03-10", "--json", stdin=lines).json
    assert (batch["source"], batch["verdict"], batch["papers"], batch["new"]) == ("command-line", "new", 3, 3)
    out = tmp_path / "papers.jsonl"
    said = installation("papers", "--export", str(out))
    assert "3 papers written" in said.err
    assert installation("papers", "--export", "-").out == out.read_text()
    other = Installation(tmp_path / "other")
    assert [one["new"] for one in other("collect", "--from", str(out), "--json").json] == [3]
    assert other("papers", "--json").json == installation("papers", "--json").json
    assert other("papers", "--export", "-").out == out.read_text()


def test_nonsense_in_a_pipe_is_told_line_by_line(installation: Installation) -> None:
    lines = f"{json.dumps(RECORD)}\nnot json\n[]\n{{}}\n"
    done = installation("collect", "--from", "-", stdin=lines)
    assert "partial" in done.out
    assert [f"standard input:{number}: " in done.err for number in (1, 2, 3, 4)] == [False, True, True, True]
    assert "broken" in installation("collect", "--from", "-", stdin="\n\0\n", expect=3).out


def test_an_export_is_whole_or_not_there(installation: Installation, tmp_path: Path) -> None:
    installation("collect", "--from", "-", stdin=json.dumps(RECORD))
    error = installation("papers", "--export", str(tmp_path / "no" / "such.jsonl"), expect=2).err
    assert "cannot be written" in error
    assert "No space left" in installation("papers", "--export", "/dev/full", expect=2).err
    assert Path("/dev/full").is_char_device()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--since", "2026-13-01"], "“2026-13-01” is not a day"),
        (["--since", "2999-01-01"], "is later than"),
        (["--since", "2025-01-01", "--until", "2999-01-01"], "has not come yet"),
        (["--until", "2025-01-01"], "--until and --again belong to --since"),
        (["--again"], "--until and --again belong to --since"),
        (["--since", "2025-01-01", "--date", "2025-01-01"], "--since cannot be combined with --date"),
        (["--from", "-", "--source", "x"], "--from cannot be combined with --source"),
        (["--from", "nowhere.jsonl"], "there is no nowhere.jsonl"),
        (["nowhere.txt"], "there is no nowhere.txt"),
        (["--year", "2025"], "--year belongs to PATH"),
        (["--since", "2025-03-01", "--again", "--offline"], "--offline cannot be combined with --again"),
    ],
)
def test_what_cannot_be_meant_is_a_sentence(installation: Installation, arguments: list[str], sentence: str) -> None:
    assert sentence in " ".join(installation("collect", *arguments, expect=2).err.split())


def test_a_source_that_is_not_there_is_named(installation: Installation) -> None:
    assert (
        "there is no source “arxiv”; there are daily-papers"
        in installation("collect", "--source", "arxiv", expect=1).err
    )
    assert (
        "no source that is configured has an archive" in installation("collect", "--since", "2025-03-01", expect=1).err
    )


async def test_a_day_and_a_back_fill_over_the_network(installation: Installation) -> None:
    async with WebServer() as server:
        server.answer("/api/daily_papers", one_a_day)
        sources = {"NEWSLETTER_SOURCES": hub(server)}
        one = await command(installation, "collect", "--date", "2025-03-03", "--json", **sources)
        assert [(row["day"], row["papers"], row["new"]) for row in one.json] == [("2025-03-03", 1, 1)]

        span = ("--since", "2025-03-01", "--until", "2025-03-14")
        filled = await command(installation, "collect", *span, "--json", **sources)
        sums = {row["verdict"]: (row["documents"], row["papers"], row["new"]) for row in filled.json}
        assert sums == {"new": (9, 9, 9), "quiet": (4, 0, 0)}
        requests = len(server.requests)
        again = await command(installation, "collect", *span, **sources)
        assert "has been read before" in again.err
        assert len(server.requests) == requests
        await command(installation, "collect", *span, "--again", **sources)
        assert len(server.requests) > requests
    # And nobody is there any more.
    done = installation("collect", "--since", "2025-03-12", "--until", "2025-03-14", "--offline", "--json", **sources)
    assert {row["verdict"]: row["documents"] for row in done.json} == {"same": 3}
    done = installation("collect", "--since", "2025-02-03", "--until", "2025-02-04", "--offline", **sources)
    assert "no answer is kept of any day" in done.err
    broken = installation("collect", "--date", "2025-02-03", "--json", **sources, expect=3)
    assert [row["verdict"] for row in broken.json] == ["broken"]


async def test_status_and_papers_say_where_everything_comes_from(installation: Installation) -> None:
    async with WebServer() as server:
        server.answer("/api/daily_papers", one_a_day)
        sources = {"NEWSLETTER_SOURCES": hub(server)}
        await command(installation, "collect", **sources)
        listed = installation("status", "--json", **sources).json["batches"]
        assert {row["source"] for row in listed} == {"hub"}
        assert len(listed) == 5
        [paper, *_] = installation("papers", "--json", **sources).json
        assert paper["origins"]["abstract"] == "huggingface/hub"
        assert paper["observed"] == {"votes": 17, "comments": 2}


def test_a_back_fill_that_is_killed_goes_on(installation: Installation, tmp_path: Path) -> None:
    """SIGKILL in the middle of some months: what was read is there, and only the rest is asked for again."""
    asyncio.run(_killed(installation))


async def _killed(installation: Installation) -> None:
    async with WebServer() as server:
        server.answer("/api/daily_papers", one_a_day)
        environment = {**installation.environment, "NEWSLETTER_SOURCES": hub(server)}
        span = ("--since", "2024-12-01", "--until", "2025-03-14")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "newsletter",
            "collect",
            *span,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while len(server.requests) < 40:
            assert process.returncode is None
            await asyncio.sleep(0.01)
        process.kill()
        await process.wait()
        asked = {request.target for request in server.requests}
        before = len(server.requests)
        done = await command(installation, "collect", *span, "--json", NEWSLETTER_SOURCES=hub(server))
        rest = [request.target for request in server.requests[before:]]
        # The day that was under way, and the one whose answer was not remembered yet.
        assert len(asked & set(rest)) <= 2
        # Nothing of the killed command is missing: the days that it had read and the rest are all there are.
        assert {row["verdict"] for row in done.json} <= {"new", "same", "quiet"}
        days = [row["listings"][0]["day"] for row in installation("papers", "--json").json]
        weekdays = [date(2024, 12, 1) + timedelta(days=number) for number in range(104)]
        assert sorted(days) == [str(day) for day in weekdays if day.weekday() < 5]


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        (["collect"], signal.SIGTERM),
        (["collect", "--since", "2025-01-01"], signal.SIGINT),
        (["run"], signal.SIGTERM),
    ],
)
async def test_a_source_that_is_being_asked_is_not_waited_for(
    installation: Installation, arguments: list[str], number: signal.Signals
) -> None:
    """Told to stop, the command ends at once, says so, and leaves the turn to ask to the next."""
    async with WebServer() as server:
        server.answer("/api/daily_papers", Reply(body=b"[]", delay=60))
        environment = {**installation.environment, "NEWSLETTER_SOURCES": hub(server, pace=0.1, timeout=50)}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "error", "-m", "newsletter", *arguments),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        while not server.requests:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.05)
        process.send_signal(number)
        out, err = await asyncio.wait_for(process.communicate(), 10)
        assert process.returncode == (0 if arguments == ["run"] else 130), (out, err)
        assert b"Stopped as asked" in out + err
        assert b"Traceback" not in out + err
        server.answer("/api/daily_papers", Reply(body=b"[]"))
        begun = time.monotonic()
        await command(installation, "collect", "--date", "2025-03-03", NEWSLETTER_SOURCES=hub(server, pace=0.1))
        assert time.monotonic() - begun < 15


def arxiv_day(request: Request) -> Reply:
    """The query API: one paper in every window that it is asked about."""
    query = parse_qs(urlsplit(request.target).query)
    [(year, month, day)] = re.findall(r"\[(\d{4})(\d\d)(\d\d)", query["search_query"][0])
    number = f"{year[2:]}{month}.{day}{len(day):03}"
    start = f"{year}-{month}-{day}T20:00:00Z"
    made = Made(number=number, title=f"Submitted {year}-{month}-{day}", submitted=start)
    return Reply(body=api([made] if query["start"] == ["0"] else [], total=1))


async def test_arxiv_is_back_filled_too(installation: Installation) -> None:
    async with WebServer() as server:
        server.answer("/api/query", arxiv_day)
        table = {"kind": "arxiv", "name": "arxiv", "categories": ["cs.CL"], "base_url": server.url}
        sources = {"NEWSLETTER_SOURCES": json.dumps([table | {"api_url": server.url, "pace": 0}])}
        span = ("--since", "2026-08-03", "--until", "2026-08-09")
        filled = await command(installation, "collect", *span, "--source", "arxiv", "--json", **sources)
        sums = {row["verdict"]: (row["documents"], row["new"]) for row in filled.json}
        assert sums == {"new": (5, 5), "quiet": (2, 0)}
        again = await command(installation, "collect", *span, **sources)
        assert "has been read before" in again.err
    offline = installation("collect", *span, "--offline", "--json", **sources)
    assert {row["verdict"]: row["documents"] for row in offline.json} == {"same": 5, "quiet": 2}
    listed = installation("collect", "--since", "2026-08-03", "--source", "daily-papers", expect=1)
    assert "source daily-papers has no archive by day" in listed.err


def test_tables_are_readable_on_a_narrow_terminal(installation: Installation) -> None:
    table = {
        "kind": "feed",
        "name": "a-journal",
        "url": "http://127.0.0.1:9/a/rather/long/address?of=a&feed=that&is=not",
    }
    sources = {"NEWSLETTER_SOURCES": json.dumps([table | {"token": "hush", "pace": 0}])}
    shown = json.loads(installation("config", "show", "--json", **sources).out)
    assert "hush" not in json.dumps(shown)
    installation("collect", **sources, expect=3)
    asked = installation("status", **sources).out
    assert re.search(r"20\d\d-\d\d-\d\d \d\d:\d\d +a-journal", asked)
