"""What is said of a paper in a digest: in numbers that add up, in reasons that are true, in remedies that work."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest
from builders import topic
from hypothesis import given, settings
from hypothesis import strategies as st
from seed_days import AUTHORS, DAYS, candidates, edition, papers, trends

from newsletter.model import TRENDING, Opinion, Pick, Ranking, ReadablePaper, Reason, Topic, Why
from newsletter.ranking import Judged, Limits, digest, ranking, score
from newsletter.ranking.explaining import CARDS, Case, Hurdle, Occasion, Place, Sight, explain
from newsletter.ranking.following import same_person
from newsletter.ranking.remedies import Change, Remedy, remedies, variants
from newsletter.ranking.scoring import MOST_PICKS
from newsletter.ranking.spanning import Span
from newsletter.ranking.standings import Standings
from newsletter.settings import configuration_folder, load

TOPICS = {one.slug: one for one in load(configuration_folder()).topics}
LIKED = [Judged(one, Opinion.LIKE) for one in papers()[DAYS[0]][3:9]]
LIKED_TITLES = {one.paper.title for one in LIKED}


def case_of(
    day: date,
    number: int,
    topics: list[Topic],
    limits: Limits | None = None,
    judged: dict[str, list[Judged]] | None = None,
    sent: dict[str, Ranking] | None = None,
) -> Case:
    """The paper of that place on the page of `day`, and the digest of a reader of `topics`."""
    ranked = candidates(day)
    scored = {one.topic.slug: one for one in score(ranked, topics, judged)}
    best = trends(day)
    made = {slug: ranking(one) for slug, one in scored.items()} | {TRENDING: best}
    frozen = edition(day)
    slugs = tuple(one.slug for one in topics)
    rankings = {frozen.id: made | (sent or {})}
    whole = Occasion(
        day, frozen, Span((frozen,), Standings(day)), slugs, rankings, scored, best, limits or Limits(), ranked
    )
    return whole.case(papers()[day][number].id)


def rescored(case: Case, judged: dict[str, list[Judged]] | None = None) -> list[Remedy]:
    tried = variants(case)
    found = list(score(candidates(case.occasion.day), [one.topic for one in tried], judged))
    return list(remedies(case, list(zip(tried, found, strict=True))))


def sight(case: Case, slug: str) -> Sight:
    return next(one for one in explain(case).sights if one.slug == slug)


def place_on(day: date, words: str) -> int:
    return next(number for number, one in enumerate(papers()[day]) if words in one.title)


own_words = st.sampled_from(["brain", "neural", '"language model"', "transformer", "image", "3D", "survey"])
readers_topics = st.lists(
    st.builds(
        lambda one, least, most, weight, exclude, authors: replace(
            one, min_score=least, max_papers=most, weight=weight, exclude=(*one.exclude, *exclude), authors=authors
        ),
        st.sampled_from(sorted(TOPICS.values(), key=lambda one: one.slug)),
        st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0, 5.0]),
        st.integers(1, 6),
        st.sampled_from([1.0, 1.0, 0.5, 2.0]),
        st.lists(own_words, max_size=2),
        st.lists(st.sampled_from(AUTHORS), max_size=1).map(tuple),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda one: one.slug,
)
rooms = st.builds(Limits, st.integers(1, 12), st.just(10), st.integers(0, 8), st.booleans())
verdicts = st.booleans()
days = st.sampled_from(DAYS)


def true_of(reason: Reason, paper: ReadablePaper, one: Topic | None) -> bool:
    """Whether a reader who looks at the paper finds it so."""
    values = [str(value) for value in reason.values]
    match reason.kind:
        case Why.TITLE:
            return all(part in paper.title for value in values for part in value.split(" … "))
        case Why.ABSTRACT:
            return all(part in paper.abstract for value in values for part in value.split(" … "))
        case Why.BOTH | Why.RELATED:
            return all(part in paper.title or part in paper.abstract for value in values for part in value.split(" … "))
        case Why.AUTHOR:
            [name] = values
            assert one
            return name in paper.paper.authors and any(same_person(wanted, name) for wanted in one.authors)
        case Why.LIKED:
            return values[0] in LIKED_TITLES
        case Why.PLACE:
            place, _, day = values
            return any((str(at.rank), at.day.isoformat()) == (place, day) for at in paper.paper.listings)
        case Why.AGAIN:
            return values == [str(len({at.day for at in paper.paper.listings}))]
    return False


@settings(deadline=None, max_examples=12)
@given(days, readers_topics, rooms, verdicts)
def test_parts_add_up_scores_give_the_order_and_reasons_are_true(
    day: date, topics: list[Topic], limits: Limits, learnt: bool
) -> None:
    judged = {topics[0].slug: LIKED} if learnt else None
    first = case_of(day, 0, topics, limits, judged)
    printed: dict[tuple[str, str], float] = {}
    places: dict[str, Place] = {}
    for paper in papers()[day]:
        case = first.occasion.case(paper.id)
        found = explain(case)
        places[paper.id] = found.place
        assert found.today is found.place
        for one in found.sights:
            assert f"{sum(round(value, 4) for _, value in one.parts):.4f}" == f"{one.score:.4f}".replace(
                "-0.0000", "0.0000"
            )
            assert {name for name, value in one.pick.parts if value} <= {name for name, _ in one.parts}
            assert one.relevance == pytest.approx(one.score - dict(one.parts)["trend"])
            assert all(true_of(reason, paper, one.topic) for reason in one.pick.reasons), one.pick.reasons
            assert all(wording.split(" … ")[0] in paper.title + paper.abstract for wording, _ in one.said)
            printed[paper.id, one.slug] = one.score
            check_hurdle(case, one, found.place)
    made = first.occasion.digest
    for section in made.sections:
        shown = [pick for pick in [made.top] if pick and pick.topic == section.slug] + list(section.picks)
        scores = [printed[pick.paper, section.slug] for pick in shown]
        assert scores == sorted(scores, reverse=True)
    weights = {one.slug: one.weight for one in topics}
    compact = [printed[pick.paper, pick.topic] * weights[pick.topic] for pick in made.also]
    assert compact == sorted(compact, reverse=True)
    expected = {pick.paper: Place.CARD for section in made.sections for pick in section.picks}
    expected |= {pick.paper: Place.ALSO for pick in made.also}
    expected |= {made.top.paper: Place.TOP} if made.top else {}
    expected |= {made.outside.paper: Place.OUTSIDE} if made.outside else {}
    assert {paper: place for paper, place in places.items() if place not in (Place.COUNTED, Place.ABSENT)} == expected
    assert sum(place is Place.COUNTED for place in places.values()) == made.left_out


def printed_sum(parts: tuple[tuple[str, float], ...]) -> Decimal:
    """What a reader who adds up the printed numbers comes to."""
    return sum((Decimal(f"{value:.4f}") for _, value in parts), Decimal(0))


def check_hurdle(case: Case, one: Sight, place: Place) -> None:
    """That what is said to have kept a paper out did."""
    assert one.topic
    by_slug = case.occasion.rankings[case.occasion.edition.id]
    picks = [pick.paper for pick in by_slug[one.slug].picks]
    assert (one.place is None) == (case.paper.id not in picks)
    assert one.place is None or picks[one.place - 1] == case.paper.id
    assert one.picks == len(picks)
    match one.hurdle:
        case Hurdle.NONE:
            assert place in CARDS
        case Hurdle.EXCLUDED:
            text = f"{case.paper.title} {case.paper.abstract}".casefold()
            # In any form: an image is what imaging makes.
            assert all(part[:4] in text for word in one.words for part in word.strip('"').casefold().split())
            assert set(one.words) <= set(one.topic.exclude)
        case Hurdle.BELOW:
            assert one.relevance + one.shortfall == pytest.approx(max(one.topic.min_score, 1e-4))
            assert one.shortfall > 0
        case Hurdle.ELSEWHERE:
            there = next(pick for pick in by_slug[one.home].picks if pick.paper == case.paper.id)
            theirs = by_slug[one.home].topic
            assert theirs
            assert there.relevance * theirs.weight >= one.relevance * one.topic.weight
        case Hurdle.CAP:
            assert one.turn > one.topic.max_papers
        case Hurdle.FULL:
            cards = sum(len(section.picks) for section in case.occasion.digest.sections) + bool(
                case.occasion.digest.top
            )
            assert cards == case.occasion.limits.max_papers
        case Hurdle.FOLDED:
            assert one.head
            assert one.head.id in picks
        case hurdle:
            assert hurdle is Hurdle.CUT
            assert len(picks) == MOST_PICKS + one.topic.max_papers


def changed(topics: list[Topic], limits: Limits, remedy: Remedy) -> tuple[list[Topic], Limits]:
    """What a reader would write into the files."""
    for change in remedy.changes:
        if change.setting.startswith("digest."):
            limits = replace(limits, **{change.setting.removeprefix("digest."): change.value})
            continue
        one = next(one for one in topics if one.slug == remedy.topic)
        before = getattr(one, change.setting)
        match change.setting:
            case "exclude":
                value: object = tuple(word for word in before if word != change.value)
            case "keywords" | "authors":
                value = (*before, change.value)
            case _:
                assert change.before == before
                value = change.value
        topics = [replace(other, **{change.setting: value}) if other is one else other for other in topics]
    return topics, limits


@settings(deadline=None, max_examples=15)
@given(days, readers_topics, rooms, verdicts, st.data())
def test_every_remedy_works_when_the_files_are_changed_so(
    day: date, topics: list[Topic], limits: Limits, learnt: bool, data: st.DataObject
) -> None:
    judged = {topics[0].slug: LIKED} if learnt else None
    paper = data.draw(st.integers(0, len(papers()[day]) - 1))
    case = case_of(day, paper, topics, limits, judged)
    found = rescored(case, judged)
    assert not (found and explain(case).place in CARDS)
    for remedy in found:
        new_topics, new_limits = changed(topics, limits, remedy)
        anew = [ranking(one) for one in score(candidates(day), new_topics, judged)]
        rankings = {one.slug: one for one in [*anew, trends(day)]}
        made = digest(day, case.occasion.follows, [case.occasion.edition], rankings, new_limits)
        where = {made.top.paper: Place.TOP} if made.top else {}
        where |= {pick.paper: Place.CARD for section in made.sections for pick in section.picks}
        where |= {pick.paper: Place.ALSO for pick in made.also}
        assert where[case.paper.id] is remedy.place
        assert remedy.place is not explain(case).place


BRAIN = TOPICS["brain-decoding"]


def test_an_excluded_word_is_named_and_taking_it_out_brings_the_paper_in() -> None:
    day = DAYS[0]
    number = place_on(day, "Brain Captioning")
    case = case_of(day, number, [replace(BRAIN, exclude=("captioning", "nowhere"))])
    found = sight(case, BRAIN.slug)
    assert (found.hurdle, found.words) == (Hurdle.EXCLUDED, ("captioning",))
    assert explain(case).place is Place.ABSENT
    [remedy] = [one for one in rescored(case) if one.changes[0].setting == "exclude"][:1]
    assert [change.value for change in remedy.changes] == ["captioning"]
    assert remedy.place in CARDS


def test_a_threshold_that_is_too_high_is_said_with_the_one_that_is_not() -> None:
    day = DAYS[0]
    case = case_of(day, place_on(day, "Brain Captioning"), [replace(BRAIN, min_score=20.0)], Limits(outside=False))
    found = sight(case, BRAIN.slug)
    assert found.hurdle is Hurdle.BELOW
    [least] = [one for one in rescored(case) if [change.setting for change in one.changes] == ["min_score"]]
    assert 0 <= found.relevance - float(least.changes[0].value) < 0.1
    assert least.changes[0].before == 20.0
    assert least.place in CARDS


def test_a_full_topic_says_the_place_and_how_much_room_it_takes() -> None:
    day = DAYS[0]
    roomy = case_of(day, 0, [replace(BRAIN, max_papers=100)], Limits(100))
    picks = [pick.paper for pick in roomy.occasion.rankings[1][BRAIN.slug].picks]
    last = next(number for number, one in enumerate(papers()[day]) if one.id == picks[-1])
    case = case_of(day, last, [replace(BRAIN, max_papers=2)], Limits(100, also_new=0))
    found = sight(case, BRAIN.slug)
    assert (found.hurdle, found.turn, found.place) == (Hurdle.CAP, len(picks), len(picks))
    assert explain(case).place is Place.COUNTED
    [remedy] = rescored(case)
    assert [(one.setting, one.value, one.before) for one in remedy.changes] == [("max_papers", len(picks), 2)]


def test_what_was_sent_is_what_is_told_even_if_it_would_be_other_today() -> None:
    day = DAYS[0]
    number = place_on(day, "Brain Captioning")
    today = case_of(day, number, [BRAIN])
    paper = today.paper.id
    theirs = today.occasion.rankings[1][BRAIN.slug]
    sent = Pick(paper, BRAIN.slug, 9.5, (("words", 9.0), ("trend", 0.5)), (Reason(Why.TITLE, ("Brain",)),))
    frozen = replace(theirs, picks=(sent, *(pick for pick in theirs.picks if pick.paper != paper)))
    found = sight(case_of(day, number, [BRAIN], sent={BRAIN.slug: frozen}), BRAIN.slug)
    assert (found.score, found.relevance, found.place) == (9.5, 9.0, 1)
    assert {name: value for name, value in found.parts if value} == {"words": 9.0, "trend": 0.5}
    assert found.anew == sight(today, BRAIN.slug).pick
    without = replace(theirs, picks=tuple(pick for pick in theirs.picks if pick.paper != paper))
    assert sight(case_of(day, number, [BRAIN], sent={BRAIN.slug: without}), BRAIN.slug).hurdle is Hurdle.CHANGED


def test_a_reader_without_topics_reads_the_trending_papers() -> None:
    day = DAYS[0]
    whole = case_of(day, 0, [], Limits(trending_papers=5, also_new=3)).occasion
    found = {one.id: explain(whole.case(one.id)) for one in papers()[day]}
    assert {one.sights[0].slug for one in found.values()} == {TRENDING}
    assert Counter(one.place in CARDS for one in found.values())[True] == 5
    assert Counter(one.place for one in found.values())[Place.ALSO] == 3
    in_order = sorted(found.values(), key=lambda one: one.sights[0].rank)
    assert all(one.sights[0].score >= other.sights[0].score for one, other in pairwise(in_order))
    last = next(one for one in papers()[day] if found[one.id].sights[0].rank == 20)
    [remedy] = rescored(whole.case(last.id))
    assert remedy.changes == (Change("digest.trending_papers", 20, 5),)


def test_one_who_follows_an_author_has_the_paper_and_the_reason() -> None:
    day = DAYS[0]
    number = place_on(day, "Brain Captioning")
    author = papers()[day][number].paper.authors[0]
    far = topic("cooking", "cooking")
    followed = sight(case_of(day, number, [replace(far, authors=(author,))]), far.slug)
    assert followed.place
    assert Reason(Why.AUTHOR, (author,)) in followed.pick.reasons
    unknown = case_of(day, number, [far])
    assert sight(unknown, far.slug).hurdle is Hurdle.BELOW


@pytest.mark.parametrize("text", ["", "((((", "нейронные сети", "the of and", "\\"])
def test_hostile_words_are_explained_like_any_other(text: str) -> None:
    one = topic("x", text, name=text, exclude=(text,), authors=(text,))
    case = case_of(DAYS[0], 0, [one])
    assert explain(case).sights[0].rank >= 1
    for remedy in rescored(case):
        assert remedy.place in (*CARDS, Place.ALSO)
