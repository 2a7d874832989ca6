"""Rankings as JSON: the form in which editions are frozen, and in which processes hand them to each other."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from newsletter.model import Group, Pick, Ranking, Reason, Topic, Why
from newsletter.model.subscriber import OWN

if TYPE_CHECKING:
    from newsletter.ranking.scoring import Scored

_write = json.JSONEncoder(separators=(",", ":")).encode

_quote = json.encoder.encode_basestring_ascii

_SHARED = 1024
"""Topics that many rankings have in common, and are read once."""

_MOST_NUMBERS = 1 << 16

_FIELDS = fields(Topic)

_WHY = {one.value: one for one in Why}


@dataclass(frozen=True, slots=True)
class Record:
    """A ranking whose parts are JSON; None where the ranking has none, or does not know."""

    slug: str
    topic: str | None
    picks: str
    excluded: str | None
    groups: str | None


def record(ranking: Ranking) -> Record:
    """`ranking` as JSON."""
    return Record(
        ranking.slug,
        _topic_text(ranking.topic) if ranking.topic else None,
        _write([_fields(pick) for pick in ranking.picks]),
        None if ranking.excluded is None else _write(ranking.excluded),
        _write([asdict(group) for group in ranking.groups]) if ranking.groups else None,
    )


def recorded(scored: Scored) -> Record:
    """`record(ranking(scored))` without a ranking: of many topics, the objects would take as long as the scores."""
    kept, kept_out = scored.kept
    ids, topic = scored.candidates.ids, _write(scored.topic.slug)
    columns = []
    for name, column in scored.columns.items():
        head = f"[{_write(name)},"
        columns.append([f"{head}{_NUMBERS[one]}]" if one else "" for one in column[kept].tolist()])
    several = []
    for row, score, parts in zip(kept, scored.score[kept].tolist(), zip(*columns, strict=True), strict=True):
        why = ",".join([f"{_HEADS[kind]}{_values(values)}]}}" for kind, values in scored.facts(row)])
        several.append(
            f'{{"paper":{_quote(ids[row])},"topic":{topic},"score":{score!r},'
            f'"parts":[{",".join(filter(None, parts))}],"reasons":[{why}]}}'
        )
    return Record(scored.topic.slug, _topic_text(scored.topic), f"[{','.join(several)}]", _write(kept_out), None)


class _Numbers(dict[float, str]):
    """Numbers of four digits as JSON, of which many come again and again; 0, which has two signs, is none of them."""

    def __missing__(self, number: float) -> str:
        if len(self) >= _MOST_NUMBERS:
            self.clear()
        found = self[number] = repr(number)
        return found


_NUMBERS = _Numbers()

_HEADS = {kind: f'{{"kind":"{kind}","values":[' for kind in Why}


def _values(several: Sequence[str | int]) -> str:
    return ",".join([_quote(one) if isinstance(one, str) else _write(one) for one in several])


def of_record(found: Record) -> Ranking:
    """The ranking that a record is of."""
    return Ranking(
        _topic(found.slug, found.topic) if found.topic else None,
        _picks(json.loads(found.picks)),
        None if found.excluded is None else tuple(json.loads(found.excluded)),
        tuple(Group(tuple(one["label"]), tuple(one["papers"])) for one in json.loads(found.groups or "[]")),
    )


def among(found: Record, papers: Collection[str]) -> Record:
    """The same without the picks that are none of `papers`."""
    picks = json.loads(found.picks)
    kept = [pick for pick in picks if pick["paper"] in papers]
    return found if len(kept) == len(picks) else replace(found, picks=_write(kept))


def _topic(slug: str, text: str) -> Topic:
    # What readers worded themselves is not kept: nobody knows when they are forgotten.
    return _read_topic(text) if slug.startswith(OWN) else _shared_topic(text)


@lru_cache(maxsize=_SHARED)
def _shared_topic(text: str) -> Topic:
    return _read_topic(text)


def _read_topic(text: str) -> Topic:
    """A topic from its JSON; fields that were not known when it was written have their defaults."""
    fields: dict[str, Any] = json.loads(text)
    values: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in fields.items()}
    return Topic(**values)


def _topic_text(topic: Topic) -> str:
    # All fields are plain: nothing has to be copied.
    return _write({one.name: getattr(topic, one.name) for one in _FIELDS})


def _picks(several: Sequence[Mapping[str, Any]]) -> tuple[Pick, ...]:
    return tuple(
        [
            Pick(
                one["paper"],
                one["topic"],
                one["score"],
                tuple(map(tuple, one["parts"])),
                tuple([_reason(reason) for reason in one["reasons"]]),
            )
            for one in several
        ]
    )


def _fields(pick: Pick) -> dict[str, object]:
    return {
        "paper": pick.paper,
        "topic": pick.topic,
        "score": pick.score,
        "parts": pick.parts,
        "reasons": [{"kind": reason.kind, "values": reason.values} for reason in pick.reasons],
    }


def _reason(fields: Mapping[str, Any] | str) -> Reason:
    if isinstance(fields, str):
        return Reason(Why.TEXT, (fields,))
    return Reason(_WHY[fields["kind"]], tuple(fields["values"]))
