"""What the templates show of a paper: its words and its links, ready to print."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from urllib.parse import parse_qs, quote, quote_plus, urlsplit

from markupsafe import Markup, escape

from newsletter.languages import Language
from newsletter.model import TRENDING, Link, LinkKind, Paper, Pick, ReadablePaper, Why
from newsletter.rendering import words
from newsletter.rendering.look import Look
from newsletter.rendering.words import short_title, shortened
from newsletter.text import clean, readable, summarise, to_html, to_text

AUTHORS_SHOWN = 3
ACTIONS_SHOWN = 5
REASONS_SHOWN = 2
LOWEST_PLACE = 10
"""Places on a page that are worth to be told."""
LONGEST_TITLE = 400
"""Characters. The longest title of arXiv's computer science has 226: only something that is no title is cut."""

_LONGEST_ADDRESS = 2_000
_LONGEST_AUTHOR = 80
_LONGEST_REASON = 160
_LONGEST_VENUE = 80
_MOST_READ = 4_000  # characters of what is cut to far less
LONGEST_SUMMARY = 500
"""Characters of a summary that a machine wrote; our own are shorter."""
_LABEL_WIDTH = 40

# What stays as it is in an address: RFC 3986's reserved and unreserved characters as far as libxml2 leaves them alone,
# so that the HTML part (which passes through it) and the text part show the same address.
_ADDRESS_CHARACTERS = "%:/?#@!&()*+,;=~"

_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?")
_CODE_HOSTS = frozenset({"github.com", "gitlab.com", "huggingface.co", "bitbucket.org", "codeberg.org"})
_SHOWN_KINDS = (LinkKind.PDF, LinkKind.CODE, LinkKind.PROJECT, LinkKind.VIDEO)


@dataclass(frozen=True, slots=True)
class Action:
    """A button: what it says, and where it leads."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Card:
    """A pick with its paper, as the templates show it.

    All strings are one line of readable text, "" where there is nothing to say; `title_html` is the title with its
    emphasis and indices. `url` is where the title leads; the first action leads there too and says what is there.
    `machine` tells that the summary is not ours but was written by a machine. `language` is that of the paper's own
    words, as far as one can tell ("en" or ""). `picture` is the address of a thumbnail, if these are wanted.
    """

    title: str
    title_html: Markup
    url: str
    authors: str
    place: str
    summary: str
    machine: bool
    why: str
    topic: str
    language: str
    picture: str
    actions: tuple[Action, ...]

    @property
    def short(self) -> str:
        """The title in a few words, for where it stands already."""
        return short_title(self.title, 24)

    @property
    def words(self) -> int:
        """How many words there are to read."""
        return sum(len(text.split()) for text in (self.title, self.authors, self.summary, self.why))


@dataclass(frozen=True, slots=True)
class Face:
    """The part of a card that does not depend on the pick: made once per paper."""

    title: str
    title_html: Markup
    authors: str
    appeared: tuple[str, ...]
    votes: str
    place: str
    summary: str
    machine: bool
    picture: str
    actions: tuple[Action, ...]
    language: Language
    named: bool

    @classmethod
    def of(cls, paper: Paper, look: Look, language: Language) -> Face:
        """The face of a paper. Its title is never cut (but see LONGEST_TITLE) and never empty."""
        plain = readable(paper)
        title = shortened(plain.title, LONGEST_TITLE) or language.say("Untitled paper")
        theirs = paper.ai_summary if look.machine_summaries else paper.llm_summary if look.llm_summaries else ""
        written = shortened(to_text(theirs[:_MOST_READ]), LONGEST_SUMMARY)
        return cls(
            title=title,
            title_html=Markup(to_html(paper.title)) if title == plain.title else escape(title),
            authors=_authors(language, paper.authors),
            appeared=tuple(_appeared(language, paper)),
            votes=_votes(language, paper),
            place=_place(language, paper),
            summary=written or _summarised(plain.abstract),
            machine=bool(written),
            picture=_picture(paper.thumbnail) if look.thumbnails else "",
            actions=tuple(islice(_actions(language, plain, title), ACTIONS_SHOWN)),
            language=language,
            named=bool(plain.title),
        )

    def card(self, pick: Pick, topic: str) -> Card:
        """The card of `pick` under the topic of that name."""
        reasons = pick.reasons[:REASONS_SHOWN]
        said = (words.reason(self.language, reason) for reason in reasons)
        why = "; ".join(filter(None, (shortened(to_text(reason), _LONGEST_REASON) for reason in said)))
        # Where the place is the reason, it need not be said twice.
        place = "" if why and pick.topic == TRENDING else self.place
        # A paper keeps the votes that it had when an edition took it; what is said of them since is newer.
        votes = "" if any(one.kind in (Why.STANDING, Why.ROSE) for one in reasons) else self.votes
        return Card(
            title=self.title,
            title_html=self.title_html,
            url=self.actions[0].url,
            authors=self.authors,
            place=" · ".join(filter(None, (*self.appeared, votes, place))),
            summary=self.summary,
            machine=self.machine,
            why=why,
            topic=topic,
            language="en" if self.named and _looks_english(self.title) else "",
            picture=self.picture,
            actions=self.actions,
        )


def _picture(url: str) -> str:
    """The address of a thumbnail, if mail programs would show it: many load nothing over an open line."""
    found = address(url)
    return found if found.startswith("https://") else ""


# The same in every language.
_summarised = lru_cache(maxsize=4_096)(summarise)


def _looks_english(title: str) -> bool:
    """Whether a title may be marked as English for those who have it read aloud: papers' words nearly always are."""
    letters = [letter for letter in title if letter.isalpha()]
    return bool(letters) and sum(letter.isascii() for letter in letters) > 0.9 * len(letters)


