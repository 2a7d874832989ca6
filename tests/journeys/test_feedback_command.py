"""What a reader says of papers: into the log, into the reader's own ranking, and out again."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import databases
import pytest
from installation import Installation
from journeys_parsing import parsed, text_of

from newsletter.feedback import topic_of
from newsletter.languages import ENGLISH
from newsletter.model import TRENDING, Batch, Listing, Paper, Pick, Ranking, Subscriber, Topic, Verdict, Why
from newsletter.rendering import words
from newsletter.store import Store

SANTIAGO, GRACE = "santiago@example.org", "grace@example.org"
GROUPING = "Self-Supervised Visual Representation Learning with Semantic Grouping"
SIMULATION = "Neural Foundations of Mental Simulation: Future Prediction of Latent Representations on Dynamic Scenes"
TOPIC = "representation-learning"
FIRST, SECOND, THIRD = "2025-03-11", "2025-03-12", "2025-03-13"

THIRD_PAGE = """Mar 13

Grouping Pixels by What They Mean: Self-Supervised Learning of Object Parts

We study self-supervised visual representation learning. Semantic grouping of pixels gives a representation of object
parts without labels, and it improves segmentation by 4% over contrastive learning of whole images.

Latent Spaces That Predict the Next Scene

We train a representation to predict the future of dynamic scenes in its latent space. Mental simulation of this kind
matches human judgements of what happens next better than prediction of pixels.

A Contrastive Learning Objective for Tables

Rows and columns of tables get an embedding by contrastive learning. The learned representation serves retrieval and
finds duplicates in databases of ten thousand tables.

Reading Words from the Brain at Night

We decode words from fMRI of sleeping people. A recording of the cortex during the day makes the model ready for the
night, and neuroscience gains a view of dreams.

A Faster Bridge

A bridge of steel is calculated twice as fast by a new scheme of finite elements.
"""


def like(made: Installation, words_of_title: str, *more: str) -> str:
    return made("feedback", "add", SANTIAGO, words_of_title, "--like", *more).out


def sent(made: Installation, day: str, **environment: str) -> dict[str, bytes]:
    """What a run of `day` delivers, by address."""
    shutil.rmtree(made.state / "outbox", ignore_errors=True)
    made("run", "--date", day, **environment)
    return made.mail()


def copied(made: Installation, folder: Path) -> Installation:
    """A copy of an installation, to be changed."""
    return Installation(databases.copied(made.state, folder / "var"))


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation after its first day."""
    made = Installation(tmp_path_factory.mktemp("begun") / "var")
    sent(made, FIRST)
    return made


@pytest.fixture(scope="module")
def silent(begun: Installation, tmp_path_factory: pytest.TempPathFactory) -> tuple[Installation, dict[str, bytes]]:
    """An installation in which nobody said anything, after two days, and what was sent on the second."""
    made = copied(begun, tmp_path_factory.mktemp("silent"))
    return made, sent(made, SECOND)


@pytest.fixture(scope="module")
def told(begun: Installation, tmp_path_factory: pytest.TempPathFactory) -> tuple[Installation, dict[str, bytes]]:
    """The same, but Santiago liked two papers of the first day."""
    made = copied(begun, tmp_path_factory.mktemp("told"))
    assert f"Noted as no. 1: {SANTIAGO} wants more like “{GROUPING}” for {TOPIC}." in like(made, GROUPING)
    assert "Noted as no. 2" in like(made, "mental simulation")
    return made, sent(made, SECOND)


@pytest.fixture
def ours(told: tuple[Installation, dict[str, bytes]], tmp_path: Path) -> Installation:
    """A copy of `told`."""
    return copied(told[0], tmp_path)


@asynccontextmanager
async def opened(made: Installation) -> AsyncIterator[Store]:
    async with await Store.open(made.database) as store:
        yield store


async def personal(made: Installation) -> dict[tuple[str, date], dict[str, Ranking]]:
    """The personal rankings by address and day of the edition."""
    async with opened(made) as store:
        readers = {one.id: one.address for one in await store.subscribers.all()}
        editions = {one.id: one.day for one in await store.editions.between(date.min, date.max)}
        found = await store.editions.personal(readers, editions)
    return {(readers[reader], editions[number]): own for (reader, number), own in found.items()}


