"""The part of a score that docs/adding-a-ranker.md shows in full, put in as the page says, and held to its rules."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from builders import topic
from places import PROJECT
from salad import adds_up, archive, part, readable, salad, scored

from newsletter.model import ReadablePaper, Topic
from newsletter.ranking import Background, background

GUIDE = (PROJECT / "docs" / "adding-a-ranker.md").read_text(encoding="utf-8")
AUCTIONS = topic("auctions", "auction", name="Auctions", description="What economics says of bidders.")
FIELDS = (("Economics",), ("Physics",), ("Computer Science", "Economics"))


def in_a_field(paper: ReadablePaper, *fields: str) -> ReadablePaper:
    return replace(paper, paper=replace(paper.paper, fields=fields))


DAY = [in_a_field(salad(1000 + number), *FIELDS[number % 3]) for number in range(6)]


def against(size: int = 300) -> Background:
    return background([in_a_field(one, *FIELDS[place % 2]) for place, one in enumerate(archive()[:size])], DAY)


def module(name: str, code: str, keep: Callable[[str, ModuleType], None]) -> ModuleType:
    made = ModuleType(name)
    keep(name, made)
    exec(compile(code, f"{name} of the guide", "exec"), made.__dict__)
    return made


@pytest.fixture(autouse=True)
def _put_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do what the page says: a new file, and two lines."""

    def keep(name: str, made: ModuleType) -> None:
        monkeypatch.setitem(sys.modules, name, made)

    [new_file] = re.findall(r"```python\n(.*?)```", GUIDE, re.S)
    code = (PROJECT / "newsletter" / "ranking" / "parts.py").read_text(encoding="utf-8")
    edits = re.findall(r"```diff\n(.*?)```", GUIDE, re.S)
    assert len(edits) == 2
    for edit in edits:
        lines = edit.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] == " ")
        assert code.count(before) == 1, f"the code has no such place any more:\n{before}"
        code = code.replace(before, "".join(line[1:] for line in lines))
    module("newsletter.ranking.fields", new_file, keep)
    parts = module("parts_of_the_guide", code, keep)
    monkeypatch.setattr("newsletter.ranking.scoring.Measure", parts.Measure)


def test_it_is_a_part_like_the_others() -> None:
    found = scored(DAY, AUCTIONS, against=against())
    adds_up(found)
    values = part(found, "fields")
    economics, physics, both = (values[one.id] for one in DAY[:3])
    assert economics > both > physics
    assert dict(found.pick(0).parts)["fields"] == economics
    strange = topic("x", "frobnication", name="Grue")
    assert set(part(scored(DAY, strange, against=against()), "fields").values()) == {0.0}


def test_it_is_on_the_scale_of_the_archive() -> None:
    """Half of the archive is of economics: its papers stand one standard deviation above the mean."""
    module_of_guide = sys.modules["newsletter.ranking.fields"]
    found = scored(DAY, AUCTIONS, against=against())
    day, sample = module_of_guide.fields(found.candidates, [found.query])
    weight = module_of_guide.WEIGHT * found.candidates.background.trust
    assert day[0, 0] == pytest.approx(weight, rel=0.05)
    assert sample.mean() == pytest.approx(0, abs=1e-9)


def test_it_does_not_depend_on_the_other_papers_of_the_day() -> None:
    together = part(scored(DAY, AUCTIONS, against=against()), "fields")
    for one in DAY:
        assert part(scored([one], AUCTIONS, against=against()), "fields")[one.id] == together[one.id]


@pytest.mark.parametrize("several", [[AUCTIONS], [topic("y", "galaxy"), AUCTIONS, topic("z", "protein")]])
def test_a_topic_does_not_depend_on_those_beside_it(several: list[Topic]) -> None:
    from newsletter.ranking import Candidates, score

    alone = scored(DAY, AUCTIONS, against=against())
    found = [one for one in score(Candidates(DAY, against()), several) if one.topic == AUCTIONS]
    assert np.array_equal(found[0].values, alone.values)


def test_with_a_young_archive_it_says_nothing() -> None:
    bare = readable("p:1", "A Title Alone")
    found = scored([*DAY, bare], AUCTIONS, against=background([], [*DAY, bare]))
    adds_up(found)
    assert set(part(found, "fields").values()) == {0.0}


def test_every_file_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`((?:newsletter|tests|benchmarks)/[\w/.]+)`", GUIDE)) - {"newsletter/ranking/fields.py"}
    assert len(named) > 6
    assert [path for path in named if not (PROJECT / path).exists()] == []
