"""Papers of word salad: as many as wanted, always the same, each of one subject with its own words and authors."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache

import numpy as np

from newsletter.model import Paper, ReadablePaper, Topic
from newsletter.ranking import Background, Candidates, Judged, Scored, background, score

SUBJECTS = {
    "cs.CV": "camera scene depth mesh pixel viewpoint texture rendering splatting radiance pose segmentation".split(),
    "cs.CL": "dialogue sentence translation grammar corpus token prompt summarisation parsing retrieval".split(),
    "q-bio.BM": "protein enzyme folding residue ligand antibody genome sequencing mutation peptide".split(),
    "astro-ph": "galaxy redshift telescope quasar supernova lensing stellar halo cosmology accretion".split(),
    "cs.RO": "gripper manipulation locomotion quadruped grasp actuator torque navigation drone terrain".split(),
    "econ.TH": "auction bidder equilibrium welfare pricing incentive market tariff lottery contract".split(),
}
COMMON = (
    "method model result training data approach performance evaluate propose show compare improve large small "
    "general framework analysis experiment baseline learning system problem task design benchmark error time cost "
    "robust efficient simple novel"
).split()
HEADS, TAILS = "bel dor fim gul kas mon pri tuv".split(), "bik dan lor met pog rux vin".split()
RARE = [f"{head}{middle}{tail}" for head in HEADS for middle in "aeiou" for tail in TAILS]
SURNAMES = "Abara Bello Castro Dumont Eriksen Farouk Gupta Haddad Ivanov Jansen Kimura Lopez".split()
FIRST_NAMES = "Ada Boris Chen Dina Emil".split()

SIZE = 300
"""Papers of the usual archive: enough that it needs no help from the papers to be ranked."""


def readable(identity: str, title: str, abstract: str = "", **fields: object) -> ReadablePaper:
    """A paper on no page."""
    return ReadablePaper(Paper(identity, title, abstract, **fields), title, abstract)  # type: ignore[arg-type]  # a test names the fields it cares about


def salad(number: int, subject: str | None = None) -> ReadablePaper:
    """Paper `number` of all there could be; of a `subject`, or of the one whose turn it is."""
    draw = random.Random(number)
    subject = subject or list(SUBJECTS)[number % len(SUBJECTS)]
    own = SUBJECTS[subject]
    title = [*draw.sample(own, 2), draw.choice(COMMON), draw.choice(RARE)]
    abstract = [*draw.choices(own, k=14), *draw.choices(COMMON, k=24), *draw.choices(RARE, k=12)]
    draw.shuffle(abstract)
    place = list(SUBJECTS).index(subject)
    authors = tuple(
        f"{draw.choice(FIRST_NAMES)} {SURNAMES[(2 * place + draw.randrange(2)) % len(SURNAMES)]}" for _ in range(2)
    )
    return readable(
        f"salad:{number:06}", " ".join(title), " ".join(abstract), authors=authors, categories=(subject, "cs.LG")
    )


@cache
def archive(size: int = SIZE) -> tuple[ReadablePaper, ...]:
    return tuple(salad(number) for number in range(size))


@cache
def ground(size: int = SIZE) -> Background:
    """The archive of that size as a background ; backgrounds are never changed."""
    return background(archive(size))


def scored(
    papers: Sequence[ReadablePaper],
    topic: Topic,
    judged: Sequence[Judged] = (),
    against: Background | None = None,
) -> Scored:
    """`papers` as `topic` sees them, against the usual archive or another."""
    candidates = Candidates(papers, against or ground())
    [found] = score(candidates, [topic], {topic.slug: judged} if judged else None)
    return found


def scores(found: Scored) -> dict[str, float]:
    """The score of each paper by its id."""
    return {paper.id: float(value) for paper, value in zip(found.candidates.papers, found.score, strict=True)}


def part(found: Scored, name: str) -> dict[str, float]:
    """One part of the score of each paper by its id, 0 where the score has no such part."""
    if name not in found.parts:
        return dict.fromkeys((paper.id for paper in found.candidates.papers), 0.0)
    column = found.values[:, found.parts.index(name)]
    return {paper.id: float(value) for paper, value in zip(found.candidates.papers, column, strict=True)}


def best_first(found: Scored) -> list[str]:
    """The ids of the papers that are not excluded, best first."""
    return [found.candidates.papers[row].id for row in found.order]


def picked(found: Scored) -> list[str]:
    """The ids of the picks, best first."""
    return [found.candidates.papers[row].id for row in found.picked]


def adds_up(found: Scored) -> None:
    """Every number is one, parts add up to the scores at 4 digits, and the order follows the scores."""
    assert np.isfinite(found.values).all()
    assert found.values.shape == (len(found.candidates.papers), len(found.parts))
    for row in range(len(found.candidates.papers)):
        pick = found.pick(row)
        assert pick.score == float(found.score[row])
        assert pick.score == round(sum(value for _, value in pick.parts), 4)
        assert all(value == round(value, 4) for _, value in pick.parts)
        assert round(pick.relevance, 4) == float(found.relevance[row])
    for rows in (found.order, found.picked):
        values = [float(found.score[row]) for row in rows]
        assert values == sorted(values, reverse=True)
        assert len(set(rows.tolist())) == len(rows)


def topic_file() -> list[Topic]:
    """Topics with some of everything."""
    return [
        Topic(
            "auctions", "Auctions", "Equilibrium and welfare of markets.", ("auction", '"market pricing"'), ("quasar",)
        ),
        Topic("scenes", "Scenes", keywords=("radiance", "scene depth"), categories=("cs.CV",), min_score=0.5),
        Topic("galaxies", "Galaxies and the cosmology of lensing", authors=("Ada Abara", "B. Haddad"), min_score=0.0),
        Topic("molecules", "Folding proteins", "New papers on enzymes", min_score=1.0, categories=("q-bio",)),
        Topic("nothing", ""),
    ]
