"""An abstract in a sentence or two of its own: what is new, and what came out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from newsletter.text import cues
from newsletter.text.sentences import sentences

MOST_SENTENCES = 60
"""An abstract has about eight; what follows the sixtieth is not read."""

_OPENING = re.compile(
    r"(?:(?:in|with) (?:this|the present|our) (?:\w+ )?"
    r"(?:paper|work|study|article|survey|review|report|thesis),? (?=we )"
    r"|here,? (?=we\b)"
    r"|(?:specifically|concretely|notably|furthermore|moreover|additionally|in addition|in particular|finally|therefore"
    r"|thus|hence|accordingly|consequently|as a result|to(?:wards)? (?:this|that) (?:end|goal)|besides"
    r"|overall|in summary|in conclusion"
    r"|taken together|together|meanwhile|importantly|crucially|instead|further|first|second|third|next|then|indeed"
    r"|for (?:this|that) purpose|to do so|with this in mind|to the best of our knowledge|for (?:instance|example)"
    r"|(?:motivated|inspired) by th\w+(?: \w+)?|based on th\w+(?: \w+)?|in light of these \w+"
    r"|(?:in order )?to (?:address|tackle|solve|overcome|resolve|mitigate|alleviate|remedy|bridge|fill|close|deal with)"
    r" (?:this|these|those|such|the (?:above|aforementioned))\b[^,]{0,50}), "
    r"|(?:(?:our|the|extensive|comprehensive|experimental|empirical|thorough|additional|numerical|quantitative|and)\s)*"
    r"(?:experiments?|results?|evaluations?|analys[ei]s|studies)\b[^.;]{0,120}?"
    r" (?:show|demonstrate|indicate|reveal|confirm|verify|validate)s?(?: that | (?=our |the proposed )))",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+")
_CLAUSE = re.compile(r"[,;:，；：、]|\s[–—-]+(?=\s)|\s(?=(?:which|while|where|whereas|by|without|thereby|and)\s)")
_LOOSE_END = re.compile(
    r"(?:[\s,;:，；：、(\[–—-]+"
    r"|\s(?:and|or|the|an?|of|to|with|for|by|in|on|at|that|which|from|as|is|are|its|their|our|via|than|into))+$",
    re.IGNORECASE,
)

_SHORT_LIST = 5
_ENOUGH = 0.8
_NEWS = 1.5
_WORTH_OF_SECOND = 0.8
_MOST_RESULT = 3.0
_PRICE_OF_CUTTING = 0.3
_PRICE_OF_DANGLING = 1.5
_LEAST_ROOM = 50
_LEAST_BYTES = 35  # a Chinese character says as much as three Latin letters
_LONGEST_NOTICE = 130
_LATE_ENOUGH = 0.75


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A sentence of the abstract: its place, its words without the opening, and how much it says of what."""

    place: int
    text: str
    novelty: float
    result: float
    dangling: bool

    @property
    def second(self) -> float:
        """What it is worth beside another: for its result, or as a further piece of news."""
        return max(min(self.result, _MOST_RESULT), self.novelty / 2)


def summarise(abstract: str, limit: int = 280) -> str:
    """One or two sentences of `abstract` (readable text, no TeX), in its order and at most `limit` characters.

    Chosen by cue words and position: the sentence that says what is new, and one that gives the outcome where there is
    room. Opening phrases ("In this paper, ") are taken off; a sentence that is too long ends at a clause or a word
    with `…`. Deterministic; empty only for blank text or a `limit` below 1.
    """
    told = _worth_telling(sentences(" ".join(abstract.split())))
    whole = _joined(told)
    if len(whole) <= limit and len(told) <= 2:
        return whole
    candidates = [_weighed(place, sentence, len(told)) for place, sentence in enumerate(told)]
    best = max(_choices(candidates, limit), key=lambda choice: choice[0])
    return best[1]


def _worth_telling(found: list[str]) -> list[str]:
    """Without the sentences that only say where the code is: links have their own place. All, if nothing remains."""
    return [sentence for sentence in found[:MOST_SENTENCES] if not _is_availability(sentence)] or found


