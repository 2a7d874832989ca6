"""`newsletter explain`, `replay` and `suggest`, as people and scripts use them."""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from installation import Installation
from journeys_parsing import parsed

from newsletter.errors import Fault
from newsletter.model import Opinion
from newsletter.settings import configuration_folder
from newsletter.settings.readers import topics_of
from newsletter.store import Store

ADA = ("--subscriber", "ada@example.org")
CARDS = {"top", "card"}


def explained(installation: Installation, paper: str, *options: str, config: Path | None = None) -> Any:
    before = ["--config", str(config)] if config else []
    return installation(*before, "explain", paper, *(options or ADA), "--json").json


def ids(installation: Installation) -> dict[str, str]:
    return {paper["title"]: paper["id"] for paper in installation("papers", "--json").json}


def sums(found: Any) -> bool:
    return all(
        sum(Decimal(f"{value:.4f}") for value in topic["parts"].values()) == Decimal(f"{topic['score']:.4f}")
        for topic in found["topics"]
    )


def test_the_scores_that_explain_prints_give_the_order_of_the_mail(delivered: Installation) -> None:
    mail = parsed(delivered.mail()["ada@example.org"])
    body = mail.get_body(("plain",))
    assert body
    text = " ".join(body.get_content().split())
    shown = {text.index(title): number for title, number in ids(delivered).items() if title in text}
    found = [explained(delivered, shown[at]) for at in sorted(shown)[:8]]
    assert all(map(sums, found))
    assert {one["digest"]["state"] for one in found} == {"accepted"}
    sections: dict[str, list[float]] = {}
    for one in found:
        if one["place"] in CARDS:
            [score] = [topic["score"] for topic in one["topics"] if topic["slug"] == one["section"]]
            sections.setdefault(one["section"], []).append(score)
    assert set(sections) <= {"neural-fields", "embodied-ai"}
    assert max(map(len, sections.values())) > 2
    assert all(scores == sorted(scores, reverse=True) for scores in sections.values())
    places = [one["place"] for one in found]
    assert places[0] == "top"
    assert set(places[1:]) <= {"card", "also", "outside"}


def test_the_page_for_people_fits_a_terminal_and_adds_up(delivered: Installation) -> None:
    said = delivered("explain", "NeuRBF", *ADA, COLUMNS="80").out
    assert max(map(len, said.splitlines())) <= 80
    flat = " ".join(said.split())
    term = r"\d+\.\d{4} [a-z][a-z ]*?"
    formulas = re.findall(rf"score (-?\d+\.\d{{4}}) = ((?:- )?{term}(?: [+-] {term})*) (?:zero|relevance)", flat)
    assert len(formulas) == 2
    for total, parts in formulas:
        terms = re.findall(r"(?:([+-]) )?(\d+\.\d{4})", parts)
        assert sum(Decimal(f"{sign}{value}") for sign, value in terms) == Decimal(total)
    assert "In the digest of 2025-03-12 (accepted)" in flat
    assert "Neural fields and 3D" in flat


def test_a_paper_is_named_by_its_id_or_by_words_of_its_title(delivered: Installation) -> None:
    number = ids(delivered)["Pointer Networks"]
    found = explained(delivered, number)
    assert found["paper"] == {"id": number, "title": "Pointer Networks"}
    assert explained(delivered, "pointer") == found
    assert found["place"] == "absent"
    assert {topic["hurdle"] for topic in found["topics"]} == {"below"}
    several = delivered("explain", "brain", *ADA, expect=1)
    assert "name one by its id" in several.err
    assert len(re.findall(r"^title:\w+  .*[Bb]rain", several.err, re.M)) > 3


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["explain", "no such paper", *ADA], 1, "the archive has no paper “no such paper”"),
        (["explain", "pointer", "--subscriber", "nobody@example.org"], 1, "there is no subscriber nobody@example.org"),
        (["explain", "pointer", "--subscriber", "nobody"], 2, "is not an e-mail address"),
        (["explain", "pointer", *ADA, "--date", "March"], 2, "is not a day"),
        (["explain", "pointer", *ADA, "--date", "2025-06-01"], 1, "it is of the edition of 2025-03-12"),
        (["explain", "pointer"], 2, "--subscriber"),
        (["replay", "--topics", "/nowhere.toml"], 2, "nowhere.toml: cannot be read"),
        (["replay", "--topics", "/dev/null", "--days", "0"], 2, "--days"),
        (["suggest", "--subscriber", "nobody@example.org"], 1, "there is no subscriber nobody@example.org"),
    ],
)
def test_a_mistake_is_one_sentence(delivered: Installation, arguments: list[str], code: int, why: str) -> None:
    # A box of the command line's own makes lines of a long sentence.
    assert why in " ".join(re.sub(r"[│╭╮╰╯─]", " ", delivered(*arguments, expect=code).err).split())


