"""An abstract in a sentence or two of its own: what is new, and what came out."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from newsletter.text import cues
from newsletter.text.sentences import sentences
from newsletter.text.trimming import is_hedge, shortened, shorter_forms, without_ties

MOST_CHARACTERS = 6_000
"""An abstract has about 1,500; what follows is not read, so that no text takes long."""

_ADDRESS = re.compile(r"(?:https?://|www\.)\S+")
_ACRONYM = re.compile(r"\b[A-Z][\w-]*[A-Z][\w-]*")
_DEFINITION = re.compile(r"\(([A-Z][\w-]*[A-Z][\w-]*)\)")
_LONGER_WORD = re.compile(r"\w{5,}")

_SHORT_LIST = 6
_ENOUGH = 0.8  # what a second sentence must at least be worth
_REPEATS = 0.5  # share of words from which a second sentence says the same again
_NEWS = 1.5  # novelty from which a sentence may stand before the lead
_WORTH_OF_SECOND = 0.8
_MOST_RESULT = 6.0
_MOST_NEWS = 4.0
_OUTCOME_BESIDE = 1.3  # what came out is the better second sentence
_NEWS_BESIDE = 0.5
_POINTING_TO_LEAD = 0.4  # it may be what the lead says that is pointed at
_PRICE_OF_SHORT = 3.0  # of a single sentence that says next to nothing but a name
_SHORT_BYTES = 90
_RESULT_ALONE = 0.7  # what a result is worth where nothing says what is new
_RESULT_BESIDES = 0.3  # what it adds to the news in the same sentence
_FIRST_NEWS = 0.8  # the first thing proposed is the paper, the next ones are its parts
_THROAT = 2.0  # price of a first sentence in which the authors do not appear
_PRICE_OF_TRIMMING = 0.2  # per form that says less
_PRICE_OF_CUTTING = 1.5
_PRICE_OF_ACRONYM = 0.4
_PRICE_OF_OWN_NAME = 0.8  # the name of what is new, before it was said what it is
_MOST_FOR_STRANGERS = 1.2
_PRICE_OF_STUB = 4.0
_NUMBERED = 3.0  # a result from which on a few words are enough: "Error falls by 41%."
_LEAST_BYTES = 48  # a Chinese character says as much as three Latin letters
_LONGEST_NOTICE = 150
_PLAIN_NEWS = 3.4  # novelty from which even a sentence that begins with "Specifically" may say it first
_STEP = -1.0  # the place of one that begins with "Third" or "Moreover": never
_OWN_NEWS = 2.3  # novelty from which the names in a sentence are names of what is new


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A sentence of the abstract, or a shorter form of it: its place, and how much it says of what."""

    place: int
    text: str
    novelty: float
    result: float
    price: float
    pointing: float
    strangers: dict[str, float]
    """Short names that another sentence explains, with the price of meeting them here."""

    @property
    def lead(self) -> float:
        """What it is worth as the first or only sentence."""
        result = max(min(self.result, _MOST_RESULT), 0)
        said = self.novelty + _RESULT_BESIDES * result
        said = max(said, _RESULT_ALONE * result) if result else said
        return said - self.price - self.pointing - self._price_of_strangers()

    def beside(self, lead: _Candidate) -> float:
        """What it is worth next to `lead`: for its result, or as a further piece of news."""
        said = max(_OUTCOME_BESIDE * min(self.result, _MOST_RESULT), _NEWS_BESIDE * min(self.novelty, _MOST_NEWS))
        if said < _ENOUGH or (self.place < lead.place and self.novelty < _NEWS):
            return 0.0
        if _overlap(self.text, lead.text) >= _REPEATS:
            return 0.0
        pointing = self.pointing * (_POINTING_TO_LEAD if self.place == lead.place + 1 else 1)
        return _WORTH_OF_SECOND * said - 2 * self.price - pointing - self._price_of_strangers(lead.text)

    def _price_of_strangers(self, introduction: str = "") -> float:
        known = _ACRONYM.findall(introduction)
        return min(sum(price for name, price in self.strangers.items() if name not in known), _MOST_FOR_STRANGERS)


@dataclass(frozen=True, slots=True)
class _Names:
    """The short names of an abstract that it explains: where each comes first, and which the authors gave."""

    home: dict[str, int]
    own: frozenset[str]


def summarise(abstract: str, limit: int = 280) -> str:
    """One or two sentences of `abstract` (readable text, no TeX), in its order and at most `limit` characters.

    Chosen by cue words and position: the sentence that says what is new, and one that gives the outcome where there is
    room. Both are taken whole, but for what ties them to the sentences around them ("However, ", "In this paper, ")
    and, where room is short, a reason before or an afterthought behind. Only a single sentence that is too long even
    so ends early, at a clause or a word, with `…`. Deterministic; empty only for blank text or a `limit` below 1.
    """
    text = " ".join(abstract[:MOST_CHARACTERS].split())
    told = _worth_telling(sentences(text))
    ready = [without_ties(sentence) for sentence in told]
    whole = _joined(ready)
    if len(whole) <= limit and len(told) <= 2:
        return whole
    return max(_choices(_candidates(told, ready), limit), key=lambda choice: choice[0])[1]


def _overlap(one: str, other: str) -> float:
    """The share of the longer words of either, whichever has fewer, that are in both."""
    words, others = (frozenset(_LONGER_WORD.findall(text.lower())) for text in (one, other))
    return len(words & others) / max(min(len(words), len(others)), 1)


