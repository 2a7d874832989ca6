"""Where a paper is in a reader's digest, and why: read from the rankings that made the digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from functools import cached_property

from newsletter.model import TRENDING, Digest, Edition, Pick, Ranking, ReadablePaper, Topic
from newsletter.ranking.candidates import Candidates
from newsletter.ranking.digests import digest
from newsletter.ranking.matching import Where, term
from newsletter.ranking.muting import without
from newsletter.ranking.scoring import LEAST_SCORE, Scored, ranking
from newsletter.ranking.selection import Limits
from newsletter.ranking.spanning import Span

WORDS_FOUND = 8


class Place(StrEnum):
    """Where in a digest a paper is; the later, the less is seen of it."""

    TOP = "top"  # set apart, before all sections
    CARD = "card"  # in full, in a section
    ALSO = "also"  # a title in the compact list
    OUTSIDE = "outside"  # the one that none of the reader's topics asked for
    COUNTED = "counted"  # one of those that are only counted
    ABSENT = "absent"  # not there


CARDS = (Place.TOP, Place.CARD)


class Hurdle(StrEnum):
    """What kept a paper from being shown in full in the section of a topic."""

    NONE = "none"
    MUTED = "muted"  # the reader never wants to read of it
    EXCLUDED = "excluded"  # the paper says an excluded word
    BELOW = "below"  # its relevance is below the topic's `min_score`
    CUT = "cut"  # too many papers match better
    ELSEWHERE = "elsewhere"  # another topic of the reader is its home
    CAP = "cap"  # the topic shows no more than its `max_papers`
    FULL = "full"  # the digest had no room left
    FOLDED = "folded"  # a paper that is nearly the same stands for it
    CHANGED = "changed"  # no pick then, though it would be one today


@dataclass(frozen=True)
class Occasion:
    """A reader's digest, with all that is known of it.

    `edition` is one of those of `span`, what the digest of `day` spans. `follows` are the slugs of the reader's
    topics. `rankings` made the digest: by edition's id, then by slug. `scored` are the papers of `edition` as each
    topic sees them today, by slug, and `trending` likewise; `candidates` are these papers. `muted` are those of them
    that the reader has muted, by id, with the words and authors that hide them; `rankings` is without them.
    """

    day: date
    edition: Edition
    span: Span
    follows: tuple[str, ...]
    rankings: Mapping[int, Mapping[str, Ranking]]
    scored: Mapping[str, Scored]
    trending: Ranking
    limits: Limits
    candidates: Candidates
    muted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def merged(self) -> Mapping[str, Ranking]:
        """The rankings of all editions as those of one, by slug."""
        return self.merge(self.rankings)

    @cached_property
    def digest(self) -> Digest:
        """The digest as it was made."""
        return self.made_of(self.merged)

    @cached_property
    def now(self) -> dict[int, Mapping[str, Ranking]]:
        """The same rankings, but those of `edition` as they would be made today."""
        today = {slug: ranking(one) for slug, one in self.scored.items()} | {TRENDING: self.trending}
        return {**self.rankings, self.edition.id: without(today, self.muted)}

    @cached_property
    def today(self) -> Digest:
        """The digest as it would be made today."""
        return self.made_of(self.merge(self.now))

    def merge(self, rankings: Mapping[int, Mapping[str, Ranking]]) -> Mapping[str, Ranking]:
        """Rankings by edition's id and slug as those of one edition, by slug."""
        slugs = (*self.follows, TRENDING)
        found = ((slug, self.span.merge(rankings, slug, grouped=not self.follows)) for slug in slugs)
        return {slug: one for slug, one in found if one}

    def made_of(self, merged: Mapping[str, Ranking], limits: Limits | None = None) -> Digest:
        """The digest that other rankings would make, or other limits."""
        return digest(self.day, self.follows, self.span.editions, merged, limits or self.limits)

    @cached_property
    def homes(self) -> dict[str, tuple[str, int]]:
        """The topic in whose section each paper would be if there were room for all, and its place there."""
        most = sum(len(one.picks) for one in self.merged.values())
        made = self.made_of(
            {slug: _roomy(one, most) for slug, one in self.merged.items()}, Limits(most, most, 0, False)
        )
        sections: dict[str, list[Pick]] = {}
        for pick in made.picks:
            sections.setdefault(pick.topic, []).append(pick)
        return {
            pick.paper: (slug, turn)
            for slug, picks in sections.items()
            for turn, pick in enumerate(sorted(picks, key=lambda pick: -pick.score), start=1)
        }

    def case(self, paper_id: str) -> Case:
        """One of the edition's papers in this digest."""
        row = self.edition.papers.index(paper_id)
        return Case(self, self.candidates.papers[row], row)


