"""`newsletter suggest`: what a reader's own feedback says about the wording of topics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from newsletter.cli.console import AsJson, answer, answer_json, configuration, counted
from newsletter.cli.readers import OfReader, known_reader, limits
from newsletter.cli.wanted import address_asked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.model import Topic
    from newsletter.ranking.suggesting import Suggestion, Threshold, Told
    from newsletter.settings import Configuration


def suggest(context: typer.Context, subscriber: OfReader, as_json: AsJson = False) -> None:
    """Propose keywords, excluded words, authors and thresholds that a reader's own feedback supports.

    Each comes with the counts behind it; what a few papers could say by chance is not proposed. `newsletter replay`
    shows what a proposal would change.

    Example: newsletter suggest --subscriber ada@example.org
    """
    import asyncio

    from newsletter.ranking.suggesting import suggest as found_in

    loaded = configuration(context)
    address = address_asked(subscriber)
    found = [found_in(one) for one in asyncio.run(_evidence(loaded, address))]
    if as_json:
        answer_json({"subscriber": address, "topics": [_json(one) for one in found]})
        return
    if not found:
        answer(f"{address} follows no topic; `newsletter topics` lists them.")
    for one in found:
        _show(one)


async def _evidence(loaded: Configuration, address: str) -> list[Any]:
    from newsletter.assembly import opened_daily
    from newsletter.daily.suggesting import evidence

    async with opened_daily(loaded) as daily:
        reader = await known_reader(daily.store, address)
        return await evidence(daily.store, daily.publishing, loaded.topics, limits(loaded), reader)


def _json(found: Suggestion) -> dict[str, Any]:
    known = found.evidence
    threshold = found.threshold
    return {
        "slug": known.topic.slug,
        "liked": len(known.liked),
        "disliked": len(known.disliked),
        "others": len(known.others),
        "shown": len(known.shown),
        "keywords": [_told_json(one) for one in found.keywords],
        "exclude": [_told_json(one) for one in found.exclude],
        "authors": [_told_json(one) for one in found.authors],
        "min_score": {
            "value": threshold.min_score,
            "before": threshold.before,
            "kept": threshold.kept,
            "liked": threshold.liked,
            "dropped": threshold.dropped,
            "disliked": threshold.disliked,
            "silenced": threshold.silenced,
            "passed_over": threshold.passed,
        }
        if threshold
        else None,
        "why_nothing": _too_little(found) if found.empty else None,
        "toml": None if found.empty else "\n".join(_toml(found.topic)) + "\n",
    }


def _told_json(one: Told) -> dict[str, Any]:
    return {"text": one.text, "liked": one.liked, "disliked": one.disliked, "others": one.others}


def _show(found: Suggestion) -> None:
    known = found.evidence
    answer(known.topic.name)
    if found.empty:
        answer(f"  {_too_little(found)}")
        answer("")
        return
    for heading, several in (("keyword", found.keywords), ("exclude", found.exclude), ("author", found.authors)):
        for one in several:
            answer(f"  {heading:<9}  {one.text}: {_counts(one, found)}")
    if found.threshold:
        answer(f"  {'min_score':<9}  {_kept(found.threshold)}")
    answer("")
    answer("  In topics.toml, in place of the topic as it is:")
    answer("")
    for line in _toml(found.topic):
        answer(line)
    answer("")


def _counts(one: Told, found: Suggestion) -> str:
    known = found.evidence
    return (
        f"in {one.liked} of {len(known.liked)} liked, {one.disliked} of {len(known.disliked)} disliked, "
        f"{one.others} of {counted(len(known.others), 'other', 'others')}"
    )


def _kept(one: Threshold) -> str:
    return (
        f"{one.min_score:g} instead of {one.before:g} keeps {one.kept} of {one.liked} liked and drops {one.dropped} of "
        f"{one.disliked} disliked, {one.silenced} of {one.passed} passed over, as they were scored when they were sent"
    )


def _too_little(found: Suggestion) -> str:
    from newsletter.ranking.suggesting import LEAST_BY_AUTHOR, LEAST_DROPPED, LEAST_LIKED, LEAST_PAPERS

    known = found.evidence
    said = f"{counted(len(known.liked), 'like', 'likes')}, {counted(len(known.disliked), 'dislike', 'dislikes')}"
    if len(known.liked) >= LEAST_LIKED:
        return f"The feedback ({said}) asks for nothing that the topic does not say already."
    return (
        f"Too little feedback yet: {said}; a word needs {LEAST_PAPERS} papers that say it, an author "
        f"{LEAST_BY_AUTHOR}, a threshold {LEAST_LIKED} that were shown and liked and {LEAST_DROPPED} that it drops."
    )


def _toml(topic: Topic) -> Iterator[str]:
    """The topic as a table of topics.toml; what is as it is by default is left out."""
    from dataclasses import fields

    yield "[[topics]]"
    for field in fields(topic):
        value = getattr(topic, field.name)
        if value != field.default:
            yield f"{field.name} = {_toml_value(value)}"


def _toml_value(value: Any) -> str:
    """A string, a number or a list of strings. A literal string where that saves the escapes of a quoted phrase."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml_value, value))}]"
    if not isinstance(value, str):
        return f"{value}"
    if '"' in value and "'" not in value and value.isprintable():
        return f"'{value}'"
    # JSON's escapes are TOML's, but DEL needs one as well (https://toml.io/en/v1.0.0#string).
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
