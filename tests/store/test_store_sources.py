"""What several sources say of one paper: whose word counts, what only completes, numbers, and lists shown again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from newsletter.model import Batch, Link, LinkKind, Listing, Observation, Paper, Verdict
from newsletter.store import Store
from newsletter.text import identity_keys

DAY = date(2025, 3, 7)
NOW = datetime(2025, 3, 7, 12, tzinfo=UTC)
TITLE = "Neural Fields for Molluscs"


def record(
    title: str = TITLE, arxiv: str = "", doi: str = "", day: date = DAY, source: str = "page", **more: object
) -> Paper:
    keys = identity_keys(title, arxiv, doi)
    return Paper(
        keys[0], title, listings=(Listing(day, source, 1),), keys=keys, first_seen=day, **{"abstract": "", **more}
    )  # type: ignore[arg-type]  # a test names the fields it cares about


def batch(kind: str, source: str, *papers: Paper, document: str = "page", day: date = DAY, **more: object) -> Batch:
    return Batch(source, document, day, papers, Verdict.NEW, "read", kind=kind, **more)  # type: ignore[arg-type]  # as above


async def remember(store: Store, one: Batch, at: datetime = NOW) -> Batch:
    return (await store.batches.remember(one, at))[0]


async def only(store: Store) -> Paper:
    [paper] = await store.papers.find()
    return paper


SIGHTS = (
    batch("listing", "page", record(abstract="As the page has it.")),
    batch(
        "huggingface",
        "hf",
        record(arxiv="2503.01234", source="hf", abstract="As the Hub has it.", votes=17, ai_summary="Short."),
    ),
    batch(
        "arxiv",
        "arxiv",
        replace(
            record(arxiv="2503.01234v2", source="arxiv", abstract="As arXiv has it.", version=2, authors=("Ada",)),
            links=(Link(LinkKind.ABSTRACT, "https://arxiv.org/abs/2503.01234"),),
        ),
    ),
    batch(
        "feed",
        "journal",
        replace(
            record(doi="10.48550/arXiv.2503.01234", source="journal", venue="Journal of Shells"),
            links=(Link(LinkKind.DOI, "https://doi.org/10.48550/arXiv.2503.01234"),),
        ),
    ),
)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1), (1, 3, 0, 2)])
async def test_one_paper_of_four_sources_is_one_paper(store: Store, order: tuple[int, ...]) -> None:
    """Whatever comes first: the same words, all links, all listings, and who said what."""
    for number in order:
        await remember(store, SIGHTS[number])
    paper = await only(store)
    assert {key.partition(":")[0] for key in paper.keys} == {"arxiv", "doi", "title"}
    assert (paper.abstract, paper.votes, paper.venue, paper.version) == ("As arXiv has it.", 17, "Journal of Shells", 2)
    assert {link.kind for link in paper.links} == {LinkKind.ABSTRACT, LinkKind.DOI}
    assert {one.source for one in paper.listings} == {"page", "hf", "arxiv", "journal"}
    origins = dict(paper.origins)
    assert origins["abstract"] == origins["title"] == origins["authors"] == "arxiv/arxiv"
    assert (origins["votes"], origins["ai_summary"], origins["venue"]) == (
        "huggingface/hf",
        "huggingface/hf",
        "feed/journal",
    )


async def test_the_same_source_may_think_again_until_an_edition_took_the_paper(store: Store) -> None:
    await remember(store, batch("listing", "page", record(abstract="Cut off in the mid")))
    await remember(store, batch("listing", "page", record(abstract="Cut off in the middle no more.")))
    assert (await only(store)).abstract == "Cut off in the middle no more."
    await remember(store, batch("listing", "other page", record(abstract="Somebody else's words.")))
    assert (await only(store)).abstract == "Cut off in the middle no more."
    await store.editions.freeze(DAY, [(await only(store)).id], [], [])
    await remember(
        store, batch("arxiv", "arxiv", record(arxiv="2503.01234", abstract="The authors' words.", source="arxiv"))
    )
    paper = await only(store)
    assert paper.abstract == "Cut off in the middle no more."
    assert "arxiv:2503.01234" in paper.keys


async def test_a_new_version_is_a_note_and_no_card(store: Store) -> None:
    first = record(arxiv="2503.01234v1", version=1, abstract="First.", source="arxiv")
    await remember(store, batch("arxiv", "arxiv", first))
    again = replace(record(arxiv="2503.01234v2", version=2, abstract="Second."), listings=(), first_seen=None)
    stranger = replace(record("An old paper", arxiv="2001.00001v5", version=5), listings=(), first_seen=None)
    seen = (Observation("arxiv:2503.01234", "version", 2), Observation("arxiv:2001.00001", "version", 5))
    note = batch(
        "arxiv", "arxiv", document="next", day=DAY + timedelta(days=3), notes=(again, stranger), observations=seen
    )
    await remember(store, note)
    paper = await only(store)
    assert (paper.version, paper.abstract, len(paper.listings)) == (2, "Second.", 1)
    assert await store.papers.observed([paper.id]) == {paper.id: {"version": 2}}
    # And an old answer that is read once more does not bring back the first one.
    await remember(store, batch("arxiv", "arxiv", first))
    assert ((await only(store)).version, (await only(store)).abstract) == (2, "Second.")


async def test_every_observation_is_kept_with_its_time(store: Store) -> None:
    for hours, votes in enumerate([3, 17, 17, 12]):
        seen = (Observation("arxiv:2503.01234", "votes", votes), Observation("arxiv:9999.99999", "votes", 1))
        one = batch("huggingface", "hf", record(arxiv="2503.01234", votes=votes, source="hf"), observations=seen)
        await remember(store, one, NOW + timedelta(hours=hours))
    paper = await only(store)
    assert paper.votes == 12
    history = await store.papers.history(paper.id, "votes")
    assert history == [(NOW + timedelta(hours=hours), votes) for hours, votes in enumerate([3, 17, 17, 12])]
    assert await store.papers.observed([paper.id, "unknown"]) == {paper.id: {"votes": 12}}


FRIDAY = date(2026, 8, 7)


def feed(day: date, *titles: str, expected: date | None = None) -> Batch:
    papers = tuple(record(title, day=day, source="arxiv") for title in titles)
    return batch("arxiv", "arxiv", *papers, document="cs.CL", day=day, expected=expected)


async def test_a_list_shown_again_under_a_new_date_is_stale_where_a_new_one_was_due(store: Store) -> None:
    """arXiv's feed of 12 August 2026 held the papers of the 11th, dated the 12th: freshness is in the identities."""
    tuesday, wednesday = date(2026, 8, 11), date(2026, 8, 12)
    assert (await remember(store, feed(tuesday, "One", "Two", expected=tuesday))).verdict is Verdict.NEW
    shown = await remember(store, feed(wednesday, "Two", "One", expected=wednesday))
    assert (shown.verdict, shown.day) == (Verdict.STALE, tuesday)
    assert str(tuesday) in shown.why
    assert {one.day for paper in await store.papers.find() for one in paper.listings} == {tuesday}
    assert (await remember(store, feed(wednesday, "Three", expected=wednesday))).verdict is Verdict.NEW


