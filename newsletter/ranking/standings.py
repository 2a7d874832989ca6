"""What votes say of papers that have had different times to collect them: each is held against papers as old as it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

GROWN = 7
"""Days after which votes hardly move: a paper that is older is held against others when they were so old."""

HIGH = 0.9
"""The share of papers of its age that has fewer votes than one that is worth a mention, or has risen."""

LEAST_COMPARED = 20
"""With fewer papers to be held against, nobody can say that a paper has risen."""


@dataclass(frozen=True, slots=True)
class Told:
    """A paper of the edition of `day`, and its votes as they were told: days, ascending, each with the number then."""

    paper: str
    day: date
    votes: Sequence[tuple[date, int]]


@dataclass(frozen=True, slots=True)
class Standing:
    """A paper's votes. `age` is how many days ago its edition was.

    `reached` is the share of the papers with votes of that age that had no more of them, itself among them, and
    `passed` that of those that had fewer. `before` are its votes when its edition was made, None where nobody told any
    then; `rose` tells that it has come among the HIGH ones since, with votes that it did not have.
    """

    votes: int
    age: int
    reached: float
    passed: float
    before: int | None = None
    rose: bool = False

    @property
    def percent(self) -> int:
        """Of how many papers in a hundred it has passed the votes."""
        return int(100 * self.passed)


@dataclass(frozen=True, slots=True)
class Standings:
    """The standings of papers on `day`, by their ids; those without votes have none."""

    day: date
    of: Mapping[str, Standing] = field(default_factory=dict)

    @property
    def risen(self) -> dict[str, Standing]:
        """Those that rose, by their ids."""
        return {paper: one for paper, one in self.of.items() if one.rose}


def standings(day: date, told: Iterable[Told], since: date) -> Standings:
    """Where the papers of editions after `since` stand on `day`.

    Each is held against all that were `told` of, the archive, as they were at its age: so a paper of Monday has had no
    longer to collect votes than those it has to beat. Papers whose votes nobody knew at that age do not count.
    """
    known = [one for one in told if one.votes and one.day <= day]
    usual: dict[int, list[int]] = {}

    def share(votes: int, age: int) -> tuple[float, float, int]:
        if age not in usual:
            then = (_at(one, age) for one in known if (day - one.day).days >= age)
            usual[age] = sorted(number for number in then if number)
        those = usual[age]
        if not those:
            return 0.0, 0.0, 0
        return bisect_right(those, votes) / len(those), bisect_left(those, votes) / len(those), len(those)

    found = {}
    for one in known:
        votes = one.votes[-1][1]
        if one.day <= since or votes <= 0:
            continue
        age = (day - one.day).days
        reached, passed, compared = share(votes, min(age, GROWN))
        before = _at(one, 0)
        # What was high when its edition was made had its chance then.
        low = before is None or (before < votes and share(before, 0)[1] < HIGH)
        rose = age > 0 and compared >= LEAST_COMPARED and passed >= HIGH and low
        found[one.paper] = Standing(votes, age, round(reached, 4), round(passed, 4), before, rose)
    return Standings(day, found)


def _at(one: Told, age: int) -> int | None:
    """The votes that a paper had at an age in days; None where nobody had told any. Of one that is GROWN they are those
    that were told first: it has hardly any more by then."""
    number = bisect_right(one.votes, age, key=lambda told: (told[0] - one.day).days)
    if number:
        return one.votes[number - 1][1]
    return one.votes[0][1] if age >= GROWN else None
