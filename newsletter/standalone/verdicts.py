"""Opinions and examples, which name papers, as judged papers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import cached_property

from newsletter.model import Opinion, Paper, ReadablePaper, Topic
from newsletter.ranking import Judged
from newsletter.standalone.records import Opined
from newsletter.text import fingerprint, identity_keys, readable

NAMED = 5


class Known:
    """Papers by whatever names them: the id as it stands, any form of an arXiv id or DOI, the title."""

    def __init__(self, papers: Sequence[ReadablePaper]) -> None:
        self._papers = papers
        self._by_id = {paper.id: paper for paper in reversed(papers)}

    def find(self, name: str) -> ReadablePaper | None:
        """The paper that `name` names; None when there is none. An id goes before a title."""
        if name in self._by_id:
            return self._by_id[name]
        keys = identity_keys(name, name, name)
        return next((self._by_key[key] for key in keys if key in self._by_key), None)

    @cached_property
    def _by_key(self) -> dict[str, ReadablePaper]:
        found: dict[str, ReadablePaper] = {}
        for paper in self._papers:
            for key in identity_keys(paper.title, paper.id, paper.id):
                found.setdefault(key, paper)
        return found


def judgements(
    topics: Sequence[Topic],
    verdicts: Sequence[Opined],
    known: Known,
    papers: Sequence[ReadablePaper],
    name: str,
    remark: Callable[[str], None],
) -> dict[str, list[Judged]]:
    """By slug the papers on which there is an opinion, oldest first; the topics' examples come before them.

    A verdict is as old as the newest day of `papers` says (of the verdicts, when no paper has a day); without a day of
    its own it is new. The last like or dislike of a paper counts, "shown" only where there is neither. `remark` is told
    of verdicts that name nothing; `name` is where they stand.
    """
    examples = {topic.slug: _examples(topic, known, remark) for topic in topics}
    opinions: dict[str, dict[str, Judged]] = {topic.slug: {} for topic in topics}
    days = [one.paper.first_seen for one in papers if one.paper.first_seen]
    newest = max(days or [one.day for one in verdicts if one.day], default=None)
    unknown: dict[str, list[str]] = {"paper": [], "topic": []}
    for age, one in sorted(((_age(one.day, newest), one) for one in verdicts), key=lambda pair: -pair[0]):
        about = known.find(one.paper)
        if one.topic not in opinions:
            unknown["topic"].append(one.topic)
        elif not about:
            unknown["paper"].append(one.paper)
        elif one.opinion is not Opinion.SHOWN or about.id not in opinions[one.topic]:
            opinions[one.topic].pop(about.id, None)  # what was said last comes last
            opinions[one.topic][about.id] = Judged(about, one.opinion, age)
    for what, names in unknown.items():
        if names:
            where = "the topics" if what == "topic" else "the papers or the archive"
            remark(f"{name}: no {what} {some(names)} in {where}; what was said of it is passed over")
    return {
        slug: [*(one for one in given if _undisputed(one, opinions[slug])), *opinions[slug].values()]
        for slug, given in examples.items()
    }


def _examples(topic: Topic, known: Known, remark: Callable[[str], None]) -> list[Judged]:
    found = []
    for name in topic.examples:
        about = known.find(name)
        if not about and len(identity_keys("", name, name)) > 1:
            remark(f"topic {topic.slug}: example {name} is not among the papers or the archive; give its title instead")
            continue
        found.append(Judged(about or _titled(name), Opinion.LIKE, example=True))
    return found


def _titled(title: str) -> ReadablePaper:
    return readable(Paper(f"title:{fingerprint(title)}", title, ""))


def _undisputed(example: Judged, opinions: dict[str, Judged]) -> bool:
    said = opinions.get(example.paper.id)
    return said is None or said.opinion is Opinion.SHOWN


def _age(day: date | None, newest: date | None) -> float:
    return float(max((newest - day).days, 0)) if day and newest else 0.0


def some(names: Iterable[str]) -> str:
    """The first few of `names`, each once, and how many more there are."""
    several = list(dict.fromkeys(names))
    more = len(several) - NAMED
    said = ", ".join(one if len(one) <= 60 else f"{one[:59]}…" for one in several[:NAMED])
    return f"{said} and {more} more" if more > 0 else said
