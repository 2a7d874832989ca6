"""`newsletter lint`: what mail programs and readers would stumble over."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsletter.cli.console import (
    AsJson,
    answer,
    answer_json,
    answer_table,
    configuration,
    counted,
    progress_bar,
)
from newsletter.cli.wanted import OfDay, OfFixture, Wanted, exclude, wanted

if TYPE_CHECKING:
    from newsletter.rendering.lint import Finding
    from newsletter.settings import Configuration

Judged = Mapping[str, Sequence["Finding"]]
"""What was found, by the name of the message."""

ACCEPTED = "accepted"
KINDS = ("error", "warning", "note", ACCEPTED)


def lint(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE.eml]", help="A message, - for standard input.", show_default=False)
    ] = None,
    subscriber: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="The message that this subscriber would get.")
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="The messages of all active subscribers.")] = False,
    day: OfDay = None,
    fixture: OfFixture = None,
    all_findings: Annotated[
        bool, typer.Option("--all-findings", help="Show what is accepted too, with the reasons.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check an e-mail against what programs support and readers need; nothing is sent.

    Without a file, a subscriber or a fixture, it is what a reader without topics would get. Exit code 1 when there is
    an error (a run stops for one in the messages its wire gate looks at); warnings and notes leave it at 0.

    Example: newsletter lint --all
    """
    if file:
        options = {"--subscriber": subscriber, "--all": everybody, "--date": day, "--fixture": fixture}
        exclude("a file", options)
        judged = _of_file(file)
    else:
        if everybody:
            exclude("--all", {"--subscriber": subscriber, "--fixture": fixture})
        about = wanted(subscriber=subscriber, day=day, fixture=fixture)
        judged = _of_composed(configuration(context), about, everybody)
    if as_json:
        answer_json([_json(name, findings) for name, findings in judged.items()])
    else:
        _show(judged, all_findings)
    raise typer.Exit(1 if any(_kind(one) == "error" for findings in judged.values() for one in findings) else 0)


def _of_file(file: Path) -> Judged:
    from newsletter.rendering.lint import lint

    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}") from None
    return {"standard input" if str(file) == "-" else str(file): lint(content)}


def _of_composed(loaded: Configuration, about: Wanted, everybody: bool) -> Judged:
    import asyncio
    from dataclasses import replace

    from newsletter.assembly import opened_daily
    from newsletter.model import Status
    from newsletter.rendering.lint import lint

    async def go() -> dict[str, list[Finding]]:
        judged = {}
        with progress_bar() as progress:
            async with opened_daily(loaded) as daily:
                readers = await daily.store.subscribers.all() if everybody else []
                active = [replace(about, subscriber=one.address) for one in readers if one.status is Status.ACTIVE]
                messages = active if everybody else [about]
                for number, one in enumerate(messages):
                    progress("Checking", number, len(messages))
                    made = await one.make(daily, loaded)
                    judged[f"{one.name}, {made.digest.day}"] = lint(made.message.content)
        return judged

    return asyncio.run(go())


def _kind(finding: Finding) -> str:
    return ACCEPTED if finding.allowed else str(finding.severity)


def _counts(findings: Sequence[Finding]) -> dict[str, int]:
    counts = Counter(map(_kind, findings))
    return {kind: counts[kind] for kind in KINDS}


def _json(name: str, findings: Sequence[Finding]) -> dict[str, Any]:
    return {
        "message": name,
        "counts": _counts(findings),
        "findings": [
            {
                "check": one.check,
                "severity": one.severity,
                "what": one.message,
                "where": one.where,
                "accepted_because": one.allowed or None,
            }
            for one in findings
        ],
    }


def _show(judged: Judged, all_findings: bool) -> None:
    """The messages with their counts, then every finding once, with how many messages have it."""
    if not judged:
        answer("There is no active subscriber; `newsletter subscribers import` takes some.")
        return
    counts = {name: _counts(findings) for name, findings in judged.items()}
    if len(judged) > 1:
        rows = [(name, *numbers.values()) for name, numbers in counts.items()]
        answer_table(f"{len(judged)} messages", ("message", "errors", "warnings", "notes", ACCEPTED), rows, _NUMBERS)
    found = _together(judged)
    if shown := [one for one in found if all_findings or not one.allowed]:
        columns = ("kind", "check", "what", "where") + (("accepted because",) if all_findings else ())
        columns += ("messages",) if len(judged) > 1 else ()
        rows = [tuple(_row(one, found[one])[column] for column in columns) for one in shown]
        answer_table("Findings", columns, rows, _NUMBERS)
    answer(_conclusion(counts, sum(bool(one.allowed) for one in found), all_findings))


_NUMBERS = ("errors", "warnings", "notes", ACCEPTED, "messages")


def _together(judged: Judged) -> dict[Finding, int]:
    """Each finding once, in the first place where it was found, with the number of messages that have it."""
    first: dict[tuple[str, str], Finding] = {}
    messages: Counter[tuple[str, str]] = Counter()
    for findings in judged.values():
        for one in findings:
            first.setdefault((one.check, one.message), one)
            messages[one.check, one.message] += 1
    order = sorted(first.values(), key=lambda one: KINDS.index(_kind(one)))
    return {one: messages[one.check, one.message] for one in order}


def _row(one: Finding, messages: int) -> dict[str, object]:
    from newsletter.text import clean

    return {
        "kind": _kind(one),
        "check": one.check,
        # Papers' words, or any file's: nothing in them may speak to the terminal.
        "what": clean(one.message),
        "where": clean(one.where),
        "accepted because": one.allowed,
        "messages": messages,
    }


def _conclusion(counts: Mapping[str, Mapping[str, int]], accepted: int, all_findings: bool) -> str:
    errors, warnings, notes = (sum(one[kind] for one in counts.values()) for kind in KINDS[:3])
    what = next(iter(counts)) if len(counts) == 1 else counted(len(counts), "message", "messages")
    said = ", ".join(
        (counted(errors, "error", "errors"), counted(warnings, "warning", "warnings"), counted(notes, "note", "notes"))
    )
    if not accepted:
        return f"{what}: {said}."
    known = counted(accepted, "known limit is", "known limits are")
    return f"{what}: {said}. {known} accepted, for written reasons{'' if all_findings else ' (--all-findings)'}."