async def test_the_readers_ranking_is_personal_and_says_why(told: tuple[Installation, dict[str, bytes]]) -> None:
    made, mail = told
    own = await personal(made)
    assert {(who, str(day)): set(rankings) for (who, day), rankings in own.items()} == {(SANTIAGO, SECOND): {TOPIC}}
    [rankings] = own.values()
    picks = rankings[TOPIC].picks
    assert picks
    assert all("learned" in dict(pick.parts) for pick in picks)
    near = [one for pick in picks for one in pick.reasons if one.kind is Why.LIKED]
    assert near
    assert {one.values for one in near} <= {(GROUPING,), (SIMULATION,)}
    text = text_of(parsed(mail[SANTIAGO]))
    assert any(words.reason(ENGLISH, one) in text for one in near)


def test_nobody_elses_mail_changes(
    told: tuple[Installation, dict[str, bytes]], silent: tuple[Installation, dict[str, bytes]]
) -> None:
    mine, theirs = told[1], silent[1]
    assert set(mine) == set(theirs)
    assert len(mine) == 4
    assert {address for address in mine if mine[address] != theirs[address]} == {SANTIAGO}


@pytest.mark.parametrize(("who", "other"), [(SANTIAGO, GRACE), (GRACE, SANTIAGO)])
def test_what_one_reader_liked_is_not_told_to_another_who_follows_the_same_topic(
    begun: Installation, silent: tuple[Installation, dict[str, bytes]], tmp_path: Path, who: str, other: str
) -> None:
    """The two share a topic, and are sent some of the same papers."""
    made = copied(begun, tmp_path)
    made("feedback", "add", who, "brain captioning", "--like", "--topic", "brain-decoding")
    mail = sent(made, SECOND)
    assert "close to “Brain Captioning”" in text_of(parsed(mail[who]))
    assert "Brain Captioning" not in text_of(parsed(mail[other]))
    assert {address for address in mail if mail[address] != silent[1][address]} == {who}


@pytest.mark.parametrize("frozen", [True, False], ids=["frozen", "not frozen yet"])
def test_what_was_sent_is_made_again_whatever_was_said_since(
    told: tuple[Installation, dict[str, bytes]], ours: Installation, frozen: bool
) -> None:
    """Also when a run died before it had frozen the reader's ranking: what stood when it was planned counts."""
    like(ours, "Align before Fuse", "--topic", TOPIC)
    like(ours, "brain captioning")
    ours("feedback", "undo", SANTIAGO, "1")
    if not frozen:
        assert len(databases.execute(ours.database, "DELETE FROM personal_rankings RETURNING slug")) == 1
    ours("resend", "--subscriber", SANTIAGO, "--date", SECOND)
    assert sent(ours, SECOND) == {SANTIAGO: told[1][SANTIAGO]}


async def test_a_preview_goes_by_what_stands_today_and_saves_nothing(
    told: tuple[Installation, dict[str, bytes]], silent: tuple[Installation, dict[str, bytes]], ours: Installation
) -> None:
    def preview() -> bytes:
        path = ours("preview", "--subscriber", SANTIAGO, "--date", SECOND, "--format", "eml", "--out", "m.eml").out
        return (ours.state.parent / path.strip()).read_bytes().replace(b"\r\n", b"\n")

    before = await personal(ours)
    assert preview() == told[1][SANTIAGO]
    like(ours, "Align before Fuse", "--topic", TOPIC)
    like(ours, "OBoW", "--topic", TOPIC)
    changed = preview()
    assert changed not in (told[1][SANTIAGO], silent[1][SANTIAGO])
    ours("feedback", "reset", SANTIAGO, "--yes")
    assert preview() == silent[1][SANTIAGO]
    assert await personal(ours) == before


def test_a_reset_brings_the_common_ranking_back_for_the_next_edition(
    told: tuple[Installation, dict[str, bytes]],
    silent: tuple[Installation, dict[str, bytes]],
    tmp_path: Path,
) -> None:
    page = tmp_path / "third.txt"
    page.write_text(THIRD_PAGE)
    source = {"kind": "listing", "name": "daily-papers", "year": 2025, "path": str(page)}
    third = {"NEWSLETTER_SOURCES": json.dumps([source])}
    without, with_likes = (
        sent(copied(one[0], tmp_path / name), THIRD, **third) for one, name in ((silent, "silent"), (told, "told"))
    )
    reset = copied(told[0], tmp_path / "reset")
    assert f"Taken back: 2 opinions of {SANTIAGO}." in reset("feedback", "reset", SANTIAGO, "--yes").out
    after = sent(reset, THIRD, **third)
    assert SANTIAGO in without
    assert with_likes[SANTIAGO] != without[SANTIAGO]
    assert after == without


