"""What pydantic found wrong, as sentences that name the place and the remedy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from newsletter.errors import Fault

Place = tuple[str | int, ...]

_SENTENCES = {
    "missing": "is missing",
    "string_type": "must be text in quotes",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list in square brackets",
    "tuple_type": "must be a list in square brackets",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "path_type": "must be a path in quotes",
}

# What stands under these keys is shown in no sentence.
_SECRET = {"password", "passwords", "secret_keys", "token", "key", "channel_urls"}


def faults_of(error: ValidationError, model: type[BaseModel], where: Callable[[Place], tuple[str, str]]) -> list[Fault]:
    """One Fault for each error. `where` tells file (or environment variable) and key of a place in `model`."""
    found = []
    details = error.errors(include_url=False)
    for detail in details:
        place = tuple(detail["loc"])
        if detail["type"] == "too_short" and any(
            place == other["loc"][: len(place)] != other["loc"] for other in details
        ):
            continue  # it is too short because what was in it could not be read, which is said
        file, key = where(place)
        found.append(Fault(file, key, _sentence(dict(detail), place, model)))
    return found


def key_of(place: Place) -> str:
    """A place as a key of the file, list entries counted from 1: `sources[1].path`."""
    text = ""
    for step in place:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def _sentence(detail: dict[str, Any], place: Place, model: type[BaseModel]) -> str:
    kind, given = str(detail["type"]), detail.get("input")
    context = detail.get("ctx", {})
    if kind == "extra_forbidden":
        return f"there is no such setting{_suggestion(str(place[-1]), _keys_at(model, place[:-1]))}"
    if kind in {"value_error", "json_invalid"}:
        return str(context.get("error", detail["msg"])).removeprefix("Value error, ")
    if kind in {"enum", "literal_error"}:
        wanted = str(context["expected"]).replace("'", "“").replace("““", "“")
        return f"must be one of {_quoted(wanted)}{_got(given, place)}"
    if kind == "string_pattern_mismatch":
        return f"{_PATTERNS.get(str(context['pattern']), 'has a form that is not allowed')}{_got(given, place)}"
    if kind in _SENTENCES:
        return f"{_SENTENCES[kind]}{'' if kind == 'missing' else _got(given, place)}"
    message = str(detail["msg"]).replace("Input should", "must")
    return f"{message if message[:2].isupper() else message[:1].lower() + message[1:]}{_got(given, place)}"


_PATTERNS = {
    r"^$|^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$": "must look like papers.example.org",
    r"^#[0-9a-fA-F]{6}$": "must be a colour like “#0b5394”",
    r"^[a-z0-9]+(_[a-z0-9]+)*$": "must be lower-case letters, digits and single underscores, like “second_one”",
    r"^[a-z0-9]+(-[a-z0-9]+)*$": "must be lower-case letters, digits and single hyphens, like “neural-fields”",
}


def _quoted(expected: str) -> str:
    words = [word.strip(" “”'\"") for word in expected.replace(" or ", ", ").split(",")]
    return ", ".join(f"“{word}”" for word in words)


def _got(given: Any, place: Place) -> str:
    secret = any(str(step) in _SECRET for step in place)
    if secret or isinstance(given, (dict, list)):
        return ""
    # As the file writes it: TOML's true is Python's True.
    shown = f"“{given}”" if isinstance(given, str) else str(given).lower() if isinstance(given, bool) else f"{given}"
    return f", not {shown[:80]}"


def _keys_at(model: type[BaseModel], place: Sequence[str | int]) -> list[str]:
    """The setting names of the table at `place`."""
    current: Any = model
    for step in place:
        if isinstance(step, int) or not hasattr(current, "model_fields"):
            continue
        field = current.model_fields.get(step)
        current = _table_of(field.annotation) if field else None
    return list(current.model_fields) if hasattr(current, "model_fields") else []


def _table_of(annotation: Any) -> Any:
    """The table class of a field: itself, or the one inside `tuple[Table, ...]`."""
    inner = getattr(annotation, "__args__", ())
    return next((part for part in inner if hasattr(part, "model_fields")), annotation)


def _suggestion(key: str, known: Sequence[str]) -> str:
    near = get_close_matches(key, known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean “{near[0]}”?"
    return f"; known here: {', '.join(known)}" if known else ""