async def test_shown_again_on_a_free_day_it_is_the_same(store: Store) -> None:
    await remember(store, feed(FRIDAY, "One", "Two", expected=FRIDAY))
    for days in (1, 2, 3):
        shown = await remember(store, feed(FRIDAY + timedelta(days=days), "One", "Two", expected=FRIDAY))
        assert (shown.verdict, shown.day) == (Verdict.SAME, FRIDAY)
    assert {one.day for paper in await store.papers.find() for one in paper.listings} == {FRIDAY}


async def test_a_document_whose_day_was_corrected_is_not_stale(store: Store) -> None:
    await remember(store, batch("listing", "page", record("One"), record("Two")))
    right = DAY + timedelta(days=1)
    papers = (record("One", day=right), record("Two", day=right))
    assert (await remember(store, batch("listing", "page", *papers, day=right))).verdict is Verdict.NEW


async def test_what_a_feed_keeps_showing_is_listed_once(store: Store) -> None:
    """A journal's feed shows an article for weeks, and one of last month as new."""
    for days in range(5):
        day = FRIDAY + timedelta(days=days)
        shown = batch("feed", "journal", record("One", day=day, source="journal"), day=day, standing=True)
        verdict = (await remember(store, shown)).verdict
        assert verdict is (Verdict.SAME if days else Verdict.NEW)
    await remember(store, batch("listing", "page", record("One", day=FRIDAY + timedelta(days=9))))
    paper = await only(store)
    assert {(one.source, one.day) for one in paper.listings} == {
        ("journal", FRIDAY),
        ("page", FRIDAY + timedelta(days=9)),
    }