def test_a_paper_of_a_day_that_is_not_frozen_is_explained_by_its_draft(installation: Installation) -> None:
    installation("collect")
    found = explained(installation, "pointer")
    assert found["edition"]["frozen"] is False
    assert found["digest"]["state"] is None
    assert "as it would be made now" in found["said"]
    assert sums(found)
    assert installation("status", "--json").json["editions"] == []


def test_what_would_have_brought_a_paper_in_does_when_the_file_says_so(
    installation: Installation, folder: Callable[..., Path]
) -> None:
    config = folder()
    installation("--config", str(config), "config", "check")
    _reword(config, "embodied-ai", min_score=50, exclude=["allocentric", "nowhere"])
    installation("--config", str(config), "run", "--date", "latest")
    found = explained(installation, "Allocentric", config=config)
    [topic] = [one for one in found["topics"] if one["slug"] == "embodied-ai"]
    assert (topic["hurdle"], topic["excluded_words"]) == ("excluded", ["allocentric"])
    assert "left out: it says “allocentric”" in topic["said"]
    [remedy] = [one for one in found["would_have"] if one["changes"][0]["action"] == "remove"]
    settings = {one["setting"]: one for one in remedy["changes"]}
    assert settings["exclude"]["value"] == "allocentric"
    assert (settings["min_score"]["before"], settings["min_score"]["value"] < 50) == (50, True)
    assert remedy["place"] in CARDS
    assert set(settings) == {"exclude", "min_score"}
    _reword(config, "embodied-ai", min_score=settings["min_score"]["value"], exclude=["nowhere"])
    again = explained(installation, "Allocentric", config=config)
    assert again["place"] == "absent"  # what was sent was sent
    assert again["place_today"] == remedy["place"]
    assert again["would_have"] == []


def _reword(config: Path, slug: str, *, min_score: float, exclude: list[str]) -> None:
    """Give a topic of the folder's topics.toml this threshold and these excluded words."""
    path = config / "topics.toml"
    text = re.sub(r"^(min_score|exclude) = .*# of the test\n", "", path.read_text(encoding="utf-8"), flags=re.M)
    own = f"min_score = {min_score} # of the test\nexclude = {exclude} # of the test\n"
    path.write_text(text.replace(f'slug = "{slug}"\n', f'slug = "{slug}"\n{own}'), encoding="utf-8")


def test_a_reader_without_topics_is_told_of_the_trend(delivered: Installation, installation: Installation) -> None:
    readers = installation.state.parent / "readers.csv"
    readers.write_text("address,name\neve@example.org,Eve\n", encoding="utf-8")
    installation("subscribers", "import", str(readers))
    installation("run", "--date", "latest")
    found = explained(installation, "pointer", "--subscriber", "eve@example.org")
    [topic] = found["topics"]
    assert (topic["slug"], set(topic["parts"])) == ("trending", {"trend", "again"})
    assert found["would_have"] == [] or found["would_have"][0]["changes"][0]["setting"] == "digest.trending_papers"


def test_replay_of_the_same_topics_says_that_nothing_changes(delivered: Installation) -> None:
    file = configuration_folder() / "topics.toml"
    found = delivered("replay", "--topics", str(file), *ADA, "--json").json
    assert found["days"] == ["2025-03-12"]
    assert len(found["topics"]) == 8
    for one in (*found["topics"], found["subscriber"]):
        assert (one["added"], one["dropped"], one["overlap"]) == ([], [], 1.0)
        assert one["before"] == one["after"]


