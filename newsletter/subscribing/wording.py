"""A topic in a reader's own words."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from newsletter.model import Topic
from newsletter.model.subscriber import OWN
from newsletter.text import clean

MOST_TOPICS = 5
MOST_TERMS = 30
LONGEST_NAME, LONGEST_TERM, LONGEST_DESCRIPTION = 100, 100, 1_000
"""Characters."""


@dataclass(frozen=True, slots=True)
class Worded:
    """A topic as it was typed: the fields of `Topic` of the same names. `slug` is that of the topic it words anew; a
    new one has none. Where nothing was typed is no topic: that is how one is taken out."""

    name: str = ""
    description: str = ""
    keywords: Sequence[str] = ()
    exclude: Sequence[str] = ()
    authors: Sequence[str] = ()
    slug: str = ""

    @classmethod
    def of(cls, topic: Topic) -> Worded:
        """A topic as it would have been typed."""
        return cls(topic.name, topic.description, topic.keywords, topic.exclude, topic.authors, topic.slug)

    @property
    def empty(self) -> bool:
        """Whether nothing was typed."""
        return not any((self.name, self.description, self.keywords, self.exclude, self.authors))


def own_topics(worded: Sequence[Worded], known: Collection[str], faults: dict[str, str]) -> tuple[Topic, ...]:
    """The topics that were `worded`, with new slugs for those that have none among `known`, the slugs of the reader's.

    What is wrong is added to `faults`: about the third topic's keywords under `own-2-keywords`, about all under `own`.
    """
    found = [(place, one) for place, one in enumerate(worded) if not one.empty]
    if len(found) > MOST_TOPICS:
        faults["own"] = f"at most {MOST_TOPICS} topics of your own, please"
    topics, slugs = [], set(known)
    for place, one in found[:MOST_TOPICS]:
        faults.update({f"own-{place}-{field}": why for field, why in _faults(one)})
        slug = one.slug if one.slug in slugs else OWN + secrets.token_hex(8)
        slugs.discard(slug)
        topics.append(
            Topic(
                slug,
                clean(one.name),
                clean(one.description),
                keywords=_terms(one.keywords),
                exclude=_terms(one.exclude),
                authors=_terms(one.authors),
            )
        )
    return tuple(topics)


def terms(text: str) -> tuple[str, ...]:
    """Words, phrases or names that were typed with commas or new lines between them."""
    return _terms(text.replace(",", "\n").splitlines())


def straight(name: str) -> str:
    """A name, "Rossi, Anna" turned to "Anna Rossi": between names stand commas."""
    last, _, first = name.partition(",")
    return clean(f"{first} {last}".replace(",", " "))


def term_fault(those: Sequence[str], most: int = MOST_TERMS) -> str:
    """What is wrong with a list of words, phrases or names; empty when nothing is."""
    if len(those) > most:
        return f"at most {most}, please; these are {len(those)}"
    for one in those:
        if len(one) > LONGEST_TERM:
            return f"“{clean(one)[:30]}…” is longer than {LONGEST_TERM} characters; put commas between the words"
        if not any(char.isalnum() for char in one):
            return f"“{clean(one)}” has neither a letter nor a digit"
        if "," in one:
            return f"“{clean(one)}” has a comma in it: a term is one word, phrase or name, the first name first"
    return ""


def _faults(one: Worded) -> Iterator[tuple[str, str]]:
    if not any(char.isalnum() for char in one.name):
        yield "name", "a topic needs a name, so that you find it in your e-mail"
    elif len(clean(one.name)) > LONGEST_NAME:
        yield "name", f"a name has at most {LONGEST_NAME} characters"
    if len(one.description) > LONGEST_DESCRIPTION:
        yield "description", f"a description has at most {LONGEST_DESCRIPTION} characters"
    for field in ("keywords", "exclude", "authors"):
        if why := term_fault(_terms(getattr(one, field))):
            yield field, why
    if not any(_terms(one.keywords) + _terms(one.authors)) and not any(char.isalnum() for char in one.description):
        yield "keywords", "say what it is about: some keywords, a description, or authors to follow"


def _terms(those: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(term for one in those if (term := clean(one))))