def test_the_list_shows_what_stands_and_on_request_what_was_undone(ours: Installation) -> None:
    listed = ours("feedback", "list", SANTIAGO, "--json").json
    assert [(one["number"], one["topic"], one["opinion"], one["title"]) for one in listed] == [
        (2, TOPIC, "like", SIMULATION),
        (1, TOPIC, "like", GROUPING),
    ]
    assert all(one["undone"] is None and one["paper"].startswith("title:") and one["given"] for one in listed)
    answered = ours("feedback", "undo", SANTIAGO, "2").out
    assert answered == f"Taken back, no. 2: {SANTIAGO} wants more like “{SIMULATION}” for {TOPIC}.\n"
    ours("feedback", "add", SANTIAGO, GROUPING, "--dislike")
    assert [(one["number"], one["opinion"]) for one in ours("feedback", "list", SANTIAGO, "--json").json] == [
        (3, "dislike")
    ]
    everything = ours("feedback", "list", SANTIAGO, "--all", "--json").json
    assert [(one["number"], bool(one["undone"])) for one in everything] == [(3, False), (2, True), (1, True)]
    table = ours("feedback", "list", SANTIAGO).out
    assert "1 opinion of santiago@example.org" in table
    assert "Semantic Grouping" in table
    assert "Mental Simulation" not in table
    assert "undone" not in table
    table = ours("feedback", "list", SANTIAGO, "--all").out
    assert "Mental Simulation" in table
    assert "undone" in table
    assert ours("feedback", "list", "ada@example.org", "--json").json == []


def test_the_same_again_is_not_said_twice(ours: Installation) -> None:
    assert "Known already as no. 1" in like(ours, GROUPING)
    assert len(ours("feedback", "list", SANTIAGO, "--all", "--json").json) == 2


