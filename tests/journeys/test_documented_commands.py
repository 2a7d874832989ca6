"""Every command that README.md and the pages of docs/ show is typed into a shell, page by page, and has to succeed.

A page's commands run one after the other in a copy of one installation, as somebody would type them who has a folder
`~/papers` that has sent its first mail, and is in it. What a page shows as a command's answer has to come.

A page that needs something else gets it in `NEEDED`; a command that cannot run here is in `EXEMPT`, with the reason;
one that stays, until it is told to stop, in `STAYING`.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import postgres
import pytest
from arxiv_forms import api
from documented import PAGES, Shown, name_of, shown
from places import PROJECT
from shell import Shell, shell
from web_server import Reply, WebServer

pytestmark = pytest.mark.sqlite

EXEMPT = {
    r"python3 -m venv ": "CI runs these two commands as they stand here, and a test holds that it does",
    r"pip install ": "needs an index of packages; CI installs the extras",
    r"createdb ": "PostgreSQL's own program; the database that it would make is there",
    r"curl |docs/api\.md:.*: (PAGE|TOKEN|ID|MAC)=": "needs a page that serves; tests/house/test_api_docs.py, tests/web",
    r"sudo ": "changes the machine; tests/house/test_deploy.py has systemd verify the units",
    r"NEWSLETTER_TEST_DATABASE=": "the whole suite; CI runs the parts of it that matter most on PostgreSQL",
    r"python benchmarks/": "measures for minutes, with data and programs that are not here",
    r"python docs/refresh_caniemail\.py": "asks a registry; tests/lint/test_lint_support.py",
}
"""Patterns of commands that are not run here, each with the reason; for one of `newsletter`, the test that runs it."""

STAYING = (r"newsletter .*\bserve\b", r"newsletter .*\bschedule(?! --next)\b")
"""Patterns of commands that stay: they are told to stop once they have said something, and have to end well."""

ELSEWHERE = {
    "/mnt/elsewhere/": "{home}/elsewhere/",
    "sqlite:////var/lib/papers/": "sqlite:///{home}/papers/var/",
    "--port 8080": "--port 0",
    "newsletter forget ": "newsletter forget --yes ",  # nobody is there to be asked
    "newsletter rank ": "newsletter rank --parts default ",  # the models of the extras take their time
}
"""Places of the pages, and where they are here."""

_SERVER = re.compile(r"postgresql://[\w:]+@db\.example\.org/\w+")

STAY = """
stay() {
  { set +x; } 2> ~/quiet
  "$@" > ~/said & stayed=$!
  until [ -s ~/said ]; do kill -0 $stayed; sleep 0.05; done
  kill -TERM $stayed
  wait $stayed
  set -x
}
"""

LAST = """
for job in $(jobs -p); do kill -TERM "$job"; wait "$job"; done
"""
"""Who was left in the background is told to stop, too, and has to end well."""


def sources_of_sources(url: str) -> str:
    """A mirror of arXiv at `url`, on which nothing was ever announced."""
    table = {"kind": "arxiv", "name": "arxiv", "categories": ["cs.CL"], "base_url": url, "api_url": url, "pace": 0}
    return json.dumps([table])


def sources_of_ones_own(url: str) -> str:
    """A source of the name that the guide gives to its own; that this one works, tests/daily tells."""
    return json.dumps([{"kind": "listing", "name": "our-preprints", "year": 2025}])


NEEDED: dict[str, Callable[[str], str]] = {
    "docs/sources.md": sources_of_sources,
    "docs/adding-a-source.md": sources_of_ones_own,
}
"""The sources of pages that do not go by the shipped ones; each is given the address of a server."""

COMMANDS = {name_of(page): shown(page) for page in PAGES}


def is_one(pattern: str, command: Shown) -> bool:
    """Whether a pattern of `EXEMPT` fits a command, or the command behind its place like docs/page.md:7."""
    return bool(re.match(pattern, command.words) or re.match(pattern, str(command)))


def why_not(command: Shown) -> str:
    """The reason why a command is not run here; empty for one that is."""
    return next((why for pattern, why in EXEMPT.items() if is_one(pattern, command)), "")


RUN = {page: [one for one in commands if not why_not(one)] for page, commands in COMMANDS.items()}


@pytest.fixture(scope="module")
def prompt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with shell(tmp_path_factory.mktemp("shell") / "bin") as made:
        yield made


def environment(home: Path, **more: str) -> dict[str, str]:
    own = {"HOME": str(home), "NEWSLETTER_CONFIG": str(home / "papers"), "NEWSLETTER_RANKING__MODELS": "none"}
    path = f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"
    outside = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
    return {**outside, "COLUMNS": "200", "PATH": path, **own, **more}


BEGINNING = """
newsletter init ~/papers
cd ~/papers
newsletter run --date latest
newsletter preview --subscriber ada@example.org --date 2025-03-12 --format eml --out message.eml
newsletter papers --export today.jsonl --date 2025-03-12
newsletter papers --export earlier.jsonl --date 2025-03-11
cp topics.toml new-topics.toml
mkdir ~/bin ~/elsewhere
printf '#!/bin/sh\ncat ~/papers/today.jsonl\n' > ~/bin/my-crawler
chmod +x ~/bin/my-crawler
"""


@pytest.fixture(scope="module")
def begun(prompt: Shell, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of somebody who has begun; not to be changed."""
    home = tmp_path_factory.mktemp("begun")
    done = prompt(BEGINNING, env=environment(home), cwd=home)
    assert done.returncode == 0, done.stdout + done.stderr
    papers = home / "papers"
    today = (papers / "today.jsonl").read_text(encoding="utf-8")
    (papers / "today.jsonl.gz").write_bytes(gzip.compress(today.encode()))
    topic = {"slug": "neural-fields", "name": "Neural fields", "keywords": ["radiance field"]}
    (papers / "topics.jsonl").write_text(json.dumps(topic) + "\n")
    liked = json.loads(today.splitlines()[0])["id"]
    said = {"topic": topic["slug"], "paper": liked, "verdict": "like"}
    (papers / "opinions.jsonl").write_text(json.dumps(said) + "\n")
    return home


