"""What the verdicts on several documents come to, and which of them are worth waiting for."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import combinations

import pytest

from newsletter.model import Batch, Verdict
from newsletter.policy.verdicts import late, overall

DAY = date(2026, 10, 1)
WELL = [Verdict.NEW, Verdict.SAME, Verdict.QUIET]


@pytest.mark.parametrize("verdict", Verdict)
def test_documents_that_agree_have_one_verdict(verdict: Verdict) -> None:
    assert overall([verdict]) is overall([verdict] * 3) is verdict


@pytest.mark.parametrize(("one", "other"), list(combinations(Verdict, 2)))
def test_two_that_differ(one: Verdict, other: Verdict) -> None:
    """Something is missing, or the better news counts; the order of the documents does not."""
    wanted = (
        next(verdict for verdict in WELL if verdict in (one, other)) if {one, other} <= set(WELL) else Verdict.PARTIAL
    )
    assert overall([one, other]) is overall([other, one]) is wanted


def test_no_documents_have_no_verdict() -> None:
    with pytest.raises(ValueError, match="no verdicts"):
        overall([])


def test_only_what_is_late_is_waited_for() -> None:
    batches = [Batch("arxiv", str(one), None, (), one, f"it is {one}", expected=DAY) for one in Verdict]
    assert late(batches) == ("arxiv: it is stale",)
    assert late([*batches, *batches]) == ("arxiv: it is stale",)
    assert late([]) == ()
    # Without a calendar nobody knows whether it will ever change.
    assert late([replace(one, expected=None) for one in batches]) == ()


def test_a_day_that_came_another_way_is_not_waited_for() -> None:
    stale = Batch("arxiv", "cs.CL", None, (), Verdict.STALE, "yesterday's papers", expected=DAY)
    by_query = Batch("arxiv", "cs.CL 2026-10-01", None, (), Verdict.NEW, "30 papers")
    assert late([stale, by_query]) == ()
    others = ("cs.CV 2026-10-01", "cs.CL 2026-09-30")
    for other in (*(replace(by_query, document=one) for one in others), replace(by_query, verdict=Verdict.PARTIAL)):
        assert late([stale, other]) == ("arxiv: yesterday's papers",)
