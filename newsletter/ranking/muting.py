"""What a reader never wants to read of. It beats everything: topics, followed authors, trends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from newsletter.model import Ranking, ReadablePaper
from newsletter.ranking.following import folded, same_person
from newsletter.ranking.matching import Document, term


def muted(
    papers: Iterable[ReadablePaper],
    words: Sequence[str],
    authors: Sequence[str],
    document: Callable[[ReadablePaper], Document] = Document,
) -> dict[str, tuple[str, ...]]:
    """Those of `papers` that hold one of `words`, matched as a topic's excluded words are, or are by one of `authors`,
    matched as its followed authors are: by their ids, with the words and authors that hide them. `document` is for
    who has the papers ready to be searched."""
    wanted = [(word, found) for word in words if (found := term(word))]

    def hide(paper: ReadablePaper) -> Iterable[str]:
        if wanted:
            searched = document(paper)
            yield from (word for word, one in wanted if searched.find(one))
        yield from meant(paper.paper.authors, authors).values()

    hidden = ((paper.id, tuple(dict.fromkeys(hide(paper)))) for paper in papers)
    return {number: those for number, those in hidden if those}


def meant(names: Iterable[str], authors: Sequence[str]) -> dict[str, str]:
    """Those of `names`, as papers write them, whom one of `authors` means, and which does."""
    if not authors:
        return {}
    # By their last names: a collaboration has thousands of names, each of which would be held against each author.
    by_last: dict[str, list[str]] = defaultdict(list)
    for author in authors:
        by_last["".join(folded(author)[-1:])].append(author)
    near = ((name, by_last.get("".join(folded(name)[-1:]), ())) for name in names)
    found = ((name, next((one for one in those if same_person(one, name)), None)) for name, those in near)
    return {name: one for name, one in found if one is not None}


def without(rankings: Mapping[str, Ranking], papers: Collection[str]) -> dict[str, Ranking]:
    """`rankings`, by slug, as if `papers`, by their ids, had not been there."""

    def rest(ids: Sequence[str]) -> tuple[str, ...]:
        return tuple(one for one in ids if one not in papers)

    return {
        slug: replace(
            ranking,
            picks=tuple(pick for pick in ranking.picks if pick.paper not in papers),
            groups=tuple(replace(one, papers=left) for one in ranking.groups if (left := rest(one.papers))),
        )
        for slug, ranking in rankings.items()
    }