def _roomy(one: Ranking, most: int) -> Ranking:
    return replace(one, topic=replace(one.topic, max_papers=most)) if one.topic else one


@dataclass(frozen=True, slots=True)
class Case:
    """A paper in a digest; `row` is its place among the edition's papers, from 0."""

    occasion: Occasion
    paper: ReadablePaper
    row: int


@dataclass(frozen=True, slots=True)
class Sight:
    """A paper as one topic of the reader sees it (None: *Trending*).

    `parts` are all parts of `score`, those that are 0 too; they add up to it. `rank` is the paper's place by score
    among the `papers` of the edition, as of today (0 where it is not among them); `place` is that among the `picks` of
    the topic in the digest, None when it was no pick. `said` is what it says of what the topic looks for, and where.
    `words` are the excluded words it says, `muted` the words and authors for which the reader has muted it; `head` is
    the pick that it is a near-duplicate of. `home` is the slug of the topic in whose section it belongs, if any has
    picked it; `turn` its place among the papers that have their home here. `anew` is how it scores today, where that is
    not how it scored when the digest was made.
    """

    topic: Topic | None
    slug: str
    pick: Pick
    parts: tuple[tuple[str, float], ...]
    relevance: float
    rank: int
    papers: int
    place: int | None
    picks: int
    hurdle: Hurdle
    said: tuple[tuple[str, Where], ...] = ()
    words: tuple[str, ...] = ()
    muted: tuple[str, ...] = ()
    head: ReadablePaper | None = None
    home: str = ""
    turn: int = 0
    anew: Pick | None = None

    @property
    def score(self) -> float:
        return self.pick.score

    @property
    def shortfall(self) -> float:
        """By how much the relevance misses the threshold; 0 where it does not."""
        least = max(self.topic.min_score, LEAST_SCORE) if self.topic else 0.0
        return max(round(least - self.relevance, 4), 0.0)


@dataclass(frozen=True, slots=True)
class Explanation:
    """`place` is where the paper is in the digest that was made, `section` the slug of the topic that shows it; `today`
    is where it would be if the edition were ranked again."""

    place: Place
    section: str
    today: Place
    sights: tuple[Sight, ...]


def explain(case: Case) -> Explanation:
    """Why the paper of `case` is where it is."""
    whole = case.occasion
    shown = next((pick for pick in whole.digest.picks if pick.paper == case.paper.id), None)
    return Explanation(
        place=_place(case, whole.digest, whole.merged),
        section=shown.topic if shown else "",
        today=place_today(case),
        sights=tuple(_sight(case, slug) for slug in whole.follows if slug in whole.scored)
        or (_sight(case, TRENDING),) * (not whole.follows),
    )


def _place(case: Case, made: Digest, merged: Mapping[str, Ranking]) -> Place:
    paper, whole = case.paper.id, case.occasion
    if made.top and made.top.paper == paper:
        return Place.TOP
    if any(pick.paper == paper for section in made.sections for pick in section.picks):
        return Place.CARD
    if any(pick.paper == paper for pick in made.also):
        return Place.ALSO
    if made.outside and made.outside.paper == paper:
        return Place.OUTSIDE
    ours = [merged[slug] for slug in whole.follows or (TRENDING,) if slug in merged]
    counted = made.left_out and any(pick.paper == paper for one in ours for pick in one.picks)
    return Place.COUNTED if counted else Place.ABSENT


def place_today(case: Case, changed: Ranking | None = None, limits: Limits | None = None) -> Place:
    """Where the paper would be in a digest made today, with the ranking of one topic changed, or the limits."""
    whole = case.occasion
    if case.paper.id in whole.muted:
        return Place.ABSENT
    if changed is None and limits is None:
        return _place(case, whole.today, whole.merge(whole.now))
    rankings = whole.now
    if changed:
        slug, number = changed.slug, whole.edition.id
        # A digest of several editions takes the topic as the last of them words it.
        reworded = {
            other: {**own, slug: replace(own[slug], topic=changed.topic)}
            for other, own in rankings.items()
            if slug in own
        }
        rankings = {**rankings, **reworded, number: {**rankings[number], slug: changed}}
    merged = whole.merge(rankings)
    return _place(case, whole.made_of(merged, limits), merged)


