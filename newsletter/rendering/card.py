"""What the templates show of a paper: its words and its links, ready to print."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from urllib.parse import parse_qs, quote, quote_plus, urlsplit

from markupsafe import Markup, escape

from newsletter.model import TRENDING, Link, LinkKind, Listing, Paper, Pick, ReadablePaper
from newsletter.rendering.words import short_title, shortened, span
from newsletter.text import clean, readable, summarise, to_html, to_text

AUTHORS_SHOWN = 3
ACTIONS_SHOWN = 5
REASONS_SHOWN = 2
LONGEST_TITLE = 400
"""Characters. The longest title of arXiv's computer science has 226: only something that is no title is cut."""

_LONGEST_ADDRESS = 2_000
_LONGEST_AUTHOR = 80
_LONGEST_REASON = 160
_LABEL_WIDTH = 40

# What stays as it is in an address: RFC 3986's reserved and unreserved characters as far as libxml2 leaves them alone,
# so that the HTML part (which passes through it) and the text part show the same address.
_ADDRESS_CHARACTERS = "%:/?#@!&()*+,;=~"

_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?")
_CODE_HOSTS = frozenset({"github.com", "gitlab.com", "huggingface.co", "bitbucket.org", "codeberg.org"})
_NOUNS = {LinkKind.PDF: "PDF", LinkKind.CODE: "Code", LinkKind.PROJECT: "Project", LinkKind.VIDEO: "Video"}


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
    """

    title: str
    title_html: Markup
    url: str
    authors: str
    place: str
    summary: str
    why: str
    topic: str
    actions: tuple[Action, ...]

    @property
    def words(self) -> int:
        """How many words there are to read."""
        return sum(len(words.split()) for words in (self.title, self.authors, self.summary, self.why))


@dataclass(frozen=True, slots=True)
class Face:
    """The part of a card that does not depend on the pick: made once per paper."""

    title: str
    title_html: Markup
    authors: str
    place: str
    summary: str
    actions: tuple[Action, ...]

    @classmethod
    def of(cls, paper: Paper) -> Face:
        """The face of a paper. Its title is never cut (but see LONGEST_TITLE) and never empty."""
        plain = readable(paper)
        title = shortened(plain.title, LONGEST_TITLE) or "Untitled paper"
        return cls(
            title=title,
            title_html=Markup(to_html(paper.title)) if title == plain.title else escape(title),
            authors=_authors(paper.authors),
            place=_place(paper.listings),
            summary=summarise(plain.abstract),
            actions=tuple(islice(_actions(plain, title), ACTIONS_SHOWN)),
        )

    def card(self, pick: Pick, topic: str) -> Card:
        """The card of `pick` under the topic of that name."""
        reasons = (shortened(to_text(reason), _LONGEST_REASON) for reason in pick.reasons[:REASONS_SHOWN])
        why = "; ".join(filter(None, reasons))
        return Card(
            title=self.title,
            title_html=self.title_html,
            url=self.actions[0].url,
            authors=self.authors,
            place="" if why and pick.topic == TRENDING else self.place,  # there, the place is the reason
            summary=self.summary,
            why=why,
            topic=topic,
            actions=self.actions,
        )


def _authors(names: Sequence[str]) -> str:
    """The first three, and how many more; a collaboration may have 3,303."""
    shown = ", ".join(filter(None, (shortened(to_text(name), _LONGEST_AUTHOR) for name in names[:AUTHORS_SHOWN])))
    more = len(names) - AUTHORS_SHOWN
    return f"{shown} + {more:,} more" if shown and more > 0 else shown


def _place(listings: Sequence[Listing]) -> str:
    """Where on its page the paper stood, in words: "No. 3 on the page of 11 March"."""
    if not listings:
        return ""
    best = min(listing.rank for listing in listings)
    days = sorted({listing.day for listing in listings})
    if len(days) == 1:
        return f"No. {best} on the page of {span(days)}"
    return f"Listed on {span(days)}, at best No. {best}"


def _actions(paper: ReadablePaper, title: str) -> Iterator[Action]:
    """First where the paper is, then its PDF, code, project and video; no address twice."""
    links = [Link(link.kind, url) for link in paper.paper.links if (url := address(link.url))]
    first = _paper_action(paper.paper, links) or Action(
        f"Find on arXiv: {short_title(title, 30)}",
        f"https://arxiv.org/search/?searchtype=title&query={quote_plus(title[:300], errors='ignore')}",
    )
    yield first
    seen = {first.url}
    for kind, noun in _NOUNS.items():
        for url in _addresses(links, kind):
            if url not in seen:
                seen.add(url)
                yield Action(f"{noun}: {label(url)}", url)


def _paper_action(paper: Paper, links: Sequence[Link]) -> Action | None:
    """Where the paper can be read, by the best link there is or by one of its identities."""
    keys = dict(reversed([key.split(":", 1) for key in (*paper.keys, paper.id) if ":" in key]))
    candidates = (
        ("Paper", next(_addresses(links, LinkKind.ABSTRACT), "")),
        ("Paper", address(f"https://arxiv.org/abs/{keys['arxiv']}") if "arxiv" in keys else ""),
        ("Paper", next(_addresses(links, LinkKind.DOI), "")),
        ("Paper", address(f"https://doi.org/{keys['doi']}") if "doi" in keys else ""),
        ("PDF", next(_addresses(links, LinkKind.PDF), "")),
    )
    return next((Action(f"{noun}: {label(url)}", url) for noun, url in candidates if url), None)


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