def _joined(parts: list[str]) -> str:
    """`parts` with spaces between them, except behind a full stop that is as wide as a character."""
    return "".join(part if part[-1] in "。！？" else f"{part} " for part in parts).rstrip()


def _is_availability(sentence: str) -> bool:
    rest = _ADDRESS.sub("", sentence)
    if len(rest) > _LONGEST_NOTICE or "%" in rest:
        return False
    return bool(cues.AVAILABILITY.search(rest) or (rest != sentence and cues.AVAILABILITY_BESIDE_ADDRESS.search(rest)))


def _weighed(place: int, sentence: str, count: int) -> _Candidate:
    background = cues.weigh(sentence, cues.BACKGROUND)
    novelty, result = cues.weigh(sentence, cues.NOVELTY), cues.weigh(sentence, cues.RESULT)
    depth = place / max(count - 1, 1)
    is_stub = len(sentence.encode()) < _LEAST_BYTES
    novelty += 0.5 * (1 - depth) * (novelty > 0) + background * (0.3 if novelty >= 2.5 else 1) - 1.5 * is_stub
    result += 0.5 * depth + background - 1.5 * is_stub
    opening = _OPENING.match(sentence)
    text = sentence[opening.end() :] if opening else sentence
    if opening and text.split(" ")[0].islower():
        text = text[0].upper() + text[1:]
    return _Candidate(place, text, novelty, result, bool(cues.DANGLING.match(text)))


def _choices(candidates: list[_Candidate], limit: int) -> Iterator[tuple[float, str]]:
    """Every summary that fits, with its worth; at least one."""
    leads = sorted(candidates, key=lambda candidate: -candidate.novelty)[:_SHORT_LIST]
    others = sorted(candidates, key=lambda candidate: -candidate.second)[:_SHORT_LIST]
    for lead in leads:
        worth = lead.novelty - _PRICE_OF_DANGLING * lead.dangling
        if len(lead.text) > limit:
            yield worth - _PRICE_OF_CUTTING, shortened(lead.text, limit)
            continue
        yield worth, lead.text
        for other in others:
            # What comes before the news and is no news itself is the state of things that it changes.
            if other is not lead and other.second >= _ENOUGH and (other.place > lead.place or other.novelty > _NEWS):
                yield from _pairs(lead, other, worth, limit)


def _pairs(lead: _Candidate, other: _Candidate, worth: float, limit: int) -> Iterator[tuple[float, str]]:
    """`lead` and `other` together, if there is room for both or for `other` up to where it still says something."""
    worth -= _PRICE_OF_DANGLING * (other.dangling and other.place != lead.place + 1)
    room = limit - len(lead.text) - 1
    first, second = (lead, other) if lead.place < other.place else (other, lead)
    if len(other.text) <= room:
        yield worth + _WORTH_OF_SECOND * other.second, _joined([first.text, second.text])
    elif room >= _LEAST_ROOM and second is other:
        kept = shortened(other.text, room)
        left = min(other.second, max(cues.weigh(kept, cues.RESULT), cues.weigh(kept, cues.NOVELTY) / 2))
        if left >= _ENOUGH:
            price = _PRICE_OF_CUTTING * (1 + 2 * (1 - len(kept) / len(other.text)))
            yield worth + _WORTH_OF_SECOND * left - price, _joined([lead.text, kept])


def shortened(text: str, limit: int) -> str:
    """`text` cut to at most `limit` characters, `…` included: at a clause that ends late enough, else at a word."""
    if len(text) <= limit:
        return text
    room = limit - 1
    if room <= 0:
        return "…"[: max(limit, 0)]
    head = text[: room + 1]
    clauses = [found.start() for found in _CLAUSE.finditer(head) if found.start() >= _LATE_ENOUGH * room]
    space = head.rfind(" ")
    cut = clauses[-1] if clauses else space if space > room // 2 else room
    head = head[:cut]
    opened = head.rfind("(")
    if opened > len(head) // 2 and ")" not in head[opened:]:
        head = head[:opened]
    return (_LOOSE_END.sub("", head) or head.rstrip()) + "…"
