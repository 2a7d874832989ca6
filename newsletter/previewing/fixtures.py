"""Digests to try the e-mail on: one for each way in which a day can be awkward. Invented, and the same every time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, cycle, islice, product

from newsletter.model import (
    TRENDING,
    Answered,
    Digest,
    Link,
    LinkKind,
    Paper,
    Pick,
    Reason,
    Section,
    Subscriber,
    Verdict,
    Why,
)
from newsletter.previewing import invented
from newsletter.previewing.invented import DAY, paper

MOST_AUTHORS, LONGEST_ABSTRACT = 3_303, 40_000
"""What metadata holds at worst: the authors of one paper, the characters of an abstract from a scraped page."""

NEW = 107


@dataclass(frozen=True, slots=True)
class Fixture:
    """A digest for `reader`, with its papers by id; `Daily.specimen` makes the message of it."""

    reader: Subscriber
    digest: Digest
    papers: Mapping[str, Paper]


def _fixture(
    sections: Mapping[str, Sequence[Paper]],
    words: Sequence[str],
    *,
    reader: str = "Ada",
    top: bool = False,
    also: Mapping[str, Sequence[Paper]] | None = None,
    outside: Paper | None = None,
    left_out: int = 0,
    curators: Sequence[str] = ("the demonstration desk",),
) -> Fixture:
    """`sections` and `also` are papers by the names of topics, all of which have a section; `words` are what the topics
    ask for. With `top` the first paper is set apart."""
    slugs = {name: f"topic-{number}" for number, name in enumerate(sections, start=1)}
    shown = [
        Section(slugs[name], name, tuple(_pick(one, slugs[name], words) for one in papers))
        for name, papers in sections.items()
    ]
    rows = [(slugs[name], one) for name, papers in (also or {}).items() for one in papers]
    best = None
    if top:
        best, *others = shown[0].picks
        shown[0] = replace(shown[0], picks=tuple(others))
    every = [*chain.from_iterable(sections.values()), *(one for _, one in rows), *([outside] if outside else [])]
    digest = Digest(
        day=DAY,
        days=(DAY,),
        top=best,
        sections=tuple(shown),
        also=tuple(_pick(one, slug, words) for slug, one in rows),
        outside=_pick(outside, TRENDING, ()) if outside else None,
        left_out=left_out,
        considered=NEW,
        curators=tuple(curators),
        answered=(Answered("a demonstration", Verdict.NEW, NEW),),
        follows=tuple(sections),
    )
    return Fixture(Subscriber("reader@example.org", reader), digest, {one.id: one for one in every})


def _pick(one: Paper, topic: str, words: Iterable[str]) -> Pick:
    """The paper as picked for a topic, with reasons that are true of it."""
    rank = one.listings[0].rank
    relevance, trend = 8 - rank / 4, 0.5
    in_title = _said(words, one.title)
    in_abstract = tuple(word for word in _said(words, one.abstract) if word not in in_title)[:2]
    found = [Reason(kind, said) for kind, said in ((Why.TITLE, in_title), (Why.ABSTRACT, in_abstract)) if said]
    reasons = tuple(found) or (Reason(Why.PLACE, (rank, NEW, DAY.isoformat())),)
    return Pick(one.id, topic, relevance + trend, (("title", relevance), ("trend", trend)), reasons)


def _said(words: Iterable[str], text: str) -> tuple[str, ...]:
    """Those of `words` that begin a word of `text`; Chinese and Japanese do not part words."""
    return tuple(word for word in words if re.search(rf"(?<![a-z0-9]){re.escape(word)}", text.casefold()))


def _many() -> Fixture:
    return _fixture(
        {
            "Weather and climate": invented.WEATHER,
            "Language models": invented.MODELS,
            "Robots at home": invented.ROBOTS,
        },
        ("rain", "weather", "forecast", "language model", "robot"),
        top=True,
        also=invented.ALSO,
        outside=invented.OUTSIDE,
        left_out=14,
    )


def _one() -> Fixture:
    return _fixture({"Language models": invented.MODELS[:1]}, ("language model",))


def _none() -> Fixture:
    empty = Digest(day=DAY, days=(DAY,), sections=(), considered=NEW, follows=("Weather and climate", "Robots at home"))
    return Fixture(Subscriber("reader@example.org", "Ada"), empty, {})


def _long() -> Fixture:
    title = (
        "On the stability of very long titles: A study of what remains readable when nobody stops writing, of what is "
        "gained by one more clause, and of what a reader on a small screen makes of the two hundred and twenty-six "
        "letters now"
    )
    names = product(("Ada", "Bo", "Chi", "Dara", "Eli", "Fay"), ("Aker", "Birk", "Cole", "Dahl", "Ende"))
    authors = ", ".join(f"{given} {family}-{n}" for n, (given, family) in enumerate(islice(cycle(names), MOST_AUTHORS)))
    told = " ".join(f"Run {n} of the long experiment is described in full and changes nothing." for n in range(600))
    word = "Donau" + "dampfschifffahrts" * 16 + "gesellschaft"
    far = "/".join(["a-folder-in-a-folder"] * 40)
    papers = (
        paper(1, title, "We show that the longest title is never cut.", "Ada Aker"),
        paper(
            2, "A collaboration of three thousand writes one page", "We thank everybody by name.", authors, votes=99_999
        ),
        paper(3, "The abstract that did not end", told[:LONGEST_ABSTRACT], "Bo Birk, Chi Cole"),
        paper(4, word, f"We build {word} and measure {'x' * 5_000}.", "Z" * 4_000, venue="Proceedings of " + "V" * 400),
        paper(
            5,
            "Links that go a long way",
            "We follow every link to its end.",
            "Dara Dahl",
            Link(LinkKind.CODE, f"https://github.com/example/{'long-name-' * 12}end"),
            Link(LinkKind.PROJECT, f"https://{'sub.' * 20}example.org/{far}?x={'y' * 400}"),
            Link(LinkKind.VIDEO, f"https://video.example.org/watch?v={'v' * 300}"),
        ),
        paper(
            6,
            "Broken on the way:\x00 half a \ud83d character",
            "We keep what can be read.\x00 The rest \udfff is lost.",
        ),
    )
    return _fixture(
        {
            "Everything that is longer than anybody had thought of who made the first such e-mail": papers[:4],
            "T" * 120: papers[4:],
        },
        ("long", "title", "link", word.casefold()),
        reader="Maximiliane-Alexandrina Quartermaine",
        curators=("a desk whose name is as long as " + "very " * 30 + "long",),
        left_out=1_234_567,
    )


def _right_to_left() -> Fixture:
    return _fixture(invented.RIGHT_TO_LEFT, ("שפה", "text", "اللهجة", "الكتابة", "handwriting"), reader="נועה")


def _cjk() -> Fixture:
    return _fixture(invented.CHINESE_JAPANESE_KOREAN, ("三维", "言語モデル", "로봇"), reader="林若溪")


def _latex() -> Fixture:
    return _fixture(invented.LATEX, ("attention", "drift", "gain", "game", "name"))


FIXTURES: Mapping[str, Callable[[], Fixture]] = {
    "one": _one,
    "many": _many,
    "none": _none,
    "long": _long,
    "rtl": _right_to_left,
    "cjk": _cjk,
    "latex": _latex,
}
"""What `--fixture` names."""