def _sight(case: Case, slug: str) -> Sight:
    whole, paper = case.occasion, case.paper.id
    theirs = whole.rankings[whole.edition.id].get(slug) or whole.now[whole.edition.id][slug]
    anew = _today(case, slug)
    sent = next((whole.span.measured(pick) for pick in theirs.picks if pick.paper == paper), None)
    pick = sent or anew
    picks = whole.merged[slug].picks if slug in whole.merged else ()
    home, turn = whole.homes.get(paper, ("", 0))
    scored = whole.scored.get(slug)
    held = dict(pick.parts)
    sight = Sight(
        topic=theirs.topic,
        slug=slug,
        pick=pick,
        parts=tuple((name, held.get(name, 0.0)) for name in dict.fromkeys((*(scored.parts if scored else ()), *held))),
        relevance=round(pick.relevance, 4),
        rank=_rank(case, scored) if scored else _trending_rank(case),
        papers=len(whole.edition.papers),
        place=next((at for at, one in enumerate(picks, start=1) if one.paper == paper), None),
        picks=len(picks),
        hurdle=Hurdle.NONE,
        said=_said(scored, case.row) if scored else (),
        words=excluded_words(scored, case.row, theirs.topic) if scored and theirs.topic else (),
        muted=whole.muted.get(paper, ()),
        head=_head(case, theirs),
        home=home,
        turn=turn if home == slug else 0,
        anew=anew if sent and (anew.score, anew.parts) != (sent.score, sent.parts) else None,
    )
    return replace(sight, hurdle=_hurdle(case, sight, theirs))


def _today(case: Case, slug: str) -> Pick:
    whole, paper = case.occasion, case.paper.id
    if slug in whole.scored:
        return whole.span.measured(whole.scored[slug].pick(case.row))
    found = next((pick for pick in whole.trending.picks if pick.paper == paper), None)
    return whole.span.measured(found) if found else Pick(paper, TRENDING, 0.0, (), ())


def _hurdle(case: Case, sight: Sight, theirs: Ranking) -> Hurdle:
    if sight.place is None:
        return _kept_out(case, sight, theirs)
    made = case.occasion.digest
    cards = [made.top, *(pick for section in made.sections for pick in section.picks)]
    if any(pick and (pick.paper, pick.topic) == (case.paper.id, sight.slug) for pick in cards):
        return Hurdle.NONE
    if sight.home != sight.slug:
        return Hurdle.ELSEWHERE
    return Hurdle.CAP if sight.topic and sight.turn > sight.topic.max_papers else Hurdle.FULL


def _kept_out(case: Case, sight: Sight, theirs: Ranking) -> Hurdle:
    scored = case.occasion.scored.get(sight.slug)
    if sight.muted:
        return Hurdle.MUTED
    if sight.words:
        return Hurdle.EXCLUDED
    if sight.shortfall and scored and case.row not in scored.followed:
        return Hurdle.BELOW
    if sight.head:
        return Hurdle.FOLDED
    return Hurdle.CUT if not scored or case.paper.id in (theirs.excluded or ()) else Hurdle.CHANGED


def _head(case: Case, theirs: Ranking) -> ReadablePaper | None:
    """The pick that the paper is a near-duplicate of, of its own edition or of another one."""
    whole = case.occasion
    head = whole.candidates.folded.get(case.row)
    picked = {pick.paper for pick in theirs.picks}
    if head is not None and whole.candidates.papers[head].id in picked:
        return whole.candidates.papers[head]
    other = whole.span.head(whole.rankings, theirs.slug, case.paper.id)
    return whole.span.papers.get(other) if other else None


def _rank(case: Case, scored: Scored) -> int:
    """By score among all papers of the edition; equal scores keep their order."""
    own = scored.score[case.row]
    return 1 + int((scored.score > own).sum() + (scored.score[: case.row] == own).sum())


def _trending_rank(case: Case) -> int:
    picks = case.occasion.trending.picks
    return next((at for at, pick in enumerate(picks, start=1) if pick.paper == case.paper.id), 0)


def _said(scored: Scored, row: int) -> tuple[tuple[str, Where], ...]:
    """What the paper says of what the topic looks for, the title's words first, then the rarest; no word is told
    twice."""
    found: list[tuple[str, Where]] = []
    told: set[str] = set()
    document = scored.candidates.document(row)
    rarest = sorted([*scored.query.named, *scored.query.described], key=scored.candidates.worth, reverse=True)
    hits = [(wanted, hit) for wanted in rarest if (hit := document.find(wanted))]
    for wanted, hit in sorted(hits, key=lambda found: found[1].where is not Where.TITLE):
        if told.isdisjoint(wanted.stems):
            told.update(wanted.stems)
            found.append((hit.wording, hit.where))
    return tuple(found[:WORDS_FOUND])


def excluded_words(scored: Scored, row: int, topic: Topic) -> tuple[str, ...]:
    """The words that `topic` excludes and the paper says, in any form."""
    document = scored.candidates.document(row)
    return tuple(word for word in topic.exclude if (wanted := term(word)) and document.find(wanted))
