"""What a reader follows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as a reader words it.

    `keywords` and `exclude` hold single words (matched by stem) or phrases of several words (matched as a phrase).
    `min_score` is the least relevance a pick needs, in standard deviations above an ordinary paper (see `ranking`);
    `max_papers` the most that one digest shows. `categories` of arXiv (`cs.CV`, or a whole archive: `math`) count in
    favour of a paper and exclude none. Papers by one of the `authors`, or from one of the `institutions`, are always
    picks. `examples` are papers as they should be, by arXiv id, DOI or title. `weight`, more than 0, scales the scores
    of the topic where it competes with a reader's other topics.
    """

    slug: str
    name: str
    description: str = ""
    keywords: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    min_score: float = 2.5
    max_papers: int = 5
    categories: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    institutions: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    weight: float = 1.0