def test_a_reset_asks_first(ours: Installation) -> None:
    for stdin in ("n\n", "", "\n"):
        answered = ours("feedback", "reset", SANTIAGO, expect=1, stdin=stdin)
        assert f"Take back 2 opinions of {SANTIAGO}?" in answered.err
        assert "newsletter: nothing was taken back; --yes does it without asking" in answered.err
        assert answered.out == ""
    assert len(ours("feedback", "list", SANTIAGO, "--json").json) == 2
    like(ours, "brain captioning")
    answered = ours("feedback", "reset", SANTIAGO, "--topic", TOPIC, stdin="y\n")
    assert answered.out == f"Taken back: 2 opinions of {SANTIAGO} about {TOPIC}.\n"
    assert [one["topic"] for one in ours("feedback", "list", SANTIAGO, "--json").json] == ["brain-decoding"]
    again = ours("feedback", "reset", SANTIAGO, "--topic", TOPIC)
    assert again.out == f"There is nothing to take back: no opinion of {SANTIAGO} about {TOPIC} stands.\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["list", "nobody@example.org"], 1, "there is no subscriber nobody@example.org"),
        (["list", "nobody"], 2, "nobody"),
        (["add", SANTIAGO, GROUPING], 2, "say what the reader thinks of the paper: --like or --dislike"),
        (["add", SANTIAGO, GROUPING, "--like", "--dislike"], 2, "--like or --dislike"),
        (["add", SANTIAGO, "no such paper", "--like"], 1, "the archive has no paper “no such paper”"),
        (["add", SANTIAGO, "", "--like"], 1, "the archive has no paper “”"),
        (["add", SANTIAGO, "vocabulary-free", "--like"], 1, "may mean any of these 2 papers; name one by its id"),
        (["add", SANTIAGO, GROUPING, "--like", "--topic", "language-models"], 2, "does not follow “language-models”"),
        (["add", SANTIAGO, "Pointer Networks", "--like"], 2, "--topic brain-decoding, --topic representation-learning"),
        (["undo", SANTIAGO, "77"], 1, "no opinion no. 77 of santiago@example.org stands"),
        (["undo", "ada@example.org", "1"], 1, "no opinion no. 1 of ada@example.org stands"),
        (["undo", SANTIAGO, "99999999999999999999"], 2, "less than or equal to 2147483647"),
        (["reset", SANTIAGO, "--topic", "nonsense"], 2, "there is no topic “nonsense”"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_is_one_sentence_and_changes_nothing(
    told: tuple[Installation, dict[str, bytes]], arguments: list[str], code: int, said: str
) -> None:
    made = told[0]
    answered = made("feedback", *arguments, expect=code)
    # Typer folds its lines.
    assert said in " ".join(answered.err.split())
    assert answered.out == ""
    noted = databases.execute(made.database, "SELECT id, undone FROM feedback ORDER BY id")
    assert noted == [(1, None), (2, None)]


def test_several_papers_of_these_words_are_listed(told: tuple[Installation, dict[str, bytes]]) -> None:
    listed = told[0]("feedback", "add", SANTIAGO, "vocabulary-free", "--like", expect=1).err.splitlines()[:2]
    ids = [line.split()[0] for line in listed]
    titles = {line.split(maxsplit=1)[1] for line in listed}
    assert titles == {
        "Vocabulary-free Image Classification",
        "Vocabulary-free Image Classification and Semantic Segmentation",
    }
    known = {one["id"] for one in told[0]("papers", "--search", "vocabulary-free image", "--json").json}
    assert set(ids) == known


def test_a_reader_of_one_topic_or_none_need_not_say_which(installation: Installation) -> None:
    installation("collect")
    readers = "address,topics\none@example.org,efficient-ml\nnone@example.org,\n"
    installation("subscribers", "import", "-", stdin=readers)
    answered = installation("feedback", "add", "one@example.org", "Pointer Networks", "--dislike")
    assert answered.out == "Noted as no. 1: one@example.org wants less like “Pointer Networks” for efficient-ml.\n"
    refused = installation("feedback", "add", "none@example.org", "Pointer Networks", "--like", expect=2)
    assert "none@example.org follows no topic" in refused.err


DAY = date(2025, 3, 11)


def _paper(name: str) -> Paper:
    return Paper(name, name, "", keys=(name,), listings=(Listing(DAY, "page", 1),), first_seen=DAY)


def _ranking(slug: str, **relevance: float) -> Ranking:
    picks = [Pick(paper, slug, value, (("words", value),), ()) for paper, value in relevance.items()]
    return Ranking(Topic(slug, slug), tuple(sorted(picks, key=lambda pick: -pick.score)))


async def test_the_topic_is_the_one_that_picked_the_paper_for_this_reader(tmp_path: Path) -> None:
    async with await Store.open(databases.of(tmp_path)) as store:
        papers = {name: _paper(name) for name in "abcd"}
        batch = Batch("page", "page", DAY, tuple(papers.values()), Verdict.NEW, "")
        await store.batches.remember(batch, datetime(2025, 3, 11, 12, tzinfo=UTC))
        readers = [Subscriber(f"{name}@example.org", topics=("x", "y")) for name in ("ada", "ben")]
        only, none = Subscriber("only@example.org", topics=("y",)), Subscriber("none@example.org")
        await store.subscribers.add([*readers, only, none])
        ada, ben, only, none = await store.subscribers.all()
        x, y, z = _ranking("x", a=3.0, b=2.0), _ranking("y", a=2.0, b=4.0), _ranking("z", c=9.0)
        trending = Ranking(None, tuple(Pick(name, TRENDING, 1.0, (("trend", 1.0),), ()) for name in "abc"))
        edition = await store.editions.freeze(DAY, ["a", "b", "c"], [], [x, y, z, trending])
        await store.editions.freeze_personal({(ben.id, edition.id): [_ranking("x", c=2.5)]})

        async def topics(reader: Subscriber) -> list[str | None]:
            return [await topic_of(store, reader, papers[name]) for name in "abcd"]

        assert await topics(ada) == ["x", "y", None, None]
        assert await topics(ben) == ["y", "y", "x", None]
        assert await topics(only) == ["y"] * 4
        assert await topics(none) == [None] * 4