def test_replay_says_what_other_topics_would_have_changed(delivered: Installation, tmp_path: Path) -> None:
    text = (configuration_folder() / "topics.toml").read_text(encoding="utf-8")
    new = tmp_path / "new.toml"
    new.write_text(
        text.replace("max_papers = 6", "max_papers = 2").replace('slug = "embodied-ai"', 'slug = "robots"'), "utf-8"
    )
    before = delivered("status", "--json").json
    answered = delivered("replay", "--topics", str(new), *ADA, "--json")
    found = {one["slug"]: one for one in answered.json["topics"]}
    fields = found["neural-fields"]
    assert (fields["change"], fields["before"]["papers"], fields["after"]["papers"]) == ("changed", 6, 2)
    assert (len(fields["added"]), len(fields["dropped"])) == (0, 4)
    assert fields["overlap"] == pytest.approx(1 / 3, abs=1e-4)
    assert fields["after"]["days_over"] == 1
    assert found["embodied-ai"]["change"] == "removed"
    assert found["embodied-ai"]["after"]["days_without"] == 1
    assert found["robots"]["change"] == "added"
    assert found["robots"]["after"] == found["embodied-ai"]["before"]
    assert found["brain-decoding"]["change"] == "same"
    reader = answered.json["subscriber"]
    assert reader["topics_lost"] == ["embodied-ai"]
    assert reader["after"]["papers"] < reader["before"]["papers"]
    titles = [one["title"] for one in fields["dropped"]]
    page = delivered("replay", "--topics", str(new), *ADA)
    assert all(title in page.out for title in titles)
    assert "nothing was saved or sent" in page.err
    after = delivered("status", "--json").json
    assert after == before | {name: after[name] for name in ("next_run", "disk")}


def test_replay_checks_the_file_as_it_checks_topics_toml(delivered: Installation, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('[[topics]]\nslug = "X Y"\nname = "x"\nmax_paper = 3\n', encoding="utf-8")
    lines = delivered("replay", "--topics", str(wrong), expect=2).err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("wrong.toml: topics[1].") for line in lines)
    wrong.write_text("[[topics", encoding="utf-8")
    assert "is not valid TOML" in delivered("replay", "--topics", str(wrong), expect=2).err


def test_replay_without_editions_says_how_to_get_one(installation: Installation) -> None:
    file = str(configuration_folder() / "topics.toml")
    assert "`newsletter run` freezes the first" in installation("replay", "--topics", file, expect=1).err


async def _say(installation: Installation, opinions: dict[str, Opinion], topic: str) -> None:
    async with await Store.open(installation.database) as store:
        reader = await store.subscribers.find("ada@example.org")
        assert reader
        for paper, opinion in opinions.items():
            await store.feedback.record(reader.id, topic, paper, opinion, datetime(2025, 3, 13, tzinfo=UTC))


def test_suggest_says_when_there_is_too_little_to_go_by(delivered: Installation) -> None:
    said = delivered("suggest", *ADA).out
    assert said.count("Too little feedback yet: 0 likes, 0 dislikes") == 2
    found = delivered("suggest", *ADA, "--json").json
    assert [one["slug"] for one in found["topics"]] == ["neural-fields", "embodied-ai"]
    assert all(one["keywords"] == [] and one["toml"] is None and one["why_nothing"] for one in found["topics"])


def test_suggest_proposes_what_the_feedback_supports_ready_for_the_file(installation: Installation) -> None:
    installation("run", "--date", "latest")
    papers = {paper["id"]: f"{paper['title']} {paper['abstract']}" for paper in installation("papers", "--json").json}
    liked = [number for number, text in papers.items() if "brain" in text.casefold()][:8]
    disliked = [number for number, text in papers.items() if "medical" in text.casefold() and number not in liked][:4]
    opinions = dict.fromkeys(liked, Opinion.LIKE) | dict.fromkeys(disliked, Opinion.DISLIKE)
    asyncio.run(_say(installation, opinions, "embodied-ai"))
    found = installation("suggest", *ADA, "--json").json
    [_, one] = found["topics"]
    assert (one["liked"], one["disliked"]) == (len(liked), len(disliked))
    words = {word["text"]: word for word in one["keywords"]}
    assert words["brain"]["liked"] == len(liked)
    assert one["others"] == len(papers) - len(opinions)
    faults: list[Fault] = []
    [topic] = topics_of(tomllib.loads(one["toml"]), "topics.toml", faults)
    assert not faults
    assert topic.slug == "embodied-ai"
    assert {"robotics", "brain"} <= set(topic.keywords)
    page = installation("suggest", *ADA).out
    assert f"brain: in {len(liked)} of {len(liked)} liked" in page
    assert one["toml"] in page
    again = explained(installation, liked[0])
    assert {part for topic in again["topics"] for part in topic["parts"]} >= {"learned"}
    assert sums(again)
