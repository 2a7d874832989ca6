"""What several sources say of one paper: whose word counts, what only completes, numbers, and lists shown again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import permutations

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


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_a_preprint_and_its_article_become_one_whatever_comes_first(store: Store, order: tuple[int, ...]) -> None:
    """Only arXiv's record names both, and the journal has another title."""
    sights = (
        batch("huggingface", "hf", record(arxiv="2608.00001", source="hf", votes=3)),
        batch("feed", "journal", record("Molluscs, Seen Anew", doi="10.1000/x", source="journal", venue="Shells")),
        batch(
            "arxiv", "arxiv", record(arxiv="2608.00001", doi="10.1000/x", source="arxiv", abstract="As arXiv has it.")
        ),
    )
    for number in order:
        await remember(store, sights[number])
    paper = await only(store)
    assert (paper.title, paper.votes, paper.venue, paper.abstract) == (TITLE, 3, "Shells", "As arXiv has it.")
    assert {one.source for one in paper.listings} == {"hf", "journal", "arxiv"}
    assert {"arxiv:2608.00001", "doi:10.1000/x"} < set(paper.keys)
    assert await store.papers.count() == 1


@pytest.mark.parametrize("sent", ["hf", "journal"])
async def test_what_was_sent_stays_and_the_other_is_not_sent(store: Store, sent: str) -> None:
    hub = batch("huggingface", "hf", record(arxiv="2608.00001", source="hf", votes=3))
    journal = batch("feed", "journal", record("Molluscs, Seen Anew", doi="10.1000/x", source="journal", venue="Shells"))
    for one in (hub, journal):
        await remember(store, one)
    before = next(paper for paper in await store.papers.find() if paper.listings[0].source == sent)
    await store.editions.freeze(DAY, [before.id], [], [])
    await remember(store, batch("arxiv", "arxiv", record(arxiv="2608.00001", doi="10.1000/x", source="arxiv")))
    paper = await only(store)
    assert replace(paper, keys=before.keys, listings=before.listings) == before
    assert {one.source for one in paper.listings} == {"hf", "journal", "arxiv"}
    assert await store.papers.untaken(DAY - timedelta(days=3), DAY) == []


async def test_two_papers_of_one_proceedings_are_two(store: Store) -> None:
    """Authors give the DOI of the whole volume as that of their paper."""
    both = [record(f"Talk {number}", arxiv=f"2608.0000{number}", doi="10.1109/PROC.2026") for number in (1, 2)]
    await remember(store, batch("arxiv", "arxiv", *both))
    await remember(store, batch("arxiv", "arxiv", *reversed(both)))
    assert sorted(paper.title for paper in await store.papers.find()) == ["Talk 1", "Talk 2"]
    assert {paper.id for paper in await store.papers.find()} == {"arxiv:2608.00001", "arxiv:2608.00002"}


async def test_a_title_that_comes_back_every_week_is_another_entry(store: Store) -> None:
    weekly = "This week in robot research"
    for number in range(3):
        keys = (f"url:blog.example/{number}", *identity_keys(weekly))
        one = replace(record(weekly, abstract=f"Week {number}.", source="blog"), id=keys[0], keys=keys)
        await remember(store, batch("feed", "blog", one, day=DAY + timedelta(days=7 * number), standing=True))
    assert {paper.abstract for paper in await store.papers.find()} == {"Week 0.", "Week 1.", "Week 2."}
    # And the same title in two places is one paper.
    elsewhere = ("url:other.example/x", *identity_keys(TITLE))
    for keys in (elsewhere, ("url:blog.example/9", *identity_keys(TITLE))):
        await remember(store, batch("feed", "blog", replace(record(), id=keys[0], keys=keys)))
    assert await store.papers.count() == 4


async def test_what_cannot_be_kept_is_a_sentence_and_leaves_nothing(store: Store) -> None:
    bad = [
        batch("feed", "blog", record("Lone \ud800 surrogate")),
        batch("feed", "blog", record(), observations=(Observation(identity_keys(TITLE)[0], "votes", 10**30),)),
        batch("feed", "blog", record(), day="no day"),  # type: ignore[arg-type]  # as somebody else's source may
        batch("feed", "blog", replace(record(), title=None)),  # type: ignore[arg-type]  # as above
    ]
    for one in bad:
        with pytest.raises(ValueError, match="answered what cannot be kept"):
            await store.batches.remember_all([batch("feed", "blog", record("A good one")), one], NOW)
    assert await store.papers.count() == 0
    assert await store.batches.latest() == []


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


