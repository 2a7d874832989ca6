"""The parts of a score: each says what it is there to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from builders import topic
from numpy.typing import NDArray
from salad import (
    SIZE,
    SUBJECTS,
    adds_up,
    archive,
    best_first,
    ground,
    part,
    picked,
    readable,
    salad,
    scored,
    topic_file,
)

from newsletter.model import Opinion, ReadablePaper, Topic, Why
from newsletter.ranking import Candidates, Encoder, Judged, background, score
from newsletter.ranking.encoding import text_of
from newsletter.ranking.query import query

AUCTIONS = topic("x", "auction", name="Auctions", description="What a bidder pays.")
DAY = [salad(number) for number in range(1000, 1018)]

# Economics in words that the topic does not use itself, and as many words of the sky.
GOES_WITH_IT = readable("p:1", "Xyzzy plugh", "equilibrium welfare pricing incentive market tariff lottery contract")
ELSEWHERE = readable("p:2", "Xyzzy plugh", "galaxy redshift telescope quasar supernova lensing stellar halo")


def test_words_of_the_topic_are_all_that_a_young_archive_knows() -> None:
    papers = [GOES_WITH_IT, ELSEWHERE, readable("p:3", "Xyzzy plugh", "auction redshift telescope quasar")]
    found = scored(papers, AUCTIONS, against=background([], papers))
    assert best_first(found)[0] == "p:3"
    assert part(found, "words")["p:1"] == part(found, "words")["p:2"] < part(found, "words")["p:3"]


def test_papers_that_say_what_goes_with_a_topic_in_the_archive_come_before_others() -> None:
    found = scored([ELSEWHERE, GOES_WITH_IT], AUCTIONS)
    assert part(found, "words")["p:1"] == part(found, "words")["p:2"]
    for name in ("expansion", "neighbours"):
        assert part(found, name)["p:1"] > part(found, name)["p:2"]
    assert best_first(found) == ["p:1", "p:2"]
    assert set(found.related) & set(SUBJECTS["econ.TH"])
    assert set(SUBJECTS["econ.TH"]) & set(found.related[:5]), "the strongest words come first"


def test_a_paper_of_which_the_archive_knows_nothing_is_no_better_than_an_ordinary_one() -> None:
    strange = readable("p:9", "Xyzzy", "Plugh.")
    for one in topic_file():
        found = scored([*DAY, strange], replace(one, categories=(), authors=()))
        assert found.score[-1] < 0.25, one.slug


@pytest.mark.parametrize(
    "one", [topic("x", name=""), topic("x", "frobnication", name="Grue")], ids=["blank", "unheard"]
)
def test_a_topic_that_the_archive_has_never_heard_of_gains_nothing_from_it(one: Topic) -> None:
    found = scored([*DAY, GOES_WITH_IT, readable("p:9", "Plover", "Plugh.")], one)
    for name in ("expansion", "neighbours", "authors", "categories"):
        assert all(value <= 0 for value in part(found, name).values()), name
    assert picked(found) == []
    assert found.related == ()


def written(*authors: str, identity: str = "p:1") -> ReadablePaper:
    return replace(GOES_WITH_IT, paper=replace(GOES_WITH_IT.paper, id=identity, authors=authors))


def test_authors_count_by_what_they_wrote_before() -> None:
    economist = next(one for one in archive() if one.paper.categories[0] == "econ.TH").paper.authors[0]
    astronomer = next(one for one in archive() if one.paper.categories[0] == "astro-ph").paper.authors[0]
    papers = [
        written(economist, identity="p:1"),
        written(astronomer, identity="p:2"),
        written("Nobody Known", identity="p:3"),
        written(identity="p:4"),
        written(economist, *[f"Person {n}" for n in range(40)], identity="p:5"),
        written(economist, economist, identity="p:6"),
    ]
    found = part(scored(papers, AUCTIONS), "authors")
    assert found["p:1"] > found["p:3"] == found["p:4"] == 0 > found["p:2"]
    assert found["p:1"] == found["p:6"] > found["p:5"] > 0, "one of many authors says less"


def test_categories_count_by_what_is_filed_there() -> None:
    papers = [
        replace(GOES_WITH_IT, paper=replace(GOES_WITH_IT.paper, id=f"p:{n}", categories=where))
        for n, where in enumerate([("econ.TH",), ("astro-ph",), (), ("never.seen",), ("econ.TH", "econ.TH")])
    ]
    found = part(scored(papers, AUCTIONS), "categories")
    assert found["p:0"] > found["p:2"] == found["p:3"] == 0 > found["p:1"]
    assert found["p:4"] == found["p:0"]


def test_scores_are_standard_deviations_above_an_ordinary_paper() -> None:
    """Over papers like those of the archive, scores are around 0 and spread by about 1."""
    like_it = [salad(number) for number in range(5000, 5300)]
    for one in topic_file()[:4]:
        values = scored(like_it, replace(one, categories=(), authors=())).score
        assert abs(values.mean()) < 0.5
        assert 0.5 < values.std() < 2.0


def test_what_was_judged_in_the_archive_replaces_what_was_guessed() -> None:
    """A liked paper of the archive draws what is like it; a rejected one no longer does."""
    blank = topic("x", "auction", name="")
    liked = [Judged(one, Opinion.LIKE) for one in archive()[:40] if one.paper.categories[0] == "astro-ph"]
    plain, taught = scored([ELSEWHERE, GOES_WITH_IT], blank), scored([ELSEWHERE, GOES_WITH_IT], blank, liked)
    for name in ("expansion", "neighbours"):
        assert part(taught, name)["p:2"] > part(plain, name)["p:2"]
    assert part(taught, "words").keys() == part(plain, "words").keys()
    rejected = [Judged(one, Opinion.DISLIKE) for one in archive() if "econ.TH" in one.paper.categories]
    refused = scored([ELSEWHERE, GOES_WITH_IT], blank, rejected)
    for name in ("expansion", "neighbours"):
        assert part(refused, name)["p:1"] < part(plain, name)["p:1"]


@dataclass(frozen=True)
class Subjects:
    """A model that understands a text by which subject's words it says: the plainest there could be."""

    part: str
    name: str = "subjects-1"

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = []
        for text in texts:
            words = text.casefold().replace(".", " ").split()
            row = np.array([sum(word in own for word in words) for own in SUBJECTS.values()], np.float32)
            rows.append(row / max(float(np.linalg.norm(row)), 1e-9))
        return np.array(rows, np.float32).reshape(-1, len(SUBJECTS))


