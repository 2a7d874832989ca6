"""The sentences of an e-mail that depend on the reader: subject, preheader, heading, opening and closing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

WORDS_A_MINUTE = 230
"""Silent reading of non-fiction in English: M. Brysbaert, Journal of Memory and Language 109 (2019), 238."""

SUBJECT_LENGTH = 60
"""Gmail shows about 70 characters of a subject on a wide screen and 40 on a phone."""

PREHEADER_LENGTH = (60, 130)

_LOOSE_END = re.compile(r"(?: (?:an?|and|as|by|for|from|in|of|on|or|the|to|via|with))*[ ,;:.–—-]*$")
_BREAKS = re.compile(r": | [-–—] |\? ")


def count(number: int, noun: str) -> str:
    """ "1 paper", "12 papers"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(words: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def short_day(day: date) -> str:
    """ "12 March"."""
    return f"{day.day} {_MONTHS[day.month - 1]}"


def long_day(day: date) -> str:
    """ "Wednesday 12 March"."""
    return f"{_DAYS[day.weekday()]} {short_day(day)}"


def span(days: Sequence[date]) -> str:
    """ "11 March", "11 and 12 March", "28 February to 3 March"; `days` ascending, not empty."""
    first, last = days[0], days[-1]
    if first == last:
        return short_day(first)
    begin = str(first.day) if (first.month, first.year) == (last.month, last.year) else short_day(first)
    return f"{begin} {'and' if len(days) == 2 else 'to'} {short_day(last)}"


def shortened(text: str, length: int) -> str:
    """`text`, if longer than `length` characters cut with "…" at a word's end (anywhere where there are no spaces)."""
    if len(text) <= length:
        return text
    room = text[:length]  # one more than may stay, so that a word that just fits stays
    head = room.rpartition(" ")[0]
    kept = head if len(head) > length // 3 else room[:-1]
    while kept and unicodedata.combining(text[len(kept)]):  # never part a letter from its accents
        kept = kept[:-1]
    return _LOOSE_END.sub("", kept) + "…"


def short_title(title: str, length: int = 40) -> str:
    """The name a paper is known by, what stands before its colon, if that is short; else its first words."""
    head = _BREAKS.split(title, maxsplit=1)[0]
    return head if 1 < len(head) <= length else shortened(title, length)


def subject(titles: Sequence[str], day: date) -> str:
    """The first paper's point and how many more there are: 25 to 60 characters where the title allows, at most 70."""
    if not titles:
        return f"Nothing new for your topics on {short_day(day)}"
    more = f" + {count(len(titles) - 1, 'paper')}" if len(titles) > 1 else f" – your paper for {short_day(day)}"
    room = SUBJECT_LENGTH - len(more)
    first = titles[0]
    if len(first) > room:
        head = _BREAKS.split(first, maxsplit=1)[0]
        first = head if 25 - len(more) <= len(head) <= room else shortened(first, room)
    return unicodedata.normalize("NFC", first + more)


def preheader(titles: Sequence[str], topics: Sequence[str], summary: str, considered: int) -> str:
    """What an inbox shows after the subject: the next papers by name, 60 to 130 characters."""
    least, most = PREHEADER_LENGTH
    if not titles:
        said = f"{_looked(considered)} The next e-mail comes with the next find."
    elif len(titles) == 1:
        said = summary or titles[0]
    else:
        names = [short_title(title, 32) for title in titles[1:4]]
        said = "Also: " + _with_more(names[: 2 if len(titles) > 4 else 3], len(titles) - 1)
        subjects = (f" on {_with_rest(topics[:shown], len(topics))}" for shown in range(len(topics), 0, -1))
        said += next((on for on in subjects if len(said + on) <= most), "")
    for addition in (
        f" From {count(considered, 'new paper')}." if considered else "",
        " With a summary, and with code and project pages where there are any.",
    ):
        if addition and len(said) < least:
            said = (said if said.endswith((".", "…", "?", "!")) else f"{said}.") + addition
    return shortened(said.strip(), most)


def _with_more(names: Sequence[str], total: int) -> str:
    return listed([*names, f"{total - len(names)} more"]) if total > len(names) else listed(names)


def _with_rest(names: Sequence[str], total: int) -> str:
    return ", ".join(names) + (" and more" if total > len(names) else "")


def heading(day: date, days: Sequence[date], papers: int) -> str:
    """The h1. `days` are the edition days, several when a digest catches up or is weekly. "12 March" stays together."""
    when = span(days) if len(days) > 1 else long_day(day)
    return re.sub(r"(?<=[0-9]) ", "\u00a0", f"Your papers for {when}" if papers else f"Nothing new for {when}")


def opening(name: str, papers: int, considered: int, words: int) -> str:
    """The first sentence: it says what the e-mail holds, also to programs that summarise it."""
    greeting = f"Hello {name}{_turn_back(name)}. " if greetable(name) else ""
    if not papers:
        return f"{greeting}{_looked(considered)} The next e-mail comes with the next find."
    of = f" of {considered:,} new" if considered > papers else ""
    noun = "paper" if max(papers, considered if of else 0) == 1 else "papers"
    verb = "is" if papers == 1 else "are"
    minutes = max(1, round(words / WORDS_A_MINUTE))
    article = "an" if minutes in {11, 18} or str(minutes).startswith("8") else "a"
    return f"{greeting}{papers:,}{of} {noun} {verb} for you, {article} {minutes}-minute read."


def _turn_back(name: str) -> str:
    """A left-to-right mark after a name that runs from right to left, or the sentence would go on before it."""
    return "\u200e" if unicodedata.bidirectional(name[-1]) in {"R", "AL"} else ""


def _looked(considered: int) -> str:
    return (
        f"{count(considered, 'new paper')}, but none that matches what you follow." if considered else "No new papers."
    )


def greetable(name: str) -> bool:
    """Whether a greeting by this name is natural: a name of letters, nothing a mail program would turn into a link."""
    letters = all(unicodedata.category(char)[0] in "LM" or char in " '’-." for char in name)
    return 0 < len(name) <= 40 and letters and not re.search(r"\.(?! |$)", name) and any(map(str.isalpha, name))


def left_out(number: int) -> str:
    """The line below the last paper, when there were more."""
    return f"And {number:,} more {'paper' if number == 1 else 'papers'} matched." if number else ""


def reason(topics: Sequence[str], name: str) -> str:
    """Why the reader gets this e-mail; `topics` are the names of those that the reader follows."""
    if topics:
        return f"You get this e-mail because you follow: {', '.join(topics)}."
    return f"You get this e-mail because you subscribed to {name}."