@pytest.fixture
def home(begun: Path, tmp_path: Path) -> Path:
    shutil.copytree(begun, tmp_path / "home")
    return tmp_path / "home"


@pytest.mark.parametrize("page", [page for page, commands in RUN.items() if commands])
async def test_every_command_of_a_page_succeeds(page: str, prompt: Shell, home: Path) -> None:
    script = "\n".join([STAY, *(typed(one) for one in RUN[page]), LAST])
    for place, here in ELSEWHERE.items():
        script = script.replace(place, here.format(home=home))
    with ExitStack() as stack:
        for url in dict.fromkeys(_SERVER.findall(script)):
            script = script.replace(url, stack.enter_context(postgres.database(empty=True)))
        async with WebServer() as server:
            server.answer("/api/query", lambda _: Reply(body=api()))
            more = {"NEWSLETTER_SOURCES": NEEDED[page](server.url)} if page in NEEDED else {}
            done = await asyncio.to_thread(prompt, script, env=environment(home, **more), cwd=home / "papers")
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    answers = [line for one in RUN[page] for line in one.said if line.strip()]
    assert [line for line in answers if line not in done.stdout] == []


@pytest.mark.parametrize(
    "script",
    [
        "newsletter papers --date March",
        "newsletter nonsense | cat",
        "stay newsletter nonsense",
        "newsletter nonsense; true",
    ],
)
def test_a_command_that_fails_is_noticed(script: str, prompt: Shell, home: Path) -> None:
    done = prompt(STAY + script + LAST, env=environment(home), cwd=home)
    assert done.returncode != 0


def test_one_that_stays_is_noticed_when_it_ends_badly(prompt: Shell, home: Path) -> None:
    deaf = f"{STAY}\nheedless() {{ trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done; }}\nstay heedless\n"
    assert prompt(deaf + LAST, env=environment(home), cwd=home).returncode == 9


def typed(one: Shown) -> str:
    """A command as it is given to the shell."""
    return f"stay {one.words}" if any(re.match(pattern, one.words) for pattern in STAYING) else one.words


def test_the_pages_show_commands() -> None:
    """Else the tests above would hold for nothing."""
    run = [one.words for commands in RUN.values() for one in commands]
    assert sum(words.startswith("newsletter ") for words in run) >= 50
    assert len(COMMANDS) == len(list((PROJECT / "docs").glob("*.md"))) + 1


@pytest.mark.parametrize("pattern", EXEMPT)
def test_what_is_exempt_is_shown_and_its_reason_is_there(pattern: str) -> None:
    assert any(is_one(pattern, one) for commands in COMMANDS.values() for one in commands), "no page shows it any more"
    tests = re.findall(r"tests/[\w/.]*\w", EXEMPT[pattern])
    assert all((PROJECT / path).exists() for path in tests)
    assert tests or "newsletter " not in pattern


def test_scripts_that_are_shown_are_there() -> None:
    scripts = {
        path
        for commands in COMMANDS.values()
        for one in commands
        for path in re.findall(r"python ((?:benchmarks|docs)/[\w/.]+)", one.words)
    }
    assert len(scripts) > 5
    assert [path for path in scripts if not (PROJECT / path).exists()] == []
