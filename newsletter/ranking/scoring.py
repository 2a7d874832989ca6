"""The score of a paper for a topic, in parts that add up, with reasons that can be checked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from newsletter.model import Listing, Pick, Ranking, ReadablePaper, Reason, Topic, Why
from newsletter.model.edition import TRENDING
from newsletter.ranking.index import Document, Hit, Index, Term, Where, term
from newsletter.ranking.words import telling_stems

# Scores are in units of one rare keyword, said once in an abstract of usual length.
NAME_WEIGHT = 0.5
DESCRIPTION_WEIGHT = 0.25
TREND_WEIGHT = 0.5

# A reader who names a word means it, also on a day that is full of it.
LEAST_KEYWORD_RARITY = 0.6
LISTED_AGAIN = 0.1

WORDS_NAMED = 2

_PLACES = {Where.TITLE: Why.TITLE, Where.ABSTRACT: Why.ABSTRACT, Where.BOTH: Why.BOTH}

# A ranking keeps at most this many picks: more than any digest shows, bounded whatever the topic.
MOST_PICKS = 200


def rank(papers: Sequence[ReadablePaper], topics: Sequence[Topic]) -> list[Ranking]:
    """Rank `papers` for each topic, and once without a topic (*Trending*), best first.

    A paper is a pick of a topic when none of the excluded words occurs in it and its relevance (keywords + words) is at
    least the topic's `min_score`. Score = keywords + words + trend:

    - keywords: BM25 of the topic's keywords and quoted phrases, a title counting three times;
    - words: BM25 of the words of the topic's name (half) and description (a quarter);
    - trend: up to 0.5 for the best place on a page.

    Equal scores keep the order of `papers`. Same input, same output, on any machine: parts are rounded to 4 digits.
    """
    index = Index(papers)
    pages = _page_lengths(papers)
    return [_rank_topic(index, topic, pages) for topic in topics] + [_rank_trending(papers, pages)]


def _rank_topic(index: Index, topic: Topic, pages: dict[tuple[str, date], int]) -> Ranking:
    keywords = _weighted_keywords(topic)
    described = _weighted_words(topic)
    excluded: set[int] = set()
    for wanted in filter(None, map(term, topic.exclude)):
        excluded |= index.hits(wanted).keys()
    keyword_scores, keyword_hits = _sum(index, keywords, LEAST_KEYWORD_RARITY)
    word_scores, word_hits = _sum(index, described)
    picks = []
    for number, document in enumerate(index.documents):
        relevance = (round(keyword_scores.get(number, 0.0), 4), round(word_scores.get(number, 0.0), 4))
        if number in excluded or sum(relevance) <= 0 or sum(relevance) < topic.min_score:
            continue
        trend, _ = _trend(document.paper, pages)
        parts = (("keywords", relevance[0]), ("words", relevance[1]), ("trend", trend))
        hits = keyword_hits.get(number) or word_hits.get(number, [])
        picks.append(_pick(document, topic.slug, parts, _topic_reasons(hits, document.paper, pages)))
    ranked = _best_first(picks)
    kept_out = {index.documents[number].paper.id for number in excluded} | {pick.paper for pick in ranked[MOST_PICKS:]}
    return Ranking(topic, ranked[:MOST_PICKS], tuple(sorted(kept_out)))


def _rank_trending(papers: Sequence[ReadablePaper], pages: dict[tuple[str, date], int]) -> Ranking:
    picks = []
    for paper in papers:
        trend, best = _trend(paper, pages)
        days = {listing.day for listing in paper.paper.listings}
        again = round(LISTED_AGAIN * max(len(days) - 1, 0), 4)
        reasons = [_place(best, pages)] if best else []
        if again:
            reasons.append(Reason(Why.AGAIN, (len(days),)))
        parts = (("trend", trend), ("again", again))
        picks.append(Pick(paper.id, TRENDING, _total(parts), parts, tuple(reasons)))
    return Ranking(None, _best_first(picks)[:MOST_PICKS])


def _weighted_keywords(topic: Topic) -> list[tuple[Term, float]]:
    found = dict.fromkeys(filter(None, map(term, topic.keywords)))
    return [(wanted, 1.0) for wanted in found]


def _weighted_words(topic: Topic) -> list[tuple[Term, float]]:
    name = telling_stems(topic.name)
    rest = [stem for stem in telling_stems(topic.description) if stem not in name]
    return [(Term((stem,)), NAME_WEIGHT) for stem in name] + [(Term((stem,)), DESCRIPTION_WEIGHT) for stem in rest]


def _sum(
    index: Index, wanted: list[tuple[Term, float]], least_rarity: float = 0.0
) -> tuple[dict[int, float], dict[int, list[Hit]]]:
    """Per document: the weighted BM25 sum in units, and the hits, the weightiest first."""
    scores: dict[int, float] = {}
    weighed: dict[int, list[tuple[float, Hit]]] = {}
    for one, weight in wanted:
        found = index.hits(one)
        rarity = max(index.rarity(len(found)), least_rarity)
        for number, hit in found.items():
            value = weight * rarity * index.documents[number].saturated(hit)
            scores[number] = scores.get(number, 0.0) + value
            weighed.setdefault(number, []).append((value, hit))
    ordered = {
        number: [hit for _, hit in sorted(pairs, key=lambda pair: -pair[0])] for number, pairs in weighed.items()
    }
    return scores, ordered


def _topic_reasons(hits: Sequence[Hit], paper: ReadablePaper, pages: dict[tuple[str, date], int]) -> tuple[Reason, ...]:
    reasons = []
    said: set[str] = set()
    for where in Where:
        wordings = list(dict.fromkeys(hit.wording for hit in hits if hit.where is where))
        # What the title says needs no second mention because the abstract says it in another case.
        new = [wording for wording in wordings if wording.casefold() not in said]
        said |= {wording.casefold() for wording in new}
        if new:
            reasons.append(Reason(_PLACES[where], tuple(new[:WORDS_NAMED])))
    _, best = _trend(paper, pages)
    if best and best.rank <= 3:
        reasons.append(_place(best, pages))
    return tuple(reasons)


def _place(listing: Listing, pages: dict[tuple[str, date], int]) -> Reason:
    return Reason(Why.PLACE, (listing.rank, pages[listing.source, listing.day], listing.day.isoformat()))


def _page_lengths(papers: Sequence[ReadablePaper]) -> dict[tuple[str, date], int]:
    """How long each page is: the lowest place seen on it."""
    lengths: dict[tuple[str, date], int] = {}
    for paper in papers:
        for listing in paper.paper.listings:
            key = (listing.source, listing.day)
            lengths[key] = max(lengths.get(key, 0), listing.rank)
    return lengths


def _trend(paper: ReadablePaper, pages: dict[tuple[str, date], int]) -> tuple[float, Listing | None]:
    """The trend part (0 to TREND_WEIGHT) of the paper's best place on a page, and that listing."""
    if not paper.paper.listings:
        return 0.0, None

    def share(listing: Listing) -> float:
        return 1 - (listing.rank - 1) / pages[listing.source, listing.day]

    best = max(paper.paper.listings, key=lambda listing: (share(listing), listing.day))
    return round(TREND_WEIGHT * share(best), 4), best


def _pick(document: Document, slug: str, parts: tuple[tuple[str, float], ...], reasons: tuple[Reason, ...]) -> Pick:
    return Pick(document.paper.id, slug, _total(parts), parts, reasons)


def _total(parts: tuple[tuple[str, float], ...]) -> float:
    return round(sum(value for _, value in parts), 4)


def _best_first(picks: list[Pick]) -> tuple[Pick, ...]:
    # The sort is stable: equal scores keep the page's order.
    return tuple(sorted(picks, key=lambda pick: -pick.score))
