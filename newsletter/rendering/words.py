"""The sentences of an e-mail that depend on the reader: subject, preheader, heading, opening and closing.

Every function takes the reader's language first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date

from newsletter.languages import Language
from newsletter.model import Answered, Reason, Verdict, Why
from newsletter.rendering.look import Look
from newsletter.text import clean

WORDS_A_MINUTE = 230
"""Silent reading of non-fiction in English: M. Brysbaert, Journal of Memory and Language 109 (2019), 238."""

SUBJECT_LENGTH = 60
"""Gmail shows about 70 characters of a subject on a wide screen and 40 on a phone."""

PREHEADER_LENGTH = (60, 130)

_MOST_NAMED = 10
LONGEST_GREETED = 40
"""Characters of a name that is greeted."""

_LOOSE_END = re.compile(r"(?: (?:an?|and|as|by|for|from|in|of|on|or|the|to|via|with))*[ ,;:.–—-]*$")
_BREAKS = re.compile(r": | [-–—] |\? ")


def papers(language: Language, number: int) -> str:
    """ "1 paper", "12 papers"."""
    return language.count("%(number)s paper", "%(number)s papers", number)


def short_day(language: Language, day: date) -> str:
    """ "12 March"."""
    return language.date(day, "d MMMM")


def long_day(language: Language, day: date) -> str:
    """ "Wednesday 12 March"."""
    return language.date(day, "EEEE d MMMM")


def full_day(language: Language, day: date) -> str:
    """ "12 March 2025"."""
    return language.date(day, "d MMMM y")


def span(language: Language, days: Sequence[date]) -> str:
    """ "11 March", "11 and 12 March", "28 February to 3 March"; `days` ascending, not empty."""
    first, last = days[0], days[-1]
    if first == last:
        return short_day(language, first)
    same_month = (first.month, first.year) == (last.month, last.year)
    begin = language.date(first, "d") if same_month else short_day(language, first)
    return language.say(
        "%(first)s and %(last)s" if len(days) == 2 else "%(first)s to %(last)s",
        first=begin,
        last=short_day(language, last),
    )


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


def subject(language: Language, titles: Sequence[str], day: date, days: Sequence[date] = ()) -> str:
    """The first paper's point and how many more there are: 25 to 60 characters where the title allows, at most 70. A
    title that has room only without the number goes without: the preheader says it too. Of several `days` it says which
    before anything else."""
    several = len(days) > 1
    when = span(language, days) if several else short_day(language, day)
    if not titles:
        if several:
            return language.say("Nothing new for your topics, %(days)s", days=when)
        return language.say("Nothing new for your topics on %(day)s", day=when)

    def said(title: str) -> str:
        if several and len(titles) == 1:
            return language.say("%(days)s: %(title)s", days=when, title=title)
        if several:
            return language.count(
                "%(days)s: %(title)s + %(number)s paper",
                "%(days)s: %(title)s + %(number)s papers",
                len(titles) - 1,
                days=when,
                title=title,
            )
        if len(titles) == 1:
            return language.say("%(title)s – your paper for %(day)s", title=title, day=when)
        return language.count(
            "%(title)s + %(number)s paper", "%(title)s + %(number)s papers", len(titles) - 1, title=title
        )

    rest, first = len(said("")), titles[0]
    room = SUBJECT_LENGTH - rest
    if not several and room < len(first) <= SUBJECT_LENGTH:
        return unicodedata.normalize("NFC", first)
    if len(first) > room:
        head = _BREAKS.split(first, maxsplit=1)[0]
        first = head if 25 - rest <= len(head) <= room else shortened(first, room)
    return unicodedata.normalize("NFC", said(first))


def preheader(language: Language, titles: Sequence[str], topics: Sequence[str], summary: str, considered: int) -> str:
    """What an inbox shows after the subject: the next papers by name, 60 to 130 characters."""
    least, most = PREHEADER_LENGTH
    if not titles:
        said = _nothing(language, considered)
    elif len(titles) == 1:
        said = summary or titles[0]
    else:
        said = _next_ones(language, titles[1:])
        endings = (_on(language, topics[:shown], len(topics)) for shown in range(len(topics), 0, -1))
        said += next((on for on in endings if len(said + on) <= most), "")
    for addition in (
        language.count("From %(number)s new paper.", "From %(number)s new papers.", considered) if considered else "",
        language.say("With a summary, and with code and project pages where there are any."),
    ):
        if addition and len(said) < least:
            said = f"{said if said.endswith(('.', '…', '?', '!', '。')) else f'{said}.'} {addition}"
    return shortened(said.strip(), most)


def _next_ones(language: Language, titles: Sequence[str]) -> str:
    names = [short_title(title, 32) for title in titles[: 3 if len(titles) == 3 else 2]]
    if more := len(titles) - len(names):
        names.append(language.count("%(number)s more", "%(number)s more", more))
    return language.say("Also: %(papers)s", papers=language.listed(names))


def _on(language: Language, topics: Sequence[str], total: int) -> str:
    named = ", ".join(topics)
    if total > len(topics):
        return language.say(" on %(topics)s and more", topics=named)
    return language.say(" on %(topics)s", topics=named)


def heading(language: Language, day: date, days: Sequence[date], papers: int) -> str:
    """The h1. `days` are the edition days, several when a digest catches up or is weekly. "12 March" stays together."""
    when = re.sub(r"(?<=[0-9])(\.?) ", "\\1\u00a0", span(language, days) if len(days) > 1 else long_day(language, day))
    if papers:
        return language.say("Your papers for %(day)s", day=when)
    return language.say("Nothing new for %(day)s", day=when)


def opening(language: Language, papers: int, considered: int, words: int, days: Sequence[date] = ()) -> str:
    """The first sentence: it says what the e-mail holds, also to programs that summarise it."""
    # From the first of `days`, ascending, to the last: on some between there may have been no edition.
    if not papers:
        return _nothing(language, considered)
    if len(days) > 1:
        return language.count(
            "%(papers)s of %(new)s new ones in %(number)s day, %(minutes)s min.",
            "%(papers)s of %(new)s new ones in %(number)s days, %(minutes)s min.",
            (days[-1] - days[0]).days + 1,
            papers=language.count("%(number)s paper", "%(number)s papers", papers),
            new=language.number(considered),
            minutes=_minutes(words),
        )
    if considered > papers:
        return language.count(
            "%(number)s paper from %(new)s new, %(minutes)s min.",
            "%(number)s papers from %(new)s new, %(minutes)s min.",
            papers,
            new=language.number(considered),
            minutes=_minutes(words),
        )
    return language.count(
        "%(number)s paper, %(minutes)s min.", "%(number)s papers, %(minutes)s min.", papers, minutes=_minutes(words)
    )


def greeting(language: Language, name: str, opening: str) -> str:
    """`opening`, after a greeting if `name` reads as a name."""
    if not greetable(name):
        return opening
    return f"{language.say('Hello %(name)s.', name=name + _turn_back(language, name))} {opening}"


def _minutes(words: int) -> int:
    return max(1, round(words / WORDS_A_MINUTE))


def _turn_back(language: Language, name: str) -> str:
    """A mark after a name that runs the other way than the language, or the sentence would go on before it."""
    right_to_left = unicodedata.bidirectional(name[-1]) in {"R", "AL"}
    if right_to_left == (language.direction == "rtl"):
        return ""
    return "\u200e" if right_to_left else "\u200f"


def _nothing(language: Language, considered: int) -> str:
    looked = (
        language.count(
            "%(number)s new paper, but none that matches what you follow.",
            "%(number)s new papers, but none that matches what you follow.",
            considered,
        )
        if considered
        else language.say("No new papers.")
    )
    return f"{looked} {language.say('The next e-mail comes with the next find.')}"


def greetable(name: str) -> bool:
    """Whether a greeting by this name is natural: a name of letters, nothing a mail program would turn into a link."""
    if name.replace(" ", "").isalpha():  # nearly all are; this is asked for every reader
        return len(name) <= LONGEST_GREETED
    letters = all(unicodedata.category(char)[0] in "LM" or char in " '’-." for char in name)
    return (
        0 < len(name) <= LONGEST_GREETED
        and letters
        and not re.search(r"\.(?! |$)", name)
        and any(map(str.isalpha, name))
    )


def left_out(language: Language, number: int) -> str:
    """The line below the last paper, when there were more."""
    if not number:
        return ""
    return language.count("And %(number)s more paper matched.", "And %(number)s more papers matched.", number)


def left_out_on_web(language: Language, number: int) -> str:
    """The same as a link to where they are."""
    if not number:
        return ""
    return language.count("And %(number)s more paper on the web", "And %(number)s more papers on the web", number)


def follows(language: Language, topics: Sequence[str], name: str) -> str:
    """Why the reader gets this e-mail; `topics` are the names of those that the reader follows."""
    if topics:
        return language.say("You get this e-mail because you follow: %(topics)s.", topics=", ".join(topics))
    return language.say("You get this e-mail because you subscribed to %(name)s.", name=name)


def curators(language: Language, names: Sequence[str]) -> str:
    """Who chose the papers of the pages, "" where nobody is named."""
    return language.say("Curated by %(names)s.", names=language.listed(names)) if names else ""


def sources(language: Language, answered: Sequence[Answered]) -> str:
    """Where the papers come from and what the other sources had, "" where nobody noted it.

    A source that failed is the operator's business: it is not named, unless it brought papers earlier.
    """
    gave: list[str] = []
    nothing: list[str] = []
    late: list[str] = []
    for one in answered:
        name, incomplete = clean(one.source), one.verdict in (Verdict.PARTIAL, Verdict.STALE)
        if one.papers:
            number = language.number(one.papers)
            gave.append(
                language.say(
                    "%(name)s (%(papers)s so far)" if incomplete else "%(name)s (%(papers)s)", name=name, papers=number
                )
            )
        elif one.verdict is not Verdict.BROKEN:
            (late if incomplete else nothing).append(name)
    said = [language.say("Papers from %(names)s.", names=_some(language, gave))] if gave else []
    said += [language.say("Nothing new from %(names)s.", names=_some(language, nothing))] if nothing else []
    said += [language.say("Still to come from %(names)s.", names=_some(language, late))] if late else []
    return " ".join(said)


def _some(language: Language, names: Sequence[str]) -> str:
    """The first of `names` as a list; a footer is no place for thirty."""
    more = len(names) - _MOST_NAMED
    if more < 2:
        return language.listed(names)
    rest = language.count("%(number)s more", "%(number)s more", more)
    return language.listed([*names[:_MOST_NAMED], rest])


def origin(language: Language, papers: int, look: Look) -> str:
    """Where the words about the papers come from."""
    said = [language.say("Summaries are drawn from the abstracts.")] if papers else []
    if papers and look.llm_summaries:
        said.append(language.say("Those marked as machine-written are a language model’s words for the abstract."))
    if papers and look.machine_summaries:
        said.append(language.say("Those marked as machine-written come from where the papers were listed."))
    said.append(language.say("Thank you to arXiv for use of its open access interoperability."))
    return " ".join(said)


def reason(language: Language, one: Reason) -> str:
    """Why a paper was chosen, in words. Raises ValueError for values that are none of its kind."""
    match one.kind, one.values:
        case Why.TITLE, words:
            return language.say("title says %(words)s", words=_quoted(language, words))
        case Why.ABSTRACT, words:
            return language.say("abstract says %(words)s", words=_quoted(language, words))
        case Why.BOTH, words:
            return language.say("title and abstract together say %(words)s", words=_quoted(language, words))
        case Why.RELATED, words:
            return language.say("says %(words)s, as papers on this topic often do", words=_quoted(language, words))
        case Why.AUTHOR, (name,):
            return language.say("by %(name)s, whom you follow", name=name)
        case Why.INSTITUTION, (name,):
            return language.say("from %(name)s, which you follow", name=name)
        case Why.LIKED, (title,):
            return language.say("close to “%(title)s”, which you liked", title=short_title(str(title)))
        case Why.EXAMPLE, (title,):
            return language.say("close to “%(title)s”, an example of this topic", title=short_title(str(title)))
        case Why.MEANING, ():
            return language.say("close in meaning to this topic")
        case Why.VOTES, (int(votes), place):
            said = language.count("%(number)s vote", "%(number)s votes", votes)
            return language.say("no. %(place)s of its day with %(votes)s", place=place, votes=said)
        case Why.STANDING, (int(votes), percent):
            said = language.count("%(number)s vote", "%(number)s votes", votes)
            return language.say("%(votes)s, more than %(percent)s%% of papers as old", votes=said, percent=percent)
        case Why.ROSE, (int(before), int(votes), int(days), percent):
            return _rose(language, before, votes, days, percent)
        case Why.PLACE, (rank, total, day):
            when = short_day(language, date.fromisoformat(str(day)))
            return language.say("no. %(rank)s of %(total)s on the page of %(day)s", rank=rank, total=total, day=when)
        case Why.AGAIN, (int(days),):
            return language.count("listed on %(number)s day", "listed on %(number)s days", days)
        case Why.TEXT, (sentence,):
            return str(sentence)
    raise ValueError(f"{one} is no reason")


def _rose(language: Language, before: int, votes: int, days: int, percent: str | int) -> str:
    if before < 0:
        said = language.count("%(number)s vote", "%(number)s votes", votes)
        return language.count(
            "%(votes)s within %(number)s day, more than %(percent)s%% of papers as old",
            "%(votes)s within %(number)s days, more than %(percent)s%% of papers as old",
            days,
            votes=said,
            percent=percent,
        )
    return language.count(
        "votes rose from %(before)s to %(votes)s in %(number)s day, more than %(percent)s%% of papers as old",
        "votes rose from %(before)s to %(votes)s in %(number)s days, more than %(percent)s%% of papers as old",
        days,
        before=language.number(before),
        votes=language.number(votes),
        percent=percent,
    )


def _quoted(language: Language, words: Sequence[str | int]) -> str:
    return language.listed([language.say("“%(word)s”", word=word) for word in words])
