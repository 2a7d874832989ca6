"""`newsletter rank`: files in, JSON or a table out, and nothing else needed."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from installation import Answered, Installation

from newsletter.standalone import rank_records
from newsletter.vectors import available

PAPERS = [
    {"id": "a", "title": "Plasmids in Biofilms", "abstract": "Bacteria exchange plasmids."},
    {"id": "b", "title": "Radiance Fields [bold]", "abstract": "Views of a scene.", "authors": ["Ada Lovelace"]},
    {"id": "c\ud800", "title": "Brain \x1b[0m Decoding", "abstract": None},
]
TOPICS = [
    {"slug": "fields", "name": "Radiance fields", "description": "Novel views", "min_score": 2},
    {"slug": "brain", "name": "Brain", "exclude": ["decoding"]},
]
FEEDBACK = [{"topic": "fields", "paper": "a", "verdict": "like"}, {"topic": "fields", "paper": "x", "verdict": "like"}]

Rank = Callable[..., Answered]


def lines(records: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(one) + "\n" for one in records)


@pytest.fixture
def rank(installation: Installation, tmp_path: Path) -> Rank:
    """Runs `newsletter rank --parts default ARGUMENTS` in a folder with P.jsonl, T.jsonl and F.jsonl, and with a
    configuration that is not there: none is needed."""
    for name, records in {"P": PAPERS, "T": TOPICS, "F": FEEDBACK}.items():
        (tmp_path / f"{name}.jsonl").write_text(lines(records), encoding="utf-8")

    def run(*arguments: str, expect: int = 0, stdin: str = "", **environment: str) -> Answered:
        nowhere = {"NEWSLETTER_CONFIG": str(tmp_path / "nowhere")}
        words = ("rank", "--parts", "default", *arguments)
        return installation(*words, expect=expect, stdin=stdin, **nowhere | environment)

    return run


def needs(extra: str) -> pytest.MarkDecorator:
    reason = f"needs the extra `{extra}`: pip install 'paper-newsletter[{extra}]' (CI installs `test` alone)"
    return pytest.mark.skipif(extra not in available(), reason=reason)


FILES = ("--papers", "P.jsonl", "--topics", "T.jsonl")


def test_json_is_what_the_function_gives(rank: Rank) -> None:
    said = rank(*FILES, "--feedback", "F.jsonl", "--json")
    assert said.json == rank_records(PAPERS, TOPICS, feedback=FEEDBACK)
    assert said.err == "F.jsonl: no paper x in the papers or the archive; what was said of it is passed over\n"


def test_json_has_a_line_for_each_paper(rank: Rank) -> None:
    said = rank(*FILES, "--json")
    papers = [json.loads(line.rstrip(",]")) for line in said.out.splitlines() if line.startswith("{") and line != "{"]
    assert papers == [entry for entries in said.json.values() for entry in entries]
    assert papers[-1]["id"] == "c\ud800"
    assert papers[-1]["excluded"] == "decoding"


def test_an_archive_is_the_background(rank: Rank, tmp_path: Path) -> None:
    archive = [{"id": f"old-{number}", "title": f"Views of scene {number}", "abstract": ""} for number in range(300)]
    (tmp_path / "A.jsonl").write_text(lines(archive), encoding="utf-8")
    said = rank(*FILES, "--archive", "A.jsonl", "--json").json
    assert said == rank_records(PAPERS, TOPICS, archive) != rank_records(PAPERS, TOPICS)


def test_the_table_shows_the_best_and_says_why_and_which_parts_counted(rank: Rank) -> None:
    said = rank(*FILES)
    assert "Radiance fields: " in said.out.splitlines()[0]
    assert "of 3 papers score 2 or more" in said.out
    assert "Radiance Fields [bold]" in said.out
    assert "title says “Radiance Fields”" in said.out
    assert "excluded: decoding" in said.out
    assert "\x1b" not in said.out
    assert said.err.startswith("Parts of the scores: words, ")
    assert said.err.count("\n") == 1


def test_top_limits_both(rank: Rank) -> None:
    assert [len(entries) for entries in rank(*FILES, "--top", "2", "--json").json.values()] == [2, 2]
    assert "Plasmids" in rank(*FILES).out
    assert "Plasmids" not in rank(*FILES, "--top", "1").out.split("Brain:")[0]
    rank(*FILES, "--top", "0", expect=2)


def test_files_may_be_gzipped_marked_and_from_standard_input(rank: Rank, tmp_path: Path) -> None:
    expected = rank(*FILES, "--json").json
    (tmp_path / "P.jsonl.gz").write_bytes(gzip.compress(lines(PAPERS).encode()))
    marked = "\ufeff" + lines(TOPICS).replace("\n", "\r\n\r\n")
    assert rank("--papers", "P.jsonl.gz", "--topics", "-", "--json", stdin=marked).json == expected


def test_empty_files_are_no_fault(rank: Rank, tmp_path: Path) -> None:
    (tmp_path / "E.jsonl").write_bytes(b"")
    assert rank("--papers", "E.jsonl", "--topics", "T.jsonl", "--json").json == {"fields": [], "brain": []}
    assert rank("--papers", "P.jsonl", "--topics", "E.jsonl", "--json").json == {}
    assert rank("--papers", "P.jsonl", "--topics", "E.jsonl").out == ""


def test_a_bad_line_is_named_and_nothing_is_printed(rank: Rank, tmp_path: Path) -> None:
    (tmp_path / "P.jsonl").write_text(lines(PAPERS) + "oops\n", encoding="utf-8")
    (tmp_path / "T.jsonl").write_text(lines([*TOPICS, {"name": "no slug"}]), encoding="utf-8")
    for more in ([], ["--json"]):
        said = rank(*FILES, *more, expect=2)
        assert said.out == ""
        assert said.err.splitlines() == [
            "T.jsonl:3: the topic has no “slug”",
            "P.jsonl:4: is not JSON (Expecting value, column 1); write one object, {…}, a line",
        ]


def test_files_that_cannot_be_read_are_named(rank: Rank, tmp_path: Path) -> None:
    assert "nowhere.jsonl cannot be read" in rank("--papers", "nowhere.jsonl", "--topics", "T.jsonl", expect=2).err
    assert "only one file" in rank("--papers", "-", "--topics", "-", expect=2).err
    (tmp_path / "half.gz").write_bytes(gzip.compress(lines(PAPERS).encode())[:-9])
    assert "half.gz is gzipped, but not whole" in rank("--papers", "half.gz", "--topics", "T.jsonl", expect=2).err
    assert "--papers" in rank("--topics", "T.jsonl", expect=2).err


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_same_bytes_with_every_hash_seed(installation: Installation, rank: Rank, seed: str) -> None:
    expected = rank(*FILES, "--feedback", "F.jsonl", "--json").out
    words = [sys.executable, "-m", "newsletter", "rank", "--parts", "default", *FILES, "--feedback", "F.jsonl"]
    done = subprocess.run(
        [*words, "--json"],
        capture_output=True,
        check=True,
        timeout=60,
        cwd=installation.state.parent,
        env=installation.environment | {"PYTHONHASHSEED": seed},
    )
    assert done.stdout.decode() == expected


@pytest.mark.skipif(
    "neural" not in available(), reason="needs the extra `neural`: pip install 'paper-newsletter[neural]'"
)
def test_neural_vectors_are_kept_in_the_users_cache_or_where_one_says(
    installation: Installation, rank: Rank, tmp_path: Path
) -> None:
    user, own = tmp_path / "cache", tmp_path / "own"
    first = rank(*FILES, "--parts", "neural", "--json", XDG_CACHE_HOME=str(user)).json
    assert "neural" in first["fields"][0]["parts"]
    assert [file.name for file in (user / "newsletter").iterdir()] == ["vectors.sqlite"]
    assert rank(*FILES, "--parts", "neural", "--json", "--cache", str(own), XDG_CACHE_HOME="relative").json == first
    assert (own / "vectors.sqlite").is_file()
    assert not (tmp_path / "relative").exists()


@pytest.mark.skipif(
    "static" not in available(), reason="needs the extra `static`: pip install 'paper-newsletter[static]'"
)
def test_static_vectors_take_part_without_a_cache(rank: Rank, tmp_path: Path) -> None:
    said = rank(*FILES, "--parts", "static", "--json", XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert "static" in said.json["fields"][0]["parts"]
    assert not (tmp_path / "cache").exists()


@pytest.mark.skipif(len(available()) == 2, reason="both extras are installed, so none is missing")
def test_an_extra_that_is_not_installed_is_named_with_the_remedy(rank: Rank) -> None:
    said = rank(*FILES, "--parts", "all", expect=2)
    assert "pip install 'paper-newsletter[" in said.err
