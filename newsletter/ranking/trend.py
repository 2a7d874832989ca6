"""What others think of a paper: its place on a page, or the votes of a page's readers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from newsletter.model import Listing, ReadablePaper, Reason, Why

TREND_WEIGHT = 0.5
"""The most that a trend adds to a score, in standard deviations: it decides between papers that fit alike."""

LISTED_AGAIN = 0.1

TOP = 3
"""Places up to this one are worth a mention."""


@dataclass(frozen=True, slots=True)
class Trend:
    """The trend part of a paper, 0 to TREND_WEIGHT, and the reason that goes with it where it is worth a mention."""

    part: float
    reason: Reason | None = None


class Trends:
    """The trends of the papers of an edition.

    Votes count when a paper has any: the share of the papers of its day with votes that have no more than it (ties
    share a place), times its freshness. Else the best place counts that a page gave it: 1 at the top, falling evenly
    to the bottom.
    """

    def __init__(self, papers: Sequence[ReadablePaper]) -> None:
        self._pages = page_lengths(papers)
        self._votes: dict[date | None, list[int]] = {}
        for paper in papers:
            if paper.paper.votes:
                self._votes.setdefault(_day(paper), []).append(paper.paper.votes)
        for that_day in self._votes.values():
            that_day.sort()
        self._newest = max((day for paper in papers if (day := _day(paper))), default=None)

    def of(self, paper: ReadablePaper) -> Trend:
        """The trend of `paper`, one of those given."""
        if paper.paper.votes:
            return self._by_votes(paper, paper.paper.votes)
        best = best_place(paper, self._pages)
        if not best:
            return Trend(0.0)
        part = round(TREND_WEIGHT * _share(best, self._pages), 4)
        return Trend(part, self.place(best) if best.rank <= TOP else None)

    def _by_votes(self, paper: ReadablePaper, votes: int) -> Trend:
        day = _day(paper)
        that_day = self._votes[day]
        more = len(that_day) - bisect_right(that_day, votes)
        share = 1 - more / len(that_day)
        # Votes come within two days: what is older than the newest page has had its time.
        age = (self._newest - day).days if self._newest and day else 0
        reason = Reason(Why.VOTES, (votes, more + 1)) if more < TOP else None
        return Trend(round(TREND_WEIGHT * share / (1 + age), 4), reason)

    def again(self, paper: ReadablePaper) -> float:
        """What it is worth to be listed on several days."""
        return round(LISTED_AGAIN * max(len({listing.day for listing in paper.paper.listings}) - 1, 0), 4)

    def best(self, paper: ReadablePaper) -> Reason | None:
        """The best place of `paper`, whichever it is."""
        listing = best_place(paper, self._pages)
        return self.place(listing) if listing else None

    def place(self, listing: Listing) -> Reason:
        """A place on a page as a reason."""
        length = self._pages[listing.source, listing.day]
        return Reason(Why.PLACE, (listing.rank, length, listing.day.isoformat()))


def page_lengths(papers: Sequence[ReadablePaper]) -> dict[tuple[str, date], int]:
    """How long each page is: the lowest place seen on it."""
    lengths: dict[tuple[str, date], int] = {}
    for paper in papers:
        for listing in paper.paper.listings:
            key = (listing.source, listing.day)
            lengths[key] = max(lengths.get(key, 0), listing.rank)
    return lengths


def best_place(paper: ReadablePaper, pages: dict[tuple[str, date], int]) -> Listing | None:
    """The listing in which `paper` stands highest, None when it was on no page."""
    return max(paper.paper.listings, key=lambda listing: (_share(listing, pages), listing.day), default=None)


def _share(listing: Listing, pages: dict[tuple[str, date], int]) -> float:
    return 1 - (listing.rank - 1) / pages[listing.source, listing.day]


def _day(paper: ReadablePaper) -> date | None:
    return max((listing.day for listing in paper.paper.listings), default=paper.paper.first_seen)