def _authors(language: Language, names: Sequence[str]) -> str:
    """The first three, and how many more; a collaboration may have 3,303."""
    shown = ", ".join(filter(None, (shortened(to_text(name), _LONGEST_AUTHOR) for name in names[:AUTHORS_SHOWN])))
    more = len(names) - AUTHORS_SHOWN
    if not shown or more <= 0:
        return shown
    return language.count("%(names)s + %(number)s more", "%(names)s + %(number)s more", more, names=shown)


def _appeared(language: Language, paper: Paper) -> Iterator[str]:
    """Venue, date and version, as far as a source knew them."""
    if venue := shortened(to_text(paper.venue[:_MOST_READ]), _LONGEST_VENUE):
        yield venue
    if paper.published:
        yield words.full_day(language, paper.published)
    if paper.version > 1:
        yield f"v{paper.version}"


def _votes(language: Language, paper: Paper) -> str:
    votes = paper.votes or 0
    return language.count("%(number)s vote", "%(number)s votes", votes) if votes > 0 else ""


def _place(language: Language, paper: Paper) -> str:
    """When the paper was listed, and its place on the page where that is a distinction: "No. 3 on the page of 11
    March"."""
    if not paper.listings:
        return ""
    best = min(listing.rank for listing in paper.listings)
    days = sorted({listing.day for listing in paper.listings})
    when = words.span(language, days)
    if best > LOWEST_PLACE:
        return language.say("Listed on %(days)s", days=when)
    if len(days) == 1:
        return language.say("No. %(rank)s on the page of %(day)s", rank=best, day=when)
    return language.say("Listed on %(days)s, at best No. %(rank)s", days=when, rank=best)


def _noun(language: Language, kind: LinkKind, name: str) -> str:
    """What a button says of a link of that kind."""
    match kind:
        case LinkKind.PDF:
            return language.say("PDF: %(name)s", name=name)
        case LinkKind.CODE:
            return language.say("Code: %(name)s", name=name)
        case LinkKind.PROJECT:
            return language.say("Project: %(name)s", name=name)
        case LinkKind.VIDEO:
            return language.say("Video: %(name)s", name=name)
    return language.say("Paper: %(name)s", name=name)


def _actions(language: Language, paper: ReadablePaper, title: str) -> Iterator[Action]:
    """First where the paper is, then its PDF, code, project and video; no address twice."""
    links = [Link(link.kind, url) for link in paper.paper.links if (url := address(link.url))]
    first = _paper_action(language, paper.paper, links) or _search(language, paper, title)
    yield first
    seen = {first.url}
    for kind in _SHOWN_KINDS:
        for url in _addresses(links, kind):
            if url not in seen:
                seen.add(url)
                yield Action(_noun(language, kind, label(url)), url)


def _search(language: Language, paper: ReadablePaper, title: str) -> Action:
    """Where a paper can be looked for of which nobody said where it is."""
    where, words_of = ("title", paper.title) if paper.title else ("all", paper.abstract)
    return Action(
        language.say("Find on arXiv: %(title)s", title=short_title(title, 30)),
        f"https://arxiv.org/search/?searchtype={where}&query={quote_plus(words_of[:300], errors='ignore')}",
    )


def _paper_action(language: Language, paper: Paper, links: Sequence[Link]) -> Action | None:
    """Where the paper can be read, by the best link there is or by one of its identities."""
    keys = dict(reversed([key.split(":", 1) for key in (*paper.keys, paper.id) if ":" in key]))
    candidates = (
        (LinkKind.ABSTRACT, next(_addresses(links, LinkKind.ABSTRACT), "")),
        (LinkKind.ABSTRACT, address(f"https://arxiv.org/abs/{keys['arxiv']}") if "arxiv" in keys else ""),
        (LinkKind.DOI, next(_addresses(links, LinkKind.DOI), "")),
        (LinkKind.DOI, address(f"https://doi.org/{keys['doi']}") if "doi" in keys else ""),
        (LinkKind.PDF, next(_addresses(links, LinkKind.PDF), "")),
    )
    return next((Action(_noun(language, kind, label(url)), url) for kind, url in candidates if url), None)


def _addresses(links: Iterable[Link], kind: LinkKind) -> Iterator[str]:
    return (link.url for link in links if link.kind is kind)


def address(url: str) -> str:
    """`url` in plain ASCII, or "" if it is nothing a reader should be sent to: not http(s), no host, one that hides its
    host behind a user name, or longer than any real one."""
    encoded = quote(clean(url), safe=_ADDRESS_CHARACTERS, errors="ignore")
    try:
        parts = urlsplit(encoded)
    except ValueError:
        return ""
    usable = parts.scheme in {"http", "https"} and _HOST.fullmatch(parts.netloc)
    return encoded if usable and len(encoded) <= _LONGEST_ADDRESS else ""


def label(url: str) -> str:
    """What a button says of an address: "hardyho/ultrametric_fields", "robonerf.github.io", "arXiv 2503.01234"."""
    parts = urlsplit(url)
    host, path = (parts.hostname or "").removeprefix("www."), parts.path.rstrip("/").removesuffix(".git")
    if host == "arxiv.org" and (identifier := re.fullmatch(r"/(?:abs|pdf)/(.+?)(?:\.pdf)?", path)):
        shown = f"arXiv {identifier[1]}"
    elif host == "doi.org" or (host in _CODE_HOSTS and path):
        shown = path.lstrip("/")
    else:
        video = parse_qs(parts.query).get("v", [""])[0]
        shown = host + path + (f"?v={video}" if video else "")
    if len(shown) > _LABEL_WIDTH:
        shown = f"{shown[: _LABEL_WIDTH // 2]}…{shown[-_LABEL_WIDTH // 2 + 1 :]}"
    return clean(shown)
