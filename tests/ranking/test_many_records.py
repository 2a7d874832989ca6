"""Many topics at once, and their records made without a ranking, beside one topic at a time, object by object."""

from __future__ import annotations

import gc
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from salad import COMMON, RARE, SUBJECTS, archive, salad

from newsletter.daily import many
from newsletter.model import Group, Opinion, Ranking, Topic, Why
from newsletter.ranking import Candidates, Judged, background, ranking, score, score_each, trending
from newsletter.ranking.archive import SPREAD
from newsletter.ranking.matching import Document, Hit, Term, Where, term
from newsletter.ranking.reasons import MOST_REASONS, WORDS_NAMED
from newsletter.ranking.records import Record, of_record, record, recorded
from newsletter.ranking.scoring import LEAST_RARITY, LEAST_RARITY_DESCRIBED, Scored
from newsletter.ranking.sharing import parts, rank_block, receive

TOPICS = 30
WORDS = [*(word for several in SUBJECTS.values() for word in several), *COMMON, *RARE]


@cache
def candidates() -> Candidates:
    return Candidates([salad(number) for number in range(1000, 1080)], background(archive(220)))


def some(seed: int) -> tuple[list[Topic], dict[str, list[Judged]]]:
    """Topics of random words, phrases of real titles among them, some with opinions."""
    draw = Random(seed)
    papers = [*archive(220), *candidates().papers]

    def phrase() -> str:
        words = draw.sample(WORDS, draw.randint(1, 3)) if draw.random() < 0.5 else draw.choice(papers).title.split()[:3]
        return f'"{" ".join(words)}"' if draw.random() < 0.4 else " ".join(words)

    def phrases(most: int) -> tuple[str, ...]:
        return tuple(phrase() for _ in range(draw.randint(0, most)))

    topics, judged = [], {}
    for number in range(TOPICS):
        paper = draw.choice(papers)
        topic = Topic(
            f"topic-{number}",
            draw.choice([paper.title, phrase(), 'Größe "in quotes"', ""]),
            draw.choice(["", paper.abstract, ", ".join(phrases(3))]),
            phrases(3),
            phrases(1),
            draw.choice([0.0, 1.0, 2.5]),
            draw.choice([1, 12]),
            draw.choice([(), paper.paper.categories]),
            draw.choice([(), paper.paper.authors[:1]]),
        )
        topics.append(topic)
        if number % 3 == 0:
            judged[topic.slug] = [Judged(draw.choice(papers), draw.choice(list(Opinion)), n) for n in range(4)]
    return topics, judged


def plainly(ranking: Ranking) -> dict[str, object]:
    """A ranking as the general means of the standard library write it."""

    def text(found: object) -> str:
        return json.dumps(found, separators=(",", ":"))

    groups: tuple[Group, ...] = ranking.groups
    return {
        "slug": ranking.slug,
        "topic": text(asdict(ranking.topic)) if ranking.topic else None,
        "picks": text([asdict(pick) for pick in ranking.picks]),
        "excluded": None if ranking.excluded is None else text(ranking.excluded),
        "groups": text([asdict(one) for one in groups]) if groups else None,
    }


def fields(one: Record) -> Mapping[str, object]:
    return asdict(one)


def test_many_topics_are_recorded_as_each_alone() -> None:
    topics, judged = some(1)
    fresh = Candidates(candidates().papers, candidates().background)
    alone = [ranking(one) for topic in topics for one in score(fresh, [topic], judged)]
    together = list(many.records(candidates(), topics, judged, ()))
    assert [fields(one) for one in together[:-1]] == [plainly(one) for one in alone]
    assert fields(together[-1]) == plainly(trending(fresh))
    assert [of_record(one) for one in together[:-1]] == alone
    assert sum(len(one.picks) for one in alone) > TOPICS


def test_records_of_another_process_are_the_same() -> None:
    topics, judged = some(3)
    found, places = parts(Candidates(candidates().papers, candidates().background))
    receive(lambda: np.frombuffer(b"".join(found), np.uint8), places)
    gc.unfreeze()
    assert rank_block(topics, judged) == [recorded(one) for one in score(candidates(), topics, judged)]


def test_scores_stand_as_in_parts_that_are_asked_one_by_one() -> None:
    topics, judged = some(4)
    asked = [(topic, judged.get(topic.slug, ())) for topic in topics]
    # Equal topics side by side share what they have in common.
    for one, again in zip(score_each(candidates(), [*asked, *asked]), [*asked, *asked], strict=True):
        [alone] = score_each(candidates(), [again])
        assert one.parts == alone.parts
        assert all(np.array_equal(one.columns[name], alone.columns[name]) for name in one.parts)
        assert one.related == alone.related


def test_other_processes_get_no_text_of_the_archive_but_what_learning_needs() -> None:
    known = archive(SPREAD + 100)
    found, _ = parts(Candidates(candidates().papers, background(known)))
    sent = b"".join(found)
    assert sum(one.abstract.encode() in sent for one in known) == SPREAD
    assert all(one.abstract.encode() in sent for one in candidates().papers)


def all_hits(scored: Scored, terms: Sequence[Term], least: float, document: Document) -> list[tuple[Term, Hit]]:
    worth = scored.candidates.worth
    telling = sorted((one for one in terms if worth(one) >= least), key=worth, reverse=True)
    return [(one, hit) for one in telling if (hit := document.find(one))]


def told(scored: Scored, document: Document) -> list[tuple[Why, tuple[str, ...]]]:
    """What reasons say of words, from everything that the paper says: no index, nothing left out."""
    for terms, least in ((scored.query.named, LEAST_RARITY), (scored.query.described, LEAST_RARITY_DESCRIBED)):
        hits = all_hits(scored, terms, least, document)
        used: set[str] = set()
        wordings: dict[Where, list[str]] = {Where.TITLE: [], Where.ABSTRACT: [], Where.BOTH: []}
        for wanted, hit in sorted(hits, key=lambda found: found[1].where is not Where.TITLE):
            if used.isdisjoint(wanted.stems):
                used.update(wanted.stems)
                wordings[hit.where].append(hit.wording)
        if hits:
            kinds = zip((Why.TITLE, Why.ABSTRACT, Why.BOTH), wordings.values(), strict=True)
            return [(kind, tuple(several[:WORDS_NAMED])) for kind, several in kinds if several]
    return []


@settings(deadline=None, max_examples=12)
@given(st.integers(0, 10_000))
def test_words_that_are_reasons_are_those_of_all_that_the_paper_says(seed: int) -> None:
    topics, _ = some(seed)
    documents = [Document(paper) for paper in candidates().papers]
    words = (Why.TITLE, Why.ABSTRACT, Why.BOTH)
    for one in score(candidates(), topics[:10]):
        for row, document in enumerate(documents):
            expected = told(one, document)
            room = MOST_REASONS - (row in one.followed)
            assert [fact for fact in one.facts(row) if fact[0] in words] == expected[:room]


def test_a_phrase_is_found_where_its_words_first_stand_in_a_row() -> None:
    paper = replace(
        salad(1), title="A field of radiance: fields. Radiance, fields of radiance fields", abstract="Radiance field"
    )
    wanted = term('"radiance fields"')
    assert wanted
    assert Document(paper).find(wanted) == ("Radiance, fields", Where.TITLE)
    assert Document(replace(paper, title="Radiance. Fields")).find(wanted) == ("Radiance field", Where.ABSTRACT)
    assert Document(replace(paper, title="Radiancefields", abstract="radiance; fields")).find(wanted) is None
    assert record(Ranking(None, ())).picks == "[]"
