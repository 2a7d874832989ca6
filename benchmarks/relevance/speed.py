"""How long it takes and how much memory, as a share of the limits that the project set itself, and beside a peer."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from development import Stream
from sklearn.feature_extraction.text import TfidfVectorizer
from tables import Table

from newsletter.daily import many as many_cores
from newsletter.model import ReadablePaper, Topic
from newsletter.ranking import Candidates, background, rank, score

PAPERS, ARCHIVE, TOPICS, MANY, WARM = 2_000, 10_000, 20, 10_000, 100


@dataclass(frozen=True)
class Taken:
    """What was done, the seconds on the clock and on the processor, the peak of memory in MB, and the limits."""

    what: str
    wall: float
    cpu: float
    megabytes: float | None = None
    limit: float | None = None
    most: float | None = None


def run(given: argparse.Namespace) -> Table:
    """The command as a whole in a process of its own; then, in this one, the peer, many topics, and a warm day."""
    stream = Stream(given.data)
    archive, papers = stream.papers[:ARCHIVE], stream.papers[ARCHIVE : ARCHIVE + PAPERS]
    topics = [one.topic for one in stream.topics[:TOPICS]]
    peer = _timed("TfidfVectorizer on the archive", lambda: _peer(archive))
    command = _command(archive, papers, topics)
    candidates = Candidates(papers, background(archive))
    rank(candidates, topics)
    many = [
        Topic(f"topic-{number}", one.title, " ".join(one.abstract.split()[:12]))
        for number, one in enumerate(stream.papers[:MANY])
    ]
    more = _timed(f"{MANY:,} topics more, all cores", lambda: _records(candidates, many), limit=10.0)
    scores = _timed("of which the scores", lambda: _split(candidates, many, _scores))
    later = stream.papers[ARCHIVE + PAPERS : ARCHIVE + PAPERS + WARM]
    warm = _timed(f"a warm day of {WARM}", lambda: rank(Candidates(later, candidates.background), topics), limit=1.0)
    columns = ["", "wall s", "CPU s", "peak MB", "limit", "share", "CPU / peer"]
    several = [command, more, scores, warm, peer]
    rows = [_row(one, peer) for one in several]
    notes = [f"{PAPERS:,} papers, {ARCHIVE:,} in the archive, {len(topics)} topics, one core; no extra."]
    return Table(columns, rows, notes, {"taken": [vars(one) for one in several], "notes": notes})


def _row(one: Taken, peer: Taken) -> list[str]:
    limit = f"{one.limit:g} s" if one.limit else ""
    share = f"{one.wall / one.limit:.2f}" if one.limit else ""
    if one.most and one.megabytes:
        limit, share = f"{limit}, {one.most:g} MB", f"{share}, {one.megabytes / one.most:.2f}"
    memory = f"{one.megabytes:.0f}" if one.megabytes else ""
    return [one.what, f"{one.wall:.2f}", f"{one.cpu:.2f}", memory, limit, share, f"{one.cpu / peer.cpu:.2f}"]


def _timed(what: str, work: Callable[[], object], limit: float | None = None) -> Taken:
    began, used = time.perf_counter(), _used()
    work()
    return Taken(what, time.perf_counter() - began, _used() - used, limit=limit)


def _used() -> float:
    own, ended = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime


def _peer(archive: list[ReadablePaper]) -> None:
    TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True).fit_transform(
        f"{one.title} {one.abstract}" for one in archive
    )


def _command(archive: list[ReadablePaper], papers: list[ReadablePaper], topics: list[Topic]) -> Taken:
    """`newsletter rank`, from the start of Python to the last byte of JSON, pinned to one core."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "A.jsonl").write_text("".join(map(_line, archive)), encoding="utf-8")
        (folder / "P.jsonl").write_text("".join(map(_line, papers)), encoding="utf-8")
        asked = [{"slug": one.slug, "name": one.name, "description": one.description} for one in topics]
        (folder / "T.jsonl").write_text("".join(json.dumps(one) + "\n" for one in asked), encoding="utf-8")
        files = ["--papers", "P.jsonl", "--topics", "T.jsonl", "--archive", "A.jsonl"]
        words = [sys.executable, "-m", "newsletter", "rank", *files, "--parts", "default", "--json"]
        began = time.perf_counter()
        with (folder / "out.json").open("wb") as out:
            core = min(os.sched_getaffinity(0))
            process = subprocess.Popen(
                words, cwd=folder, stdout=out, preexec_fn=lambda: os.sched_setaffinity(0, {core})
            )
            _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        if status:
            raise SystemExit(f"newsletter rank ended with {os.waitstatus_to_exitcode(status)}")
    cpu = usage.ru_utime + usage.ru_stime
    return Taken("`newsletter rank --json`", wall, cpu, usage.ru_maxrss / 1024, limit=10.0, most=600.0)


def _line(one: ReadablePaper) -> str:
    paper = one.paper
    record = {"id": paper.id, "title": paper.title, "abstract": paper.abstract, "authors": paper.authors}
    return json.dumps(record | {"categories": paper.categories}) + "\n"


def _split(candidates: Candidates, topics: list[Topic], work: Callable[[list[Topic]], int]) -> None:
    """Half of the topics in each of two processes, which share what is known of the papers."""
    _SHARED[:] = [candidates]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        if not sum(pool.map(work, [topics[::2], topics[1::2]])):
            raise SystemExit(f"{len(topics):,} topics, and not one pick")


def _records(candidates: Candidates, topics: list[Topic]) -> None:
    """As an edition is frozen of them, but for the database."""
    if sum(1 for _ in many_cores.records(candidates, topics, {}, ())) <= len(topics):
        raise SystemExit(f"{len(topics):,} topics, and not one record each")


def _scores(topics: list[Topic]) -> int:
    return sum(len(one.score) for one in score(_SHARED[0], topics))


_SHARED: list[Candidates] = []