MODELS: list[list[Encoder]] = [
    [Subjects("static")],
    [Subjects("neural")],
    [Subjects("static"), Subjects("neural")],
    [Subjects("neural"), Subjects("static")],
]


@pytest.mark.parametrize("encoders", MODELS, ids=lambda models: "+".join(one.part for one in models))
@pytest.mark.parametrize("size", [0, 10, SIZE])
def test_each_model_adds_parts_of_its_own_name(encoders: list[Encoder], size: int) -> None:
    papers = [*DAY, GOES_WITH_IT, ELSEWHERE, readable("p:9", "", "")]
    candidates = Candidates(papers, ground() if size == SIZE else background(archive(size), papers))
    judged = {"auctions": [Judged(salad(5), Opinion.LIKE), Judged(salad(3), Opinion.DISLIKE)]}
    for one, plain in zip(
        score(candidates, topic_file(), judged, encoders), score(candidates, topic_file(), judged), strict=True
    ):
        adds_up(one)
        added = set(one.parts) - set(plain.parts)
        assert {name.split()[0] for name in added} == {model.part for model in encoders}
        assert set(plain.parts) <= set(one.parts)


@pytest.mark.parametrize("which", ["static", "neural"])
def test_a_model_finds_what_no_word_does(which: str) -> None:
    assert text_of(GOES_WITH_IT).startswith("Xyzzy plugh. equilibrium")
    [found] = score(Candidates([ELSEWHERE, GOES_WITH_IT], ground()), [AUCTIONS], None, [Subjects(which)])
    added = [name for name in found.parts if name.startswith(which)]
    gained = [sum(float(found.values[row, found.parts.index(name)]) for name in added) for row in (0, 1)]
    assert gained[1] > gained[0]
    assert best_first(found) == ["p:1", "p:2"]


@pytest.mark.parametrize("which", ["static", "neural"])
def test_what_only_a_model_finds_close_says_so(which: str) -> None:
    candidates = Candidates([ELSEWHERE, GOES_WITH_IT], ground())
    [found] = score(candidates, [replace(AUCTIONS, min_score=0.0)], None, [Subjects(which)])
    alone = replace(
        found, query=query(topic("x", "nonsense", name="")), expansion=found.expansion[:0]
    )  # no word is found any more
    meaning = [Why.MEANING in {reason.kind for reason in alone.reasons(row)} for row in (0, 1)]
    added = [place for place, name in enumerate(found.parts) if name.split()[0] == which]
    assert meaning == [float(found.values[row, added].sum()) > 0 for row in (0, 1)] == [False, True]
    [plain] = score(candidates, [topic("x", "nonsense", name="")])
    assert plain.reasons(1) == ()


def test_without_models_there_are_no_parts_of_theirs() -> None:
    names = {name for one in score(Candidates(DAY, ground()), topic_file()) for name in one.parts}
    assert {"words", "trend"} <= names
    assert not [name for name in names if name.startswith(("static", "neural"))]
