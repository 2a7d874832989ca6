"""`newsletter lint`: files, readers and fixtures, and the exit code that scripts rely on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from installation import Installation
from typer.testing import CliRunner, Result

from newsletter.cli.app import app
from newsletter.model import Status
from newsletter.rendering.lint import Severity, lint

ADA = "ada@example.org"
Command = Callable[..., Result]


@pytest.fixture
def command(delivered: Installation) -> Command:
    """Runs `newsletter lint ARGUMENTS` in this process; fails for any other exit code than the one expected."""

    def run(*arguments: str, expect: int = 0, stdin: bytes = b"") -> Result:
        result = CliRunner().invoke(app, ["lint", *arguments], env=delivered.environment, input=stdin)
        assert result.exit_code == expect, (result.output, result.exception)
        return result

    return run


@pytest.fixture
def good(delivered: Installation) -> bytes:
    """A message that was sent."""
    return delivered.mail()[ADA]


@pytest.fixture
def bad(good: bytes) -> bytes:
    """The same without its subject, which is an error."""
    content = re.sub(rb"^Subject:.*\n(?:[ \t].*\n)*", b"", good, flags=re.M)
    assert errors(content)
    return content


def test_a_good_message_says_what_is_accepted_and_why(command: Command, good: bytes, tmp_path: Path) -> None:
    file = tmp_path / "good.eml"
    file.write_bytes(good)
    said = command(str(file)).stdout
    accepted = [finding for finding in lint(good) if finding.allowed]
    assert f"{file}: 0 errors, 0 warnings, 0 notes. {len(accepted)} known limits are accepted" in said
    assert accepted[0].check not in said
    everything = command(str(file), "--all-findings").stdout
    assert "accepted because" in everything
    assert len(re.findall("^accepted ", everything, re.M)) == len(accepted)


def test_an_error_makes_exit_code_1_and_is_shown_first(command: Command, bad: bytes, tmp_path: Path) -> None:
    file = tmp_path / "bad.eml"
    file.write_bytes(bad)
    lines = command(str(file), expect=1).stdout.splitlines()
    assert lines[0].strip() == "Findings"
    assert re.match(r"error +M1 ", lines[2])
    assert re.search(r"bad\.eml: [1-9]\d* errors?, ", lines[-1])


def test_a_warning_leaves_the_exit_code_at_0(command: Command, good: bytes) -> None:
    content = re.sub(rb"^Subject:.*\n(?:[ \t].*\n)*", b"Subject: Hi\n", good, flags=re.M)
    [judged] = json.loads(command("-", "--json", stdin=content).stdout)
    assert "I1:short" in {one["check"] for one in judged["findings"] if one["severity"] == "warning"}
    assert re.search(r"^warning +I1:short +The subject has 2 characters", command("-", stdin=content).stdout, re.M)


def errors(content: bytes) -> int:
    return sum(finding.severity is Severity.ERROR for finding in lint(content))


def test_json_holds_every_finding_of_every_message(command: Command, bad: bytes) -> None:
    [judged] = json.loads(command("-", "--json", stdin=bad, expect=1).stdout)
    found = lint(bad)
    assert judged["message"] == "standard input"
    assert sum(judged["counts"].values()) == len(judged["findings"]) == len(found)
    assert judged["counts"]["error"] == errors(bad)
    assert judged["counts"]["accepted"] == sum(bool(finding.allowed) for finding in found)
    assert [(one["check"], one["severity"], one["what"]) for one in judged["findings"]] == [
        (finding.check, finding.severity, finding.message) for finding in found
    ]


def test_all_judges_every_active_reader(command: Command, delivered: Installation) -> None:
    readers = delivered("subscribers", "list", "--json").json
    active = {one["address"] for one in readers if one["status"] == Status.ACTIVE}
    judged = json.loads(command("--all", "--json").stdout)
    assert {one["message"] for one in judged} == {f"{address}, 2025-03-12" for address in active}
    assert [one["counts"]["error"] + one["counts"]["warning"] for one in judged] == [0] * len(active)
    said = command("--all").stdout
    assert all(address in said for address in active)
    assert f"{len(active)} messages: 0 errors" in said


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ([], "trending, 2025-03-12"),
        (["--subscriber", "ADA@example.org", "--date", "2025-03-12"], "ada@example.org, 2025-03-12"),
        (["--fixture", "long"], "fixture-long, 2025-06-04"),
    ],
)
def test_what_would_be_sent_can_be_judged(command: Command, arguments: list[str], name: str) -> None:
    [judged] = json.loads(command(*arguments, "--json").stdout)
    assert judged["message"] == name


def test_nothing_in_a_message_speaks_to_the_terminal(command: Command, good: bytes) -> None:
    content = re.sub(rb"^Subject: ", b"Subject: \x1b]0;owned\x07\x1b[2J ", good, flags=re.M)
    assert any("\x1b" in finding.where for finding in lint(content))
    assert "\x1b" not in command("-", stdin=content, expect=int(bool(errors(content)))).output


@pytest.mark.parametrize("content", [b"", b"\x00\xff" * 100, b"Dear all,\n\nno header here"])
def test_nonsense_is_called_so(command: Command, content: bytes) -> None:
    assert "This is no e-mail message" in command("-", stdin=content, expect=1).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["nowhere.eml"], 2, "nowhere.eml cannot be read: No such file"),
        (["."], 2, ". cannot be read: Is a directory"),
        (["-", "--all"], 2, "a file cannot be combined with --all"),
        (["x.eml", "--fixture", "one"], 2, "a file cannot be combined with --fixture"),
        (["--all", "--subscriber", ADA], 2, "--all cannot be combined with --subscriber"),
        (["--fixture", "one", "--date", "latest"], 2, "--fixture cannot be combined with --date"),
        (["--fixture", "some"], 2, "there is no fixture “some”"),
        (["--subscriber", "nobody@example.org"], 1, "there is no subscriber nobody@example.org"),
        (["--date", "1999-01-01"], 1, "there are no papers for 1999-01-01"),
    ],
)
def test_a_mistake_is_one_sentence(command: Command, arguments: list[str], code: int, why: str) -> None:
    result = command(*arguments, expect=code)
    assert why in " ".join(f"{result.stderr} {result.exception}".split())


def test_as_a_script_calls_it(installation: Installation, bad: bytes, tmp_path: Path) -> None:
    """A real process reads the bytes as they are, and needs no configuration to judge a file."""
    file = tmp_path / "bad.eml"
    file.write_bytes(bad)
    answered = installation("lint", str(file), "--json", expect=1, NEWSLETTER_CONFIG="/nowhere")
    assert answered.json[0]["counts"]["error"] == errors(bad)
    assert not installation.state.exists()
