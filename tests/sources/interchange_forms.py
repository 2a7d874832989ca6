"""Papers and records of every shape that the interchange format can hold, written by hand and drawn at random."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import strategies as st

from newsletter.model import Link, LinkKind, Listing, Paper
from newsletter.model.paper import FIELDS
from newsletter.text import identity_keys

FULL: dict[str, Any] = {
    "id": "2503.01234v2",
    "title": "A Made-up Paper\n  About $x^2$ Testing",
    "abstract": "We test “everything”.\tTwice.",
    "authors": ["Ada Example", "Émile Muster"],
    "arxiv_id": "2503.01234",
    "doi": "https://doi.org/10.1000/MadeUp",
    "links": [{"kind": "code", "url": "https://github.com/example/repo"}],
    "listings": [
        {"day": "2025-03-11", "source": "daily", "rank": 4},
        {"day": "2025-03-12", "source": "other", "rank": 1},
    ],
    "first_seen": "2025-03-11",
    "published": "2025-03-03",
    "venue": "J. Made-up",
    "version": 2,
    "votes": 0,
    "ai_summary": "A machine's line.",
    "thumbnail": "https://example.org/1.png",
    "categories": ["cs.CL", "cs.AI"],
    "institutions": ["Example University"],
    "fields": ["Computer Science"],
    "origins": {"title": "huggingface/hf", "venue": "openalex/oa"},
}
"""A record with every name but `keys` and `day`, as another program may write it."""

# No controls, no lone surrogates, none at the ends of white space: what sources leave in a text.
lines = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\u2028\u2029"), min_size=1, max_size=40
).filter(lambda text: text == text.strip())
days = st.dates(date(1991, 1, 1), date(2199, 12, 31))
numbers = st.integers(0, 2**31 - 1)
addresses = st.builds(
    "http{}://example.org/{}".format, st.sampled_from(["", "s"]), st.text("abcé/?&=#%'()~", max_size=10)
)
arxiv_ids = st.sampled_from(["", "2503.01234", "0704.0001", "math/0309136", "hep-th/9901001"])
dois = st.one_of(st.just(""), st.text("abc./-_();:<>é", max_size=8).map("10.1000/x{}".format))
own_ids = st.builds("{}:{}".format, st.sampled_from(["url", "guid", "id:feed"]), lines)


@st.composite
def papers(draw: st.DrawFn) -> Paper:
    """A paper as a source makes it."""
    title = draw(lines)
    keys = identity_keys(title, draw(arxiv_ids), draw(dois))
    keys = tuple(dict.fromkeys((*draw(st.lists(own_ids, max_size=1)), *keys)))
    listings = draw(st.lists(st.builds(Listing, days, lines, st.integers(1, 2**31 - 1)), min_size=1, max_size=3))
    names = st.lists(lines, max_size=3).map(tuple)
    return Paper(
        id=draw(st.sampled_from(keys)),
        title=title,
        abstract=draw(st.one_of(st.just(""), lines)),
        authors=draw(names),
        links=draw(st.lists(st.builds(Link, st.sampled_from(LinkKind), addresses), max_size=3).map(tuple)),
        listings=tuple(listings),
        keys=keys,
        first_seen=draw(days),
        venue=draw(st.one_of(st.just(""), lines)),
        published=draw(st.one_of(st.none(), st.dates())),
        version=draw(numbers),
        votes=draw(st.one_of(st.none(), numbers)),
        ai_summary=draw(st.one_of(st.just(""), lines)),
        thumbnail=draw(st.one_of(st.just(""), addresses)),
        categories=draw(names),
        institutions=draw(names),
        fields=draw(names),
        origins=tuple((name, draw(lines)) for name in FIELDS if draw(st.booleans())),
    )


texts = st.one_of(lines, st.text(max_size=20))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=8,
)
"""Anything JSON can say."""


def mutated(record: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The record with some of its values replaced by anything, and others gone."""
    changes = st.dictionaries(st.sampled_from(sorted(record)), values, max_size=3)
    gone = st.sets(st.sampled_from(sorted(record)), max_size=3)
    return st.builds(
        lambda changed, lost: {key: value for key, value in (record | changed).items() if key not in lost},
        changes,
        gone,
    )
