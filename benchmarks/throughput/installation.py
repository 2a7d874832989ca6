"""An installation that is about to send: an edition of the shipped papers, readers, and a delivery planned for each.

    newsletter.toml, topics.toml, subscribers.toml    a configuration folder as an operator has it
    var/newsletter.db                                 papers, topics, readers, a frozen edition, the ledger's rows
    letters.json                                      the same words for the same readers, for the others

Nothing of this is timed. A run uses a copy, so that every round finds the same.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from newsletter.assembly import limits, opened_daily, utc_now
from newsletter.daily import Daily, Sampling
from newsletter.languages import ENGLISH
from newsletter.mail.dkim import new_keys
from newsletter.model import Digest, Edition, Ranking, Subscriber, Topic
from newsletter.rendering.card import Face
from newsletter.rendering.look import Look
from newsletter.settings import load

PAPERS, TOPICS_EACH = 12, 3

KEYWORDS = (
    "scene, attention, brain, classification, context, diverse, generalization, knowledge, embedding, prediction, "
    "robust, memory, structure, benchmark, domain, foundation, generative, inference, linear, interaction, encoder, "
    "algorithm, spatial, radiance, reconstruction, contrastive, dynamic, perception, sequence, rendering, transfer, "
    "sparse, distribution, geometry, graph, segmentation, object, transformer, multimodal, category"
).split(", ")
"""Forty topics, a word each: every one has picks among the shipped papers."""

_FIRST = "Ada, Emmy, Grace, Sofia, Katherine, Jürgen, Étienne, Søren, Łukasz, Mary, Alan, Claude, Kurt, 伟, Nuño".split(
    ", "
)
_LAST = "Lovelace, Noether, Hopper, Kovalevskaya, Johnson, Müller, Galois, Gödel, Turing, Shannon, O’Brien, 王".split(
    ", "
)

_SETTINGS = """\
state_dir = "var"
secret_keys = ["a key of sixteen or more characters"]

[[sources]]
kind = "listing"
name = "daily-papers"
year = 2025

[site]
url = "https://papers.example.org"

[ranking]
models = "none"

[digest]
max_papers = {papers}
also_new = 0
outside = false

[smtp]
host = "127.0.0.1"
port = 25
security = "none"
messages_per_connection = 100000

[dkim]
by_relay = true
"""


@dataclass(frozen=True)
class Letter:
    """What the others send to one reader: their address and name, and which of the sets of sections."""

    address: str
    name: str
    token: str
    set: int


def make(folder: Path, readers: int, sets: int) -> date:
    """Make the installation in the empty `folder`: `readers` who each follow one of `sets` combinations of three
    topics, with PAPERS papers for everybody. Returns the day of its edition."""
    (folder / "newsletter.toml").write_text(_SETTINGS.format(papers=PAPERS), encoding="utf-8")
    topics = [
        f'[[topics]]\nslug = "{word}"\nname = "{word.title()}"\nkeywords = ["{word}"]\nmin_score = 0.1\n'
        for word in KEYWORDS
    ]
    (folder / "topics.toml").write_text("\n".join(topics), encoding="utf-8")
    (folder / "subscribers.toml").touch()
    return asyncio.run(_filled(folder, readers, sets))


async def _filled(folder: Path, readers: int, sets: int) -> date:
    configuration = load(folder)
    async with opened_daily(configuration) as daily:
        await daily.collect()
        day = await daily.day_of(None, latest=True)
        edition = await daily.publishing.freeze(day)
        assert edition is not None
        rankings = await daily.store.editions.rankings(
            edition.id, [topic.slug for topic in configuration.topics] + ["trending"]
        )
        sampling = Sampling(daily.store, daily.publishing, limits(configuration.settings))
        chosen = _sets(sampling, edition, configuration.topics, rankings, sets)
        people = [_reader(number, [topic.slug for topic in list(chosen)[number % sets]]) for number in range(readers)]
        await daily.store.subscribers.add(people, utc_now())
        planned = await daily.publishing.plan(day)
        assert planned == readers, f"{planned} deliveries were planned for {readers} readers"
        letters = await _letters(daily, day, list(chosen.values()), people)
    (folder / "letters.json").write_text(json.dumps(letters, ensure_ascii=False), encoding="utf-8")
    return day


def _sets(
    sampling: Sampling, edition: Edition, topics: Sequence[Topic], rankings: dict[str, Ranking], sets: int
) -> dict[tuple[Topic, ...], Digest]:
    """Combinations of three topics with as many papers as a digest holds, and their digests; the same every time."""
    chance = random.Random(0)
    found: dict[tuple[Topic, ...], Digest] = {}
    for _ in range(100 * sets):
        three = tuple(chance.sample(list(topics), TOPICS_EACH))
        made = sampling.digest(edition, three, rankings)
        if len(made.picks) == PAPERS:
            found[three] = made
        if len(found) == sets:
            return found
    raise SystemExit(f"there are only {len(found)} sets of topics with {PAPERS} papers: name fewer with --sets")


def _reader(number: int, topics: Sequence[str]) -> Subscriber:
    name = f"{_FIRST[number % len(_FIRST)]} {_LAST[number // len(_FIRST) % len(_LAST)]}" if number % 10 else ""
    return Subscriber(f"reader.{number:07}@example.org", name, tuple(topics), origin="import")


async def _letters(daily: Daily, day: date, digests: Sequence[Digest], people: Sequence[Subscriber]) -> dict[str, Any]:
    papers = await daily.publishing.papers({pick.paper for one in digests for pick in one.picks}, day)
    faces = {id: Face.of(paper, Look(), ENGLISH) for id, paper in papers.items()}

    def section(name: str, picks: Sequence[Any], topic: str) -> dict[str, Any]:
        return {
            "name": name,
            "papers": [asdict(faces[pick.paper].card(pick, topic)) | {"id": pick.paper} for pick in picks],
        }

    sets = []
    for one in digests:
        top = [section("Top pick", [one.top], one.top.topic)] if one.top else []
        sets.append(top + [section(part.name, part.picks, part.name) for part in one.sections])
    readers = [
        asdict(Letter(person.address, person.name, f"{number:032x}", number % len(digests)))
        for number, person in enumerate(people)
    ]
    return {"day": day.isoformat(), "sets": sets, "readers": readers}


def copy(source: Path, to: Path) -> Path:
    """A copy of the installation for one run, flushed to the disk so that the run's own flushes are its own."""
    shutil.copytree(source, to)
    os.sync()
    return to


def keys(folder: Path) -> None:
    """A pair of DKIM keys in `folder`, RSA-2048 and Ed25519."""
    new_keys(folder)


def signing(kind: str | None, keys: Path) -> dict[str, str]:
    """The settings of the table `dkim` that sign with the key of that kind, relaxed/simple; None signs nothing."""
    return {f"{kind}_key": str(keys / f"{kind}.pem"), "canonicalization": "relaxed/simple"} if kind else {}
