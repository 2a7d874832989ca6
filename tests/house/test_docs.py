"""The pages of docs/ as a whole: all are in the index, no link leads nowhere, no command is named that is not there."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import typer
from places import PROJECT

from newsletter.cli.app import app
from newsletter.settings import load

DOCS = PROJECT / "docs"
INDEX = DOCS / "README.md"
PAGES = sorted(DOCS.glob("*.md"))
ALL = [PROJECT / "README.md", PROJECT / "CHANGELOG.md", PROJECT / "seeds" / "README.md", *PAGES]


@cache
def prose(page: Path) -> str:
    """The text of a page without what stands in fences."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


@cache
def anchors(page: Path) -> set[str]:
    """What `#...` may name on a page: its headings, as GitHub and most others make anchors of them."""
    found: Counter[str] = Counter()
    named = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.M):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower().strip()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        named.add(f"{anchor}-{found[anchor]}" if found[anchor] else anchor)
        found[anchor] += 1
    return named


def links(page: Path) -> list[str]:
    """Where a page leads to that is ours."""
    text = re.sub(r"`[^`]*`", "", prose(page))
    found = re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", text)
    return [one or other for one, other in found if not re.match(r"https?:|mailto:", one or other)]


def test_the_index_names_every_page_in_one_line_each() -> None:
    lines = INDEX.read_text(encoding="utf-8").splitlines()
    entries = [found for line in lines if (found := re.match(r"- \[[^\]]+\]\(([\w-]+\.md)\): \S.*", line))]
    assert sorted(found[1] for found in entries) == [page.name for page in PAGES if page != INDEX]
    assert len(entries) == sum(line.startswith("- ") for line in lines)


def test_the_readme_leads_to_the_index() -> None:
    assert "docs/README.md" in links(PROJECT / "README.md")


@pytest.mark.parametrize("page", ALL, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    nowhere = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        found = target.exists() and target.is_relative_to(PROJECT)
        if not found or (anchor and anchor not in anchors(target)):
            nowhere.append(link)
    assert nowhere == []


def test_pages_have_one_title_each_and_no_heading_twice() -> None:
    """Else an anchor would mean something else after the next edit."""
    for page in PAGES:
        headings = re.findall(r"^(#+ .+)$", prose(page), re.M)
        assert [one for one in headings if one.startswith("# ")] == headings[:1], page.name
        assert [one for one, times in Counter(headings).items() if times > 1] == [], page.name


def named_commands(page: Path) -> list[list[str]]:
    """What a page says in its text as `newsletter ...`, in words."""
    found = re.findall(r"`newsletter\s([^`]+)`", prose(page))
    return [shlex.split(" ".join(one.split()).replace("'", "")) for one in found]


@pytest.mark.parametrize("page", ALL, ids=lambda page: str(page.relative_to(PROJECT)))
def test_commands_and_options_that_are_named_are_there(page: Path) -> None:
    assert [" ".join(words) for words in named_commands(page) if not is_there(words)] == []


@cache
def commands() -> object:
    return typer.main.get_command(app)


def is_there(words: list[str]) -> bool:
    """Whether there is such a command with all these options; what it is given is not looked at."""
    command = commands()
    options = known_options(command)
    for word in words:
        if word.startswith("-") and word != "-":
            if word.partition("=")[0] not in options:
                return False
        elif (inner := getattr(command, "commands", {})) and word in inner:
            command = inner[word]
            options |= known_options(command)
        elif inner and word not in {"COMMAND", "…", "DIR", "~/papers", "."}:
            return False
    return True


def known_options(command: object) -> set[str]:
    given = {"--help", "-h"}
    for one in getattr(command, "params", []):
        given.update(one.opts, one.secondary_opts)
    return given


def test_a_command_that_is_not_there_would_be_noticed() -> None:
    assert is_there(["--config", "DIR", "templates", "eject", "card.html.j2"])
    assert is_there(["plan-capacity", "--no-pipelining"])
    assert not is_there(["templates", "hatch"])
    assert not is_there(["run", "--dates"])
    assert not is_there(["sned"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_table_of_settings_that_is_shown_can_be_read(page: Path, tmp_path: Path) -> None:
    """TOML, and what looks like topics or settings of ours, by our own reading of them."""
    for number, text in enumerate(re.findall(r"^```toml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S)):
        tables = tomllib.loads(text)
        if "ourlab" in text:  # of a package that the page only shows; tests/daily/test_a_source_of_ones_own.py has it
            continue
        folder = tmp_path / str(number)
        folder.mkdir()
        topics = folder / "topics.toml"
        ours = (PROJECT / "config" / "topics.toml").read_text(encoding="utf-8")  # which channels may name
        topics.write_text(text if "topics" in tables else ours, encoding="utf-8")
        (folder / "subscribers.toml").touch()
        (folder / "newsletter.toml").write_text("" if "topics" in tables else text, encoding="utf-8")
        load(folder)