async def test_what_was_answered_when(store: Store) -> None:
    await remember(store, feed(date(2026, 8, 10), "One"))
    await remember(store, replace(feed(date(2026, 8, 11), "Two"), document="cs.CL 2026-08-11"))
    await remember(store, replace(feed(date(2026, 8, 9), "Three"), document="math"))
    await remember(store, replace(feed(date(2026, 8, 12)), document="math", verdict=Verdict.QUIET))
    assert await store.batches.last_days("arxiv", date(2026, 8, 1)) == {
        "cs.CL": date(2026, 8, 11),
        "math": date(2026, 8, 9),
    }
    assert await store.batches.last_days("arxiv", date(2026, 8, 10)) == {"cs.CL": date(2026, 8, 11)}
    assert await store.batches.last_days("another", date(2026, 8, 1)) == {}


async def test_days_that_were_read_whole_need_not_be_asked_for_again(store: Store) -> None:
    asked = {
        date(2026, 8, 3): [[("a", Verdict.NEW), ("b", Verdict.QUIET)]],
        date(2026, 8, 4): [[("a", Verdict.NEW), ("b", Verdict.BROKEN)]],
        date(2026, 8, 5): [[("", Verdict.BROKEN)], [("a", Verdict.SAME)]],
        date(2026, 8, 6): [[("a", Verdict.NEW)], [("a", Verdict.STALE)]],
    }
    for day, times in asked.items():
        for hour, verdicts in enumerate(times):
            answer = [Batch("hf", document, day, (), verdict, "why", asked=day) for document, verdict in verdicts]
            await store.batches.remember_all(answer, NOW + timedelta(hours=hour))
    await remember(store, Batch("hf", "a", FRIDAY, (), Verdict.NEW, "not asked for"))
    assert await store.batches.answered("hf", date(2026, 8, 1)) == {date(2026, 8, 3), date(2026, 8, 5)}
    assert await store.batches.answered("hf", date(2026, 8, 4)) == {date(2026, 8, 5)}


async def test_the_newest_answers_are_those_of_the_last_time_each_source_was_asked(store: Store) -> None:
    await remember(store, feed(DAY, "One"), NOW)
    await remember(store, batch("listing", "page", record()), NOW)
    for document in ("cs.CL", "cs.CV"):
        await remember(store, replace(feed(DAY, "Two"), document=document), NOW + timedelta(days=1))
    await remember(
        store, Batch("arxiv", "back-fill", DAY, (), Verdict.BROKEN, "no", asked=DAY), NOW + timedelta(days=2)
    )
    newest = [(one.source, one.document, one.verdict) for one in await store.batches.newest()]
    assert newest == [
        ("arxiv", "cs.CL", Verdict.NEW),
        ("arxiv", "cs.CV", Verdict.SAME),
        ("page", "page", Verdict.NEW),
    ]
