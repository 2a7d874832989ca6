"""What to think of an answer of arXiv's: batches of a feed, of an issue from the query API, of records by id. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from newsletter.model import Batch, Listing, Observation, Paper, Problem, Verdict
from newsletter.sources.arxiv.calendar import feed_day, issue_day_expected, no_issue_because
from newsletter.sources.arxiv.parser import Answered, Record
from newsletter.sources.base import Ask
from newsletter.sources.bounds import MAX_PROBLEMS, counted

KIND = "arxiv"
FEED_LIMIT = 2_000
"""arXiv cuts a feed there (https://info.arxiv.org/help/rss.html)."""


@dataclass(slots=True)
class Pages:
    """The pages of one question to the query API, put together; `fault` is what ended the reading early."""

    records: dict[str, Record] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    entries: int = 0
    total: int | None = None
    fault: str = ""

    def add(self, answered: Answered) -> None:
        for record in answered.records:
            self.records.setdefault(record.paper.id, record)
        self.problems = (self.problems + list(answered.problems))[:MAX_PROBLEMS]
        self.entries += answered.entries
        self.total = answered.total if answered.total is not None else self.total
        self.fault = self.fault or answered.fault


def broken(source: str, document: str, why: str, ask: Ask, expected: date | None = None) -> Batch:
    """The batch of a document of which nothing can be read, for the reason `why`."""
    problems = (Problem(document, 0, why),)
    return _batch(source, document, Verdict.BROKEN, why, ask, expected=expected, problems=problems)


def quiet(source: str, document: str, why: str, ask: Ask) -> Batch:
    """The batch of a document that need not even be asked for, because there is nothing."""
    return _batch(source, document, Verdict.QUIET, why, ask)


def of_feed(
    answered: Answered, source: str, document: str, ask: Ask, holidays: Collection[date], cross_lists: bool
) -> Batch:
    """The batch of a category's feed.

    New papers, and cross-listed ones if wanted, are its papers, in this order; replacements are notes on papers that
    are known. Its day is the newest date that stands beside a paper; the date of the feed itself is that of its making.
    """
    expected = issue_day_expected(ask.now, holidays)
    if answered.fault:
        return broken(source, document, answered.fault, ask, expected)
    if not answered.entries and not answered.problems:
        return _empty_feed(source, document, ask, holidays)
    if not answered.records:
        return broken(source, document, _unread("no paper read", answered.problems), ask, expected)
    day, doubt = _day(answered, ask, expected)
    problems = answered.problems + ((Problem(document, 0, doubt),) if doubt else ())
    new, cross, notes = _sorted(answered.records)
    papers = _papers([*new, *(cross if cross_lists else [])], day, source)
    verdict, why = Verdict.NEW if papers else Verdict.QUIET, _counted(new, cross, notes, cross_lists)
    if problems:
        verdict, why = Verdict.PARTIAL, _unread(why, problems)
    cut = answered.entries >= FEED_LIMIT
    if cut:
        verdict, why = Verdict.PARTIAL, f"{why}; arXiv cuts a feed at {FEED_LIMIT:,}: {_remedy(document, day)}"
    if day < expected:
        verdict, why = Verdict.STALE, f"still the issue of {day}, though that of {expected} is due: {why}"
    return _batch(
        source,
        document,
        verdict,
        why,
        ask,
        day=day,
        papers=papers,
        expected=expected,
        declared=FEED_LIMIT if cut else None,
        problems=problems,
        notes=tuple(record.paper for record in notes),
        observations=_versions(notes),
    )


def of_issue(
    pages: Pages,
    source: str,
    category: str,
    day: date,
    between: tuple[datetime, datetime],
    ask: Ask,
    cross_lists: bool,
) -> Batch:
    """The batch of the issue of `day`: of what the query API gave, the papers that came in within its window.

    `declared` is what the API counted, without those that were left out on purpose.
    """
    document = f"{category} {day}"
    start, end = between
    inside = [
        record for record in pages.records.values() if record.submitted is None or start <= record.submitted < end
    ]
    taken = [record for record in inside if cross_lists or _is_primary(record.paper, category)]
    if pages.fault and not taken:
        return broken(source, document, pages.fault, ask)
    problems = list(pages.problems)
    if pages.fault:
        problems.append(Problem(document, 0, pages.fault))
    elif pages.total is not None and pages.entries < pages.total:
        missing = f"arXiv counted {pages.total:,} and gave {pages.entries:,}, then an empty page: ask for the day again"
        problems.append(Problem(document, 0, missing))
    if problems and not taken:
        return broken(source, document, _unread("no paper read", problems), ask)
    if not taken:
        return quiet(source, document, f"the query API has no paper of {category} in the issue of {day}", ask)
    why = f"{counted(len(taken), 'paper')} of the issue of {day}"
    return _batch(
        source,
        document,
        Verdict.PARTIAL if problems else Verdict.NEW,
        _unread(why, problems) if problems else why,
        ask,
        day=day,
        papers=_papers(taken, day, source),
        declared=None if pages.total is None else max(pages.total - len(pages.records) + len(taken), len(taken)),
        problems=tuple(problems),
    )


def of_ids(pages: Pages, source: str, wanted: int, ask: Ask) -> Batch:
    """The batch of what arXiv knows of `wanted` papers that came from elsewhere: notes, and their versions."""
    document = "by id"
    records = list(pages.records.values())
    if pages.fault and not records:
        return broken(source, document, pages.fault, ask)
    problems = (*pages.problems, *((Problem(document, 0, pages.fault),) if pages.fault else ()))
    why = f"{len(records):,} of {counted(wanted, 'paper')} completed"
    verdict = Verdict.PARTIAL if problems else Verdict.NEW if records else Verdict.QUIET
    return _batch(
        source,
        document,
        verdict,
        _unread(why, problems) if problems else why,
        ask,
        problems=problems,
        notes=tuple(record.paper for record in records),
        observations=_versions(records),
    )


def _batch(
    source: str,
    document: str,
    verdict: Verdict,
    why: str,
    ask: Ask,
    *,
    day: date | None = None,
    papers: tuple[Paper, ...] = (),
    expected: date | None = None,
    declared: int | None = None,
    problems: tuple[Problem, ...] = (),
    notes: tuple[Paper, ...] = (),
    observations: tuple[Observation, ...] = (),
) -> Batch:
    return Batch(
        source,
        document,
        day,
        papers,
        verdict,
        why,
        problems=problems,
        kind=KIND,
        declared=declared,
        expected=expected,
        notes=notes,
        observations=observations,
        asked=ask.day,
    )


def _empty_feed(source: str, document: str, ask: Ask, holidays: Collection[date]) -> Batch:
    today = feed_day(ask.now)
    if reason := no_issue_because(today, holidays):
        return replace(quiet(source, document, reason, ask), expected=issue_day_expected(ask.now, holidays))
    why = f"the feed is empty although the issue of {today} is due; it may come later"
    return _batch(source, document, Verdict.STALE, why, ask, expected=today)


def _day(answered: Answered, ask: Ask, expected: date) -> tuple[date, str]:
    """The day of a feed, and why it is in doubt; a date that has not come yet anywhere is none."""
    latest = feed_day(ask.now) + timedelta(days=1)
    written = [record.day for record in answered.records if record.day]
    possible = [day for day in written if day <= latest]
    if possible:
        wrong = len(written) - len(possible)
        return max(possible), f"{counted(wrong, 'date')} that has not come yet" if wrong else ""
    if answered.day and answered.day <= latest:
        return answered.day, "its papers have no date that can be; that of the feed is taken"
    return expected, "it has no date that can be; that of the newest issue is taken"


def _sorted(records: Sequence[Record]) -> tuple[list[Record], list[Record], list[Record]]:
    """What a feed announces as new, as cross-listed, and the rest, which is no new paper.

    Where it does not say what it announces, a first version is a new paper.
    """
    new, cross, rest = list[Record](), list[Record](), list[Record]()
    for record in records:
        first = record.announced == "new" or (not record.announced and record.paper.version <= 1)
        (new if first else cross if record.announced == "cross" else rest).append(record)
    return new, cross, rest


def _is_primary(paper: Paper, category: str) -> bool:
    """Whether the paper is at home in the category, or in one of an archive's."""
    return bool(paper.categories) and f"{paper.categories[0]}.".startswith(f"{category}.")


def _papers(records: Sequence[Record], day: date, source: str) -> tuple[Paper, ...]:
    return tuple(
        replace(record.paper, listings=(Listing(day, source, rank),), first_seen=day)
        for rank, record in enumerate(records, 1)
    )


def _versions(records: Sequence[Record]) -> tuple[Observation, ...]:
    return tuple(
        Observation(record.paper.id, "version", record.paper.version) for record in records if record.paper.version
    )


def _counted(new: Sequence[Record], cross: Sequence[Record], notes: Sequence[Record], cross_lists: bool) -> str:
    parts = [counted(len(new), "new paper")]
    if cross:
        parts.append(f"{len(cross):,} cross-listed{'' if cross_lists else ' left out'}")
    if notes:
        parts.append(counted(len(notes), "replacement") + " noted")
    return ", ".join(parts)


def _unread(read: str, problems: Sequence[Problem]) -> str:
    first = problems[0]
    where = f"at line {first.line}: {first.why}" if first.line else first.why
    return f"{read}; {counted(len(problems), 'place')} not read, first {where}"


def _remedy(category: str, day: date) -> str:
    narrower = "" if "." in category else f"name the parts of {category} one by one, or "
    return f"{narrower}ask for the rest with `newsletter collect --date {day}`"
