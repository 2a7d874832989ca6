"""The ranking as a function of records: what comes out, and what each field of a record does."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from standalone_records import BRAIN, CELLS, FIELDS, NERF, PAPERS, SPLATS, Record, seeds

from newsletter.model import Paper
from newsletter.standalone import rank_records
from newsletter.text import readable

TOPICS = [FIELDS, {"slug": "brain", "name": "Brain decoding", "description": "Speech and images from the cortex."}]


def ranked(topic: Record = FIELDS, papers: list[Record] = PAPERS, **more: Any) -> list[dict[str, Any]]:
    found = rank_records(papers, [topic], **more)
    assert list(found) == [topic["slug"]]
    return found[topic["slug"]]


def ids(entries: list[dict[str, Any]]) -> list[Any]:
    return [entry["id"] for entry in entries]


def entry_of(paper: Record, entries: list[dict[str, Any]]) -> dict[str, Any]:
    return next(entry for entry in entries if entry["id"] == paper["id"])


def score_of(paper: Record, topic: Record = FIELDS, **more: Any) -> float:
    return float(entry_of(paper, ranked(topic, **more))["score"])


def test_every_topic_ranks_all_papers_best_first() -> None:
    found = rank_records(PAPERS, TOPICS)
    assert list(found) == ["fields", "brain"]
    for entries in found.values():
        assert sorted(ids(entries)) == sorted(paper["id"] for paper in PAPERS)
        scores = [entry["score"] for entry in entries]
        assert scores == sorted(scores, reverse=True)
    assert ids(found["fields"])[:2] == [NERF["id"], SPLATS["id"]]
    assert ids(found["brain"])[0] == BRAIN["id"]


def test_the_parts_are_the_same_for_all_papers_of_a_topic_and_add_up_to_the_score() -> None:
    verdicts = [{"topic": "fields", "paper": SPLATS["id"], "verdict": "like"}]
    for topic in (FIELDS, {**FIELDS, "authors": ["Alan Turing"], "categories": ["cs.CV"]}):
        entries = ranked(topic, feedback=verdicts)
        assert {tuple(entry["parts"]) for entry in entries} == {tuple(entries[0]["parts"])}
        assert {"words", "trend"} <= set(entries[0]["parts"])
        for entry in entries:
            assert math.isclose(sum(entry["parts"].values()), entry["score"], abs_tol=1e-9)


def test_nothing_in_the_answer_is_anything_but_json() -> None:
    papers = [{**NERF, "id": np.int64(7), "votes": np.float64(3.0)}, BRAIN]
    found = rank_records(papers, TOPICS)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_an_id_comes_back_as_it_was_given() -> None:
    papers = [{**NERF, "id": 7}, {**BRAIN, "id": " x\ud800"}, {**CELLS, "id": "arXiv:2503.04567v2"}]
    assert ids(ranked(papers=papers)) == [7, " x\ud800", "arXiv:2503.04567v2"]


def test_a_paper_with_an_excluded_word_comes_last_with_the_word_and_its_score() -> None:
    entries = ranked({**FIELDS, "exclude": ["photographs"]})
    assert ids(entries)[-1] == NERF["id"]
    assert entries[-1]["excluded"] == "photographs"
    assert entries[-1]["reasons"] == []
    assert entries[-1]["score"] == score_of(NERF) > entries[0]["score"]
    assert not any("excluded" in entry for entry in entries[:-1])


def test_a_followed_author_comes_first_and_the_reason_says_so_also_after_a_dislike() -> None:
    topic = {**FIELDS, "authors": ["R. Franklin"]}
    disliked = [{"topic": "fields", "paper": CELLS["id"], "verdict": "dislike"}]
    for feedback in ([], disliked):
        first = ranked(topic, feedback=feedback)[0]
        assert first["id"] == CELLS["id"]
        assert first["reasons"][0] == "by Rosalind Franklin, whom you follow"


def test_a_followed_institution_comes_first() -> None:
    papers = [*PAPERS, {"id": "x", "title": "Soil", "abstract": "Of worms.", "institutions": ["Univ. of Kent, UK"]}]
    first = ranked({**FIELDS, "institutions": ["University of Nowhere", "Kent"]}, papers)[0]
    assert first["id"] == "x"
    assert "Kent" in first["reasons"][0]


def test_categories_are_a_list_or_a_text_with_spaces() -> None:
    listed = [{**paper, "categories": ["q-bio.NC", "cs.CV"]} for paper in PAPERS]
    spaced = [{**paper, "categories": "q-bio.NC  cs.CV"} for paper in PAPERS]
    topic = {**FIELDS, "categories": "cs.CV math"}
    assert ranked(topic, listed) == ranked(topic, spaced)
    assert score_of(NERF, topic) > score_of(NERF)


def test_keywords_count() -> None:
    assert ranked({"slug": "x", "name": "", "keywords": ['"exchange plasmids"']})[0]["id"] == CELLS["id"]


def test_papers_that_score_no_more_than_an_ordinary_one_have_no_reasons() -> None:
    entries = ranked()
    assert [bool(entry["reasons"]) for entry in entries] == [entry["score"] > 0 for entry in entries]
    assert entries[0]["reasons"][0] == "title says “Radiance Fields”"


def test_what_a_reason_quotes_stands_in_the_paper_for_both_seeds() -> None:
    papers = {paper["id"]: readable(Paper(paper["id"], paper["title"], paper["abstract"])) for paper in seeds()}
    topics = [
        {"slug": "diffusion", "name": "Diffusion models", "description": "Images and video by denoising."},
        {"slug": "agents", "name": "LLM agents", "description": "Language models that use tools and plan."},
        {"slug": "robots", "name": "Robotics", "description": "Manipulation", "keywords": ["gaussian splatting"]},
    ]
    quoted = 0
    for entries in rank_records(list(seeds()), topics).values():
        for entry in entries:
            paper = papers[entry["id"]]
            for reason in entry["reasons"]:
                where = {"title says": paper.title, "abstract says": paper.abstract}
                text = next((text for said, text in where.items() if reason.startswith(said)), None)
                for words in re.findall("“(.+?)”", reason):
                    quoted += 1
                    for piece in words.split(" … "):
                        assert piece in (text or f"{paper.title}\n{paper.abstract}"), (reason, paper.title)
    assert quoted > 100


def test_votes_count_among_the_papers_of_their_day_and_the_order_of_records_does_not() -> None:
    votes = {NERF["id"]: ("2025-03-12", 2), SPLATS["id"]: ("2025-03-12", 90), BRAIN["id"]: ("2025-03-11", 5)}
    papers = [
        {**paper, "day": votes[paper["id"]][0], "votes": votes[paper["id"]][1]} if paper["id"] in votes else paper
        for paper in PAPERS
    ]
    entries = ranked(papers=papers)
    trends = {entry["id"]: entry["parts"]["trend"] for entry in entries}
    assert trends[SPLATS["id"]] > trends[NERF["id"]] > trends[CELLS["id"]] == 0
    assert trends[SPLATS["id"]] > trends[BRAIN["id"]] > 0  # the most of its day, but yesterday's
    assert "no. 1 of its day with 90 votes" in entry_of(SPLATS, entries)["reasons"]
    assert {e["id"]: e["score"] for e in ranked(papers=papers[::-1])} == {e["id"]: e["score"] for e in entries}
    assert {entry["parts"]["trend"] for entry in ranked()} == {0.0}


@pytest.mark.parametrize("day", ["2025-03-12T23:59:59Z", "20250312"])
def test_a_day_may_have_a_time(day: str) -> None:
    plain = [{**NERF, "day": "2025-03-12", "votes": 3}, {**BRAIN, "day": "2025-03-12", "votes": 2}]
    assert ranked(papers=[{**paper, "day": day} for paper in plain]) == ranked(papers=plain)


def test_with_an_archive_one_paper_more_changes_nothing_for_the_others() -> None:
    archive = [{**paper, "id": f"{paper['id']}-{copy}"} for copy in range(4) for paper in seeds()]
    assert len(archive) > 200
    before = ranked(archive=archive)
    more = {"id": "new", "title": "Tax law", "abstract": "On the taxation of ships.", "categories": ["econ.GN"]}
    after = ranked(papers=[more, *PAPERS], archive=archive)
    assert [entry for entry in after if entry["id"] != "new"] == before


def test_an_encoder_adds_its_part() -> None:
    class Lengths:
        part, name = "static", "lengths-1"

        def vectors(self, texts: Any) -> NDArray[np.float32]:
            angles = [len(text) % 7 for text in texts]
            return np.array([[math.cos(angle), math.sin(angle)] for angle in angles], np.float32).reshape(-1, 2)

    assert "static" not in ranked()[0]["parts"]
    entries = ranked(encoders=[Lengths()])
    assert len({entry["parts"]["static"] for entry in entries}) > 1
    assert all(math.isclose(sum(one["parts"].values()), one["score"], abs_tol=1e-9) for one in entries)


def test_nothing_given_is_nothing_ranked() -> None:
    assert rank_records([], [FIELDS]) == {"fields": []}
    assert rank_records(PAPERS, []) == {}
    assert rank_records(iter(()), iter(())) == {}