def _worth_telling(found: list[str]) -> list[str]:
    """Without the sentences that only say where the code is: links have their own place. All, if nothing remains."""
    return [sentence for sentence in found if not _is_availability(sentence)] or found


def _joined(parts: Sequence[str]) -> str:
    """`parts` with spaces between them, except behind a full stop that is as wide as a character."""
    return "".join(part if part[-1] in "。！？" else f"{part} " for part in parts).rstrip()


def _is_availability(sentence: str) -> bool:
    rest = _ADDRESS.sub("", sentence)
    if len(rest) > _LONGEST_NOTICE or "%" in rest:
        return False
    return bool(cues.AVAILABILITY.search(rest) or (rest != sentence and cues.AVAILABILITY_BESIDE_ADDRESS.search(rest)))


def _candidates(told: list[str], ready: list[str]) -> list[list[_Candidate]]:
    """For each sentence its forms, the longest first; `ready` is `told` without the ties."""
    places = [cues.weigh(sentence, cues.PLACE) for sentence in told]
    news = [cues.weigh(text, cues.NOVELTY) for text in ready]
    least = [_OWN_NEWS if place >= 0 else _PLAIN_NEWS if place > _STEP else math.inf for place in places]
    first_news = next((place for place, weight in enumerate(news) if weight >= least[place]), len(told))
    home: dict[str, int] = {}
    for place, text in enumerate(ready):
        for name in _ACRONYM.findall(text):
            home.setdefault(name, place)
    own = frozenset(name for name, place in home.items() if news[place] >= _OWN_NEWS)
    explained = own.union(_DEFINITION.findall(" ".join(told)))
    names = _Names({name: place for name, place in home.items() if name in explained}, own)
    last = max(len(told) - 1, 1)
    return [
        _forms(place, text, news[place], places[place] + _FIRST_NEWS * (place == first_news), place / last, names)
        for place, text in enumerate(ready)
    ]


def _forms(place: int, text: str, news: float, bonus: float, depth: float, names: _Names) -> list[_Candidate]:
    """`text`, whose cues of novelty weigh `news`, and its shorter forms; what is left out makes no form say more."""
    forms: list[_Candidate] = []
    strangers = {
        name: _PRICE_OF_OWN_NAME if name in names.own else _PRICE_OF_ACRONYM
        for name in _ACRONYM.findall(text)
        if names.home.get(name, place) != place
    }
    for count, form in enumerate([text, *shorter_forms(text)]):
        novelty, result = _weighed(form, cues.weigh(form, cues.NOVELTY) if forms else news, depth, names)
        if forms:
            novelty, result = min(novelty, forms[0].novelty - bonus), min(result, forms[0].result)
        pointing = -cues.weigh(form, cues.POINTING)
        forms.append(_Candidate(place, form, novelty + bonus, result, count * _PRICE_OF_TRIMMING, pointing, strangers))
    return forms


def _weighed(text: str, novelty: float, depth: float, names: _Names) -> tuple[float, float]:
    """How much `text`, whose cues of novelty weigh `novelty`, says of what is new, and of what came out.

    `depth` is 0 at the beginning of the abstract and 1 at its end."""
    background = cues.weigh(text, cues.BACKGROUND) - _THROAT * (depth == 0 and not cues.AUTHORS.search(text))
    stub = _PRICE_OF_STUB * (len(text.encode()) < _LEAST_BYTES)
    result = cues.weigh(text, cues.RESULT)
    subject = _ACRONYM.match(text)
    own = 0.6 * bool(subject and subject[0] in names.own)
    novelty += 0.5 * (1 - depth) * (novelty > 0) + background * (0.3 if novelty >= 2.5 else 1) + 2 * own
    return novelty - stub, result + 0.5 * depth + background + own - stub * (result < _NUMBERED)


def _choices(candidates: list[list[_Candidate]], limit: int) -> Iterator[tuple[float, str]]:
    """Every summary that fits, with its worth; at least one."""
    ranked = sorted(candidates, key=lambda forms: -forms[0].lead)[:_SHORT_LIST]
    for rank, forms in enumerate(ranked):
        if rank and forms[0].lead <= 0:
            return
        fitting = [form for form in forms if len(form.text) <= limit]
        if not fitting:
            cut = shortened(forms[-1].text, limit)
            lost = is_hedge(forms[-1].text[len(cut) - 1 :]) or forms[-1].result >= _NUMBERED  # half a claim is another
            price = _PRICE_OF_CUTTING * (2 if lost else 1)
            yield forms[-1].lead - price, cut
        for lead in fitting:
            yield lead.lead - _PRICE_OF_SHORT * (len(lead.text.encode()) < _SHORT_BYTES), lead.text
            yield from _pairs(lead, candidates, limit)


def _pairs(lead: _Candidate, candidates: list[list[_Candidate]], limit: int) -> Iterator[tuple[float, str]]:
    """`lead` with each other sentence, in its longest form that there is room for."""
    room = limit - len(lead.text) - 1
    for forms in candidates:
        other = next((form for form in forms if len(form.text) <= room), None)
        if other and other.place != lead.place and (worth := other.beside(lead)) > 0:
            first, second = sorted((lead, other), key=lambda candidate: candidate.place)
            yield lead.lead + worth, _joined([first.text, second.text])
