"""What language models wrote: kept for ever, and frozen with the edition."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from builders import DAY, paper

from newsletter.model import Batch, Verdict
from newsletter.model.summary import Summary
from newsletter.store import Store

AT = datetime(2025, 3, 12, 7, tzinfo=UTC)
ONE = Summary("a", "m", 1, "hash", "It says so.", "", 70, AT)


async def test_the_first_answer_to_a_question_stays(store: Store) -> None:
    await store.summaries.keep(ONE)
    await store.summaries.keep(replace(ONE, text="Something else.", tokens=5))
    others = [replace(ONE, model="n"), replace(ONE, prompt=2), replace(ONE, abstract="other"), replace(ONE, paper="b")]
    for other in others:
        await store.summaries.keep(replace(other, text="", flaw="it is a refusal"))
    assert (await store.summaries.known(["a", "c"], "m", 1)) == {
        ("a", "hash"): ONE,
        ("a", "other"): replace(ONE, abstract="other", text="", flaw="it is a refusal"),
    }
    assert await store.summaries.spent(AT) == 5 * 70
    assert await store.summaries.spent(AT + timedelta(seconds=1)) == 0


async def test_a_paper_has_the_summary_of_its_edition_and_no_other(store: Store) -> None:
    known = [paper(number) for number in (1, 2, 3)]
    await store.batches.remember(Batch("page", "page", DAY, tuple(known), Verdict.NEW, ""), AT)
    ids = [one.id for one in known]
    frozen = {ids[0]: "The first.", ids[1]: "", "nobody": "Of nothing."}
    await store.editions.freeze(DAY, ids[:2], (), (), (), frozen)
    await store.editions.freeze(DAY, ids, (), (), (), {ids[1]: "Too late."})
    await store.editions.freeze(date(2025, 3, 13), ids, (), (), (), {ids[0]: "Taken.", ids[2]: "The third."})
    found = await store.papers.get(ids)
    assert [one.llm_summary for one in found.values()] == ["The first.", "", "The third."]
