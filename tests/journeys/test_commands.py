"""The other commands, as scripts and people rely on them."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from databases import execute
from installation import Installation

COMMANDS = [
    ["run"],
    ["preview"],
    ["lint"],
    ["templates", "list"],
    ["templates", "eject"],
    ["schedule"],
    ["serve"],
    ["worker"],
    ["collect"],
    ["papers"],
    ["topics"],
    ["channels"],
    ["rank"],
    ["explain"],
    ["replay"],
    ["suggest"],
    ["feedback", "list"],
    ["feedback", "add"],
    ["feedback", "undo"],
    ["feedback", "reset"],
    ["subscribers", "list"],
    ["subscribers", "import"],
    ["subscribers", "export"],
    ["subscribers", "leave"],
    ["status"],
    ["deliveries"],
    ["resend"],
    ["reconcile"],
    ["bounces"],
    ["suppressions", "list"],
    ["suppressions", "add"],
    ["suppressions", "remove"],
    ["doctor"],
    ["plan-capacity"],
    ["db", "copy"],
    ["db", "migrate"],
    ["db", "check"],
    ["db", "backup"],
    ["db", "restore"],
    ["prune"],
    ["export"],
    ["forget"],
    ["dkim", "new"],
    ["config", "show"],
    ["config", "check"],
    ["init"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(installation: Installation, command: list[str]) -> None:
    assert "Example:" in installation(*command, "--help").out


def test_help_names_the_exit_codes_and_every_command(installation: Installation) -> None:
    text = installation("--help").out
    assert "Exit codes" in text
    assert all(re.search(rf"^  {command[0]} ", text, re.M) for command in COMMANDS)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, newsletter.cli; heavy = {'sqlalchemy', 'jinja2', 'premailer', 'pydantic', 'aiosmtplib', 'alembic',"
        " 'lxml', 'apscheduler', 'rich.console'}; print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_papers_as_json(delivered: Installation) -> None:
    papers = delivered("papers", "--json").json
    assert len(papers) == len({paper["id"] for paper in papers}) == 107
    fields = {"id", "title", "abstract", "raw_title", "raw_abstract", "authors", "links", "listings"}
    assert all(fields <= set(paper) for paper in papers)
    by_title = {paper["title"]: paper for paper in papers}
    both = [paper for paper in papers if len(paper["listings"]) == 2]
    assert len(both) == 6
    assert {one["day"] for one in both[0]["listings"]} == {"2025-03-11", "2025-03-12"}
    napa = by_title[
        "NAPA-VQ: Neighborhood Aware Prototype Augmentation with Vector Quantization for Continual Learning"
    ]
    assert napa["links"] == [{"kind": "code", "url": "https://github.com/TamashaM/NAPA-VQ"}]
    assert "360°" in by_title["You Only Scan Once: Efficient Multi-dimension Sequential Modeling with LightNet"][
        "abstract"
    ] or any("360°" in paper["abstract"] for paper in papers)
    assert any("\\textbf{" in paper["raw_abstract"] for paper in papers)
    assert not any("\\textbf" in paper["abstract"] for paper in papers)


def test_papers_by_day_and_words(delivered: Installation) -> None:
    assert len(delivered("papers", "--json", "--date", "2025-03-11").json) == 60
    assert len(delivered("papers", "--json", "--date", "2025-03-12").json) == 53
    found = delivered("papers", "--json", "--search", "vocabulary-FREE image").json
    assert len(found) == 2
    assert delivered("papers", "--json", "--search", "nothing-has-this-word").json == []
    assert "107 papers" in delivered("papers").out


def test_topics_as_json(delivered: Installation) -> None:
    topics = delivered("topics", "--json").json
    assert len(topics) >= 6
    assert all({"slug", "name", "description", "keywords", "exclude"} <= set(topic) for topic in topics)


def test_status_balances(delivered: Installation) -> None:
    status = delivered("status", "--json").json
    assert status["deliveries"]["accepted"] == 4
    assert sum(status["deliveries"].values()) == 4
    assert status["balanced"] is True
    assert status["editions"] == ["2025-03-12"]
    assert "balanced" in delivered("status").out


def test_status_says_so_when_the_ledger_does_not_add_up(installation: Installation) -> None:
    installation("run", "--date", "latest")
    execute(installation.database, "DELETE FROM deliveries WHERE id = 1")
    assert installation("status", "--json", expect=1).json["balanced"] is False
    assert "NOT BALANCED" in installation("status", expect=1).out


def test_everything_in_the_state_folder_is_private(delivered: Installation) -> None:
    open_to_others = [
        path
        for path in [delivered.state, *delivered.state.rglob("*")]
        if stat.S_IMODE(path.stat().st_mode) & 0o077 and not path.is_relative_to(delivered.state / "outbox" / "new")
    ]
    assert stat.S_IMODE(delivered.state.stat().st_mode) == 0o700
    assert open_to_others == []


def test_keys_are_made_once_and_kept_private(installation: Installation) -> None:
    own = {"NEWSLETTER_SECRET_KEYS": ""}
    installation("preview", **own)
    path = installation.state / "secret_keys"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first = path.read_text()
    assert len(first.strip()) >= 32
    installation("preview", **own)
    assert path.read_text() == first


def test_preview_in_every_form(delivered: Installation, tmp_path: Path) -> None:
    mei = ["--subscriber", "mei@example.org"]
    html = delivered("preview", *mei, "--format", "html", "--out", str(tmp_path / "a.html")).out.strip()
    assert Path(html).read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    text = delivered("preview", *mei, "--format", "text", "--out", "-").out
    assert "Unsubscribe" in text
    assert "<td" not in text
    headers = delivered("preview", "--topic", "brain-decoding", "--format", "headers", "--out", "-").out
    assert re.search(r"^Subject: .{20,}", headers, re.M)
    written = delivered("preview").out.strip()
    assert (delivered.state.parent / written).is_file()
    assert "Trending" in (delivered.state.parent / written).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["preview", "--subscriber", "nobody@example.org"], 1, "there is no subscriber"),
        (["preview", "--subscriber", "nobody"], 2, "is not an e-mail address"),
        (["preview", "--topic", "nothing"], 1, "there is no topic “nothing”"),
        (["preview", "--topic", "x", "--subscriber", "y"], 2, "not both"),
        (["preview", "--date", "1999-01-01"], 1, "there are no papers for 1999-01-01; the newest day is 2025-03-12"),
        (["preview", "--out", "/proc/nowhere/x"], 1, "cannot be written"),
        (["--config", "/nowhere", "status"], 2, "newsletter init"),
        (["subscribers", "import", "/nowhere.csv"], 2, "cannot be read"),
        (["subscribers", "leave", "nobody"], 2, "is not an e-mail address"),
        (["papers", "--date", "March"], 2, "is not a day"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_a_mistake_is_one_sentence_and_no_traceback(
    delivered: Installation, arguments: list[str], code: int, why: str
) -> None:
    assert why in " ".join(delivered(*arguments, expect=code).err.split())


def test_config_show_names_origins_and_masks_secrets(installation: Installation) -> None:
    secrets = {"NEWSLETTER_SMTP__PASSWORD": "hunter2-hunter2", "NEWSLETTER_SMTP__PORT": "2525"}
    rows = {row["key"]: row for row in installation("config", "show", "--json", **secrets).json}
    assert rows["smtp.port"] == {"key": "smtp.port", "value": 2525, "origin": "environment"}
    assert rows["sources"]["origin"] == "newsletter.toml"
    assert rows["schedule.at"]["origin"] == "default"
    shown = installation("config", "show", **secrets)
    assert "hunter2" not in shown.out + shown.err + str(rows)
    assert "2525" in shown.out


def test_config_check_passes_warns_and_fails(installation: Installation, folder: Callable[..., Path]) -> None:
    papers = folder()
    assert "is fine" in installation("--config", str(papers), "config", "check").out
    assert "sample address" in installation("config", "check", NEWSLETTER_SMTP__HOST="mail.example.net").err
    with (papers / "topics.toml").open("a") as file:
        file.write('\n[[topics]]\nslug = "X Y"\n')
    lines = installation("--config", str(papers), "config", "check", expect=2).err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("topics.toml: topics[9].") for line in lines)


def test_init_makes_a_folder_that_works_and_never_overwrites(installation: Installation, tmp_path: Path) -> None:
    papers = tmp_path / "my papers"
    assert "--config" in installation("init", str(papers)).out
    environment = {"NEWSLETTER_STATE_DIR": str(papers / "var")}
    report = installation("--config", str(papers), "run", "--date", "latest", "--json", **environment).json
    assert [one["state"] for one in report["deliveries"]] == ["accepted"] * 4
    assert "is there already" in installation("init", str(papers), expect=2).err


def test_collect_takes_paths_and_says_what_came(installation: Installation, tmp_path: Path) -> None:
    document = tmp_path / "2025-03-13.txt"
    document.write_text(
        "byAK and the research community\n\nMar 13\n\nA New Paper About Testing\n\n"
        "We test a great many things in this paper, and all of them work as they should. Nothing was left out.\n"
    )
    batches = installation("collect", str(document), "--json").json
    assert [(batch["document"], batch["papers"], batch["new"]) for batch in batches][-1] == ("2025-03-13.txt", 1, 1)
    assert len(batches) == 3
    assert batches[-1]["day"] == "2025-03-13"
    assert installation("status", "--json").json["newest"] == "2025-03-13"
    assert {batch["verdict"] for batch in installation("collect", str(document), "--json").json} == {"same"}


def test_readers_come_by_csv_get_mail_and_go(installation: Installation, tmp_path: Path) -> None:
    csv = tmp_path / "readers.csv"
    csv.write_text(
        "address,name,topics,timezone,hour,rhythm,locale\n"
        "eve@example.org,Eve,medical-imaging;embodied-ai,Asia/Tokyo,6,daily,\n"
        "bad,,,,,,\n"
        "wren@example.org,,,,,weekdays,de\n"
    )
    answered = installation("subscribers", "import", str(csv), expect=3)
    assert "2 added" in answered.out
    assert f"{csv}:3: " in answered.err
    listed = {one["address"]: one for one in installation("subscribers", "list", "--json").json}
    assert len(listed) == 6
    eve = listed["eve@example.org"]
    assert (eve["topics"], eve["timezone"], eve["hour"], eve["rhythm"], eve["status"]) == (
        ["medical-imaging", "embodied-ai"],
        "Asia/Tokyo",
        6,
        "daily",
        "active",
    )
    assert {address: one["locale"] for address, one in listed.items() if one["locale"]} == {"wren@example.org": "de"}
    installation("subscribers", "leave", "eve@example.org")
    installation("run", "--date", "latest")
    assert "wren@example.org" in installation.mail()
    assert "eve@example.org" not in installation.mail()
    exported = installation("subscribers", "export").out
    assert exported.splitlines()[0] == "address,name,topics,timezone,hour,rhythm,locale"
    assert "wren@example.org,,,UTC,7,weekdays,de" in exported.splitlines()
    assert "eve@" not in exported
    again = installation("subscribers", "import", "-", stdin=exported, expect=3)
    assert "0 added, 1 updated, 4 rows not taken" in again.out
    assert "belongs to subscribers.toml" in again.err


def test_the_schedule_makes_the_edition_at_its_time_and_ends_cleanly(installation: Installation) -> None:
    """A real process, a time set close, SIGTERM: the edition is made, the next run is told, exit code 0."""
    for seconds in (3, 10, 30):
        soon = datetime.now(UTC) + timedelta(seconds=seconds)
        if (told := scheduled(installation, soon)) is not None:
            break  # else the machine was so busy that the command began after its time
    assert told is not None
    out, err = told
    assert f"edition of {soon:%Y-%m-%d}: 1 paper" in out, out + err
    runs = re.findall(r"next run: \w+ (\S+ \S+) UTC", out)
    assert runs == [f"{when:%Y-%m-%d %H:%M:%S}" for when in (soon, soon + timedelta(days=1))]
    assert "stopping" in out
    # Lines of log, and nothing else.
    assert {json.loads(line)["level"] for line in err.splitlines()} == {"info"}
    coming = installation("schedule", "--next", "1d", "--subscriber", "ada@example.org", "--json").json
    assert [one["what"].startswith("the digest of ") for one in coming] == [True]


def scheduled(installation: Installation, soon: datetime) -> tuple[str, str] | None:
    """What `newsletter schedule` with a run at `soon` says until it is told to end after that run; None when it had not
    begun by then."""
    # A document of today, so that the run has something to send.
    documents = installation.state.parent / "documents"
    documents.mkdir(exist_ok=True)
    (documents / f"{soon:%Y-%m-%d}.txt").write_text(
        f"{soon:%b} {soon.day}, {soon.year}\n\nA Neural Field for Robotics and Navigation\n\n"
        "We present a neural radiance field for robots that navigate. It improves accuracy by 12% over the best one.\n"
    )
    sources = f'[{{"kind": "listing", "name": "today", "path": "{documents}"}}]'
    environment = {
        **installation.environment,
        "NEWSLETTER_SCHEDULE__AT": f"{soon:%H:%M:%S}",
        "NEWSLETTER_SOURCES": sources,
        "PYTHONUNBUFFERED": "1",
    }
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "newsletter", "schedule"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            assert process.stdout is not None  # it is a pipe
            out = process.stdout.readline()
            is_in_time = f"{soon:%Y-%m-%d %H:%M:%S}" in out
            told = ("edition of", f"next run: {soon + timedelta(days=1):%A}")
            while is_in_time and not all(one in out for one in told) and (line := process.stdout.readline()):
                out += line
        finally:
            process.send_signal(signal.SIGTERM)
        rest, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + rest + err
    return (out + rest, err) if is_in_time else None


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--next", "soon"], "like 36h or 7d"),
        (["--next", "0d"], "like 36h or 7d"),
        (["--next", "53w"], "a year at the most"),
        (["--next", "７d"], "like 36h or 7d"),
        (["--json"], "are for --next"),
        (["--subscriber", "ada@example.org"], "are for --next"),
    ],
)
def test_what_next_cannot_tell(installation: Installation, arguments: list[str], why: str) -> None:
    said = installation("schedule", *arguments, expect=2)
    assert why in " ".join(said.err.split())


def test_what_will_happen_and_why(installation: Installation) -> None:
    told = installation("schedule", "--next", "8d", "--json").json
    assert {one["what"].split(" of ")[0] for one in told} == {"the edition", "digests", "what is too old goes"}
    assert all(datetime.fromisoformat(one["at"]).tzinfo for one in told)
    assert [one["at"] for one in told if one["what"].startswith("the edition")] == [
        one["at"] for one in told if one["why"].startswith("schedule.at")
    ]
    assert "weekdays, from 07:00 in Europe/Madrid" in installation("schedule", "--next", "8d").out
    assert "nobody reads at" in installation("schedule", "--next", "1d", "--subscriber", "x@y.org", expect=1).err


def test_two_runs_at_once_send_each_message_once(installation: Installation) -> None:
    command = [sys.executable, "-m", "newsletter", "run", "--date", "latest"]
    both = [
        subprocess.Popen(command, env=installation.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=60) for process in both]
    assert {process.returncode for process in both} <= {0, 3}, said
    assert len(list((installation.state / "outbox" / "new").iterdir())) == 4
    assert installation("status", "--json").json["deliveries"]["accepted"] == 4


def test_a_killed_run_goes_on_where_it_stopped(installation: Installation) -> None:
    """SIGKILL at some point of a run; the next one completes it and nobody gets a second message."""
    process = subprocess.Popen(
        [sys.executable, "-m", "newsletter", "run", "--date", "latest"],
        env=installation.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    while not (installation.state / "running").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    installation("run", "--date", "latest")
    assert len(installation.mail()) == 4
    assert len(list((installation.state / "outbox" / "new").iterdir())) == 4
    assert installation("status", "--json").json["balanced"] is True


@pytest.mark.parametrize(("queues", "said"), [(",", "--queues names no step"), ("deliver,plans", "knows no “plans”")])
def test_queues_that_there_are_not_are_a_sentence(installation: Installation, queues: str, said: str) -> None:
    fleet = {"NEWSLETTER_DATABASE__URL": "postgresql://127.0.0.1:1/papers", "NEWSLETTER_DISPATCH": "fleet"}
    answered = installation("worker", "--queues", queues, expect=2, **fleet).err
    assert said in answered
    assert "there are confirm, collect, freeze" in answered
