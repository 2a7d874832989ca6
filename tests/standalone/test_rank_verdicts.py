"""Feedback and examples: how they name papers, and what they change."""

from __future__ import annotations

from typing import Any

import pytest
from standalone_records import BRAIN, CELLS, FIELDS, NERF, PAPERS, SPLATS, Record, seeds

from newsletter.standalone import rank_records

EARLIER: Record = {
    "id": "arXiv:2501.00001v1",
    "title": "Sequencing the Genomes of {B}acteria",
    "abstract": "Plasmids and resistance in biofilms.",
    "authors": ["Rosalind Franklin"],
}
ARCHIVE = [EARLIER, *seeds()]


def told(topic: Record = FIELDS, *verdicts: Record, **more: Any) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The entries of the topic by id, and what was remarked."""
    remarks: list[str] = []
    arguments = {"archive": ARCHIVE, "feedback": verdicts, "remark": remarks.append} | more
    found = rank_records(arguments.pop("papers", PAPERS), [topic], **arguments)
    return {str(entry["id"]): entry for entry in found[topic["slug"]]}, remarks


def verdict(paper: Any, opinion: str = "like", **more: Any) -> Record:
    return {"topic": "fields", "paper": paper, "verdict": opinion, **more}


def learned(paper: Record, *verdicts: Record, **more: Any) -> float:
    entries, remarks = told(FIELDS, *verdicts, **more)
    assert remarks == []
    return float(entries[paper["id"]]["parts"]["learned"])


def test_likes_lift_what_is_like_them_and_dislikes_lower_it() -> None:
    plain = told()[0]
    liked, disliked = told(FIELDS, verdict(EARLIER["id"]))[0], told(FIELDS, verdict(EARLIER["id"], "dislike"))[0]
    assert liked[CELLS["id"]]["score"] > plain[CELLS["id"]]["score"] > disliked[CELLS["id"]]["score"]
    assert any(reason.startswith("close to “Sequencing") for reason in liked[CELLS["id"]]["reasons"])
    assert "learned" not in plain[CELLS["id"]]["parts"]


def test_a_paper_may_be_judged_that_is_ranked() -> None:
    assert learned(NERF, verdict(NERF["id"])) > 0 > learned(NERF, verdict(NERF["id"], "dislike"), verdict(CELLS["id"]))


@pytest.mark.parametrize(
    "name",
    [
        "arXiv:2501.00001v1",
        "2501.00001",
        "arXiv:2501.00001",
        "https://arxiv.org/abs/2501.00001v3",
        "10.48550/arXiv.2501.00001",
        "sequencing the genomes of BACTERIA!",
    ],
)
def test_verdicts_and_examples_name_a_paper_in_any_form(name: str) -> None:
    expected = told(FIELDS, verdict(EARLIER["id"]))
    assert told(FIELDS, verdict(name)) == expected
    examples, remarks = told({**FIELDS, "examples": [name]})
    assert remarks == []
    assert {id: one["score"] for id, one in examples.items()} == {id: one["score"] for id, one in expected[0].items()}
    assert any("“Sequencing" in reason and "example" in reason for reason in examples[CELLS["id"]]["reasons"])


def test_a_number_names_the_paper_that_was_given_it() -> None:
    papers = [{**paper, "id": number} for number, paper in enumerate(PAPERS)]
    entries, remarks = told(FIELDS, verdict(3), verdict("0", "dislike"), papers=papers)
    assert remarks == []
    assert entries["3"]["parts"]["learned"] > 0 > entries["0"]["parts"]["learned"]


def test_an_example_that_nobody_knows_is_taken_by_its_title() -> None:
    entries, remarks = told({**FIELDS, "examples": ["Resistance of bacteria with plasmids"]})
    assert remarks == []
    assert entries[CELLS["id"]]["parts"]["learned"] > entries[BRAIN["id"]]["parts"]["learned"]


def test_an_example_that_is_an_id_nobody_knows_is_said_and_passed_over() -> None:
    entries, remarks = told({**FIELDS, "examples": ["2409.99999", "doi:10.1000/182"]})
    assert entries == told()[0]
    assert remarks == [
        f"topic fields: example {name} is not among the papers or the archive; give its title instead"
        for name in ("2409.99999", "doi:10.1000/182")
    ]


def test_an_opinion_goes_before_an_example() -> None:
    topic = {**FIELDS, "examples": [EARLIER["id"]]}
    assert told(topic, verdict(EARLIER["id"], "dislike")) == told(FIELDS, verdict(EARLIER["id"], "dislike"))
    assert told(topic, verdict(EARLIER["id"], "shown"))[0][CELLS["id"]]["parts"]["learned"] > 0


def test_the_last_opinion_counts_and_being_shown_is_none() -> None:
    liked = told(FIELDS, verdict(EARLIER["id"]))
    assert told(FIELDS, verdict(EARLIER["id"], "dislike"), verdict(EARLIER["id"])) == liked
    assert told(FIELDS, verdict(EARLIER["id"]), verdict(EARLIER["id"], "shown")) == liked
    dated = verdict(EARLIER["id"], at="2025-03-12T08:00:00+00:00"), verdict(EARLIER["id"], "dislike", day="2025-03-11")
    papers = [{**paper, "day": "2025-03-12"} for paper in PAPERS]
    assert told(FIELDS, *dated, papers=papers) == told(FIELDS, verdict(EARLIER["id"]), papers=papers)


def test_an_old_opinion_counts_less_and_one_without_a_day_is_new() -> None:
    papers = [{**paper, "day": "2025-03-12"} for paper in PAPERS]
    against = verdict(NERF["id"], "dislike")

    def lift(**day: str) -> float:
        return learned(CELLS, verdict(EARLIER["id"], **day), verdict(SPLATS["id"]), against, papers=papers)

    assert lift() == lift(day="2025-03-12") == lift(day="2025-03-14") > lift(at="2024-03-12")


def test_what_is_said_of_nothing_known_is_told_and_passed_over() -> None:
    plain = told()[0]
    several = [verdict(f"nobody-{number}") for number in range(7)]
    entries, remarks = told(FIELDS, *several, {**verdict(CELLS["id"]), "topic": "chess"})
    assert entries == plain
    assert remarks == [
        "feedback: no paper nobody-0, nobody-1, nobody-2, nobody-3, nobody-4 and 2 more in the papers or the archive; "
        "what was said of it is passed over",
        "feedback: no topic chess in the topics; what was said of it is passed over",
    ]


def test_papers_and_topics_that_come_twice_count_once_and_it_is_told() -> None:
    remarks: list[str] = []
    again = [{**CELLS, "id": NERF["id"]}, {**BRAIN, "id": NERF["id"]}]
    found = rank_records([*PAPERS, *again], [FIELDS, {**FIELDS, "name": "Plasmids"}], remark=remarks.append)
    assert found == rank_records(PAPERS, [FIELDS])
    assert remarks == [
        "topics: fields came before; the first counts",
        f"papers: {NERF['id']} came before; the first counts",
    ]