async def test_a_list_with_one_paper_less_is_an_old_list_too(store: Store) -> None:
    tuesday, wednesday = date(2026, 8, 11), date(2026, 8, 12)
    titles = [f"Paper {number}" for number in range(5)]
    await remember(store, feed(tuesday, *titles, expected=tuesday))
    shown = await remember(store, feed(wednesday, *titles[1:], "A late one", expected=wednesday))
    assert (shown.verdict, shown.day) == (Verdict.STALE, tuesday)
    days = {paper.title: paper.listings[0].day for paper in await store.papers.find()}
    assert days == dict.fromkeys(titles, tuesday) | {"A late one": wednesday}
    # A new list may hold a few that were listed elsewhere before.
    fresh = await remember(store, feed(wednesday, *titles[:2], *"ABCDEF", expected=wednesday))
    assert (fresh.verdict, fresh.day) == (Verdict.NEW, wednesday)


async def test_what_was_read_of_which_day(store: Store) -> None:
    """Whole days only: what is partial, broken or stale is to be asked for again."""
    begun = datetime(2026, 8, 5, 7, tzinfo=UTC)
    await remember(store, feed(date(2026, 8, 5), "One"), begun)
    await remember(store, replace(feed(date(2026, 8, 6), "Two"), verdict=Verdict.PARTIAL), begun + timedelta(days=1))
    await remember(store, replace(feed(date(2026, 8, 7), "Three"), document="cs.CL 2026-08-07", asked=FRIDAY), begun)
    nothing = Batch("arxiv", "cs.CL 2026-08-04", None, (), Verdict.QUIET, "nothing")
    await remember(store, nothing, begun)
    await remember(store, replace(nothing, document="cs.CL 2026-08-03"), begun)
    await remember(store, Batch("arxiv", "math", None, (), Verdict.BROKEN, "no"), begun + timedelta(days=1))
    past = await store.batches.past("arxiv", date(2026, 8, 1))
    assert past == {
        "cs.CL": (date(2026, 8, 5), frozenset({date(2026, 8, 3), date(2026, 8, 5), date(2026, 8, 7)})),
        "math": (date(2026, 8, 6), frozenset()),
    }
    assert (await store.batches.past("arxiv", date(2026, 8, 5)))["cs.CL"][1] == {date(2026, 8, 7)}
    assert await store.batches.past("another", date(2026, 8, 1)) == {}


async def test_a_document_that_is_a_day_tells_of_itself(store: Store) -> None:
    hub = Batch("hub", "2026-08-05", date(2026, 8, 4), (record(),), Verdict.NEW, "yesterday's", kind="huggingface")
    await remember(store, hub, datetime(2026, 8, 6, tzinfo=UTC))
    assert await store.batches.past("hub", date(2026, 8, 1)) == {
        "": (date(2026, 8, 6), frozenset({date(2026, 8, 5)})),
    }


async def test_days_that_were_read_whole_need_not_be_asked_for_again(store: Store) -> None:
    asked = {
        date(2026, 8, 3): [[("a", Verdict.NEW), ("b", Verdict.QUIET)]],
        date(2026, 8, 4): [[("a", Verdict.NEW), ("b", Verdict.BROKEN)]],
        date(2026, 8, 5): [[("", Verdict.BROKEN)], [("a", Verdict.SAME)]],
        date(2026, 8, 6): [[("a", Verdict.NEW)], [("a", Verdict.STALE)]],
        date(2026, 8, 9): [[("a", Verdict.QUIET)]],
    }
    for day, times in asked.items():
        for hour, verdicts in enumerate(times):
            answer = [Batch("hf", document, day, (), verdict, "why", asked=day) for document, verdict in verdicts]
            await store.batches.remember_all(answer, datetime(2026, 8, 10, hour, tzinfo=UTC))
    await remember(store, Batch("hf", "a", FRIDAY, (), Verdict.NEW, "not asked for"))
    # That there was nothing on the 9th is not believed on the 10th.
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
