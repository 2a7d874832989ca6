"""The wire gate: the first message of an edition, judged from its bytes as a receiver would, before any is sent.

The composing checked what it put together; this looks only at what would go over the wire. So it also sees what the
encoding, the folding and the signing did, and it believes none of them. Pure: bytes in, sentences out.

Text from outside cannot fail it, or one paper could stop an edition: of what a paper says and links to, it asks only
that both parts have it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from email import policy
from email.errors import NonASCIILocalPartDefect
from email.message import EmailMessage, MIMEPart
from email.parser import Parser
from html.parser import HTMLParser

from newsletter.mail import dkim
from newsletter.mail.dkim import PublicKey
from newsletter.mail.dkim_canonical import split
from newsletter.mail.mime import LARGEST_HTML, LONGEST_LINE, ONE_CLICK
from newsletter.model import Message, Parts, ReaderLinks
from newsletter.rendering.pieces import CLOSE, LINK, OPEN

LARGEST_MESSAGE = 10_000_000
"""Octets; many relays take no more than 10 MB."""

NEEDED = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "List-Id", "List-Unsubscribe")
LISTS = ("List-Help", "List-Owner", "List-Archive", "Archived-At")
AT_MOST_ONCE = (
    *("Reply-To", "Sender", "List-Unsubscribe-Post", *LISTS),
    *("List-Post", "Precedence", "Auto-Submitted", "Feedback-ID"),
)
WORDED = ("From", "To", "Reply-To", "List-Id")
"""Fields that begin with words, which may be encoded, before what may not."""

NEVER = ("Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc")
"""Fields that name recipients; a message of ours has one recipient, in To."""

_ADDRESS = r"[^<>@\s\x00-\x1f\x7f]+@[A-Za-z0-9.-]+"
_MAILBOX = re.compile(rf".*<({_ADDRESS})>", re.DOTALL)
_URI = r"<(?:https?://|mailto:)[!-;=?-~]+>"
_SHAPES: Mapping[str, re.Pattern[str]] = {
    "From": _MAILBOX,
    "To": _MAILBOX,
    "Reply-To": _MAILBOX,
    "Message-ID": re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>"),
    "List-Id": re.compile(r".*<[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+>", re.DOTALL),
    "List-Unsubscribe": re.compile(rf"{_URI}(?:, {_URI})*"),
    "List-Unsubscribe-Post": re.compile(re.escape(ONE_CLICK)),
    **{name: re.compile(_URI) for name in LISTS},
}
"""How structured fields stand on the wire, before anything is decoded."""

_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_UNFILLED = re.compile(rf"\{{[{{%]|%7B(?:%7B|%25)|^(?:#?|None|nan|undefined)$|{re.escape(LINK)}", re.IGNORECASE)


def faults(
    message: Message,
    parts: Parts,
    links: ReaderLinks,
    *,
    public_keys: Mapping[tuple[str, str], PublicKey],
    one_click: bool,
) -> list[str]:
    """What is wrong with `message`, a clause each; empty when it may go.

    `parts` and `links` are what it was made from. `public_keys`, by (selector, domain), are those of all our DKIM keys;
    each has to have signed. `one_click` says that the message is signed, by us or by the relay: then leaving by one
    click is to be offered wherever there is an https link, and else it must not be (RFC 8058).
    """
    found = [*_wire(message.content), *_envelope(message)]
    try:
        fields, _ = split(message.content)
        raw = {name: field.partition(b":")[2].strip(b" ").decode("utf-8") for name, field in reversed(fields)}
        found += _fields(Counter(name for name, _ in fields), raw)
        found += _leaving(raw, links, one_click)
        # As text: an address outside ASCII stands in the header as UTF-8 (RFC 6532), which the parser of bytes rejects.
        parsed = Parser(policy=policy.default).parsestr(message.content.decode("utf-8"))
        found += _identity(parsed, raw, message)
        found += _bodies(parsed, parts, links)
        found += dkim.verify(message.content, public_keys)
        found += [f"{name} could be forged under our signature" for name in dkim.unprotected(message.content)]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        # The standard library's parser trips over some broken fields instead of reporting them.
        found.append(f"the message cannot be read ({type(error).__name__}: {error})")
    # What is quoted from a broken message may hold line breaks of its own.
    return [" ".join(fault.split()) for fault in found]


def _wire(content: bytes) -> Iterator[str]:
    """RFC 5322 section 2.1.1 and RFC 5321 section 2.3.8; a bare line feed invites SMTP smuggling."""
    if _BARE.search(content):
        yield "a line ends with a bare CR or LF"
    if b"\0" in content:
        yield "there is a NUL octet"
    if not content.endswith(b"\r\n"):
        yield "the last line has no end"
    if (longest := max(map(len, content.split(b"\r\n")))) > LONGEST_LINE:
        yield f"a line has {longest} octets, more than {LONGEST_LINE}"
    if not content.partition(b"\r\n\r\n")[2].isascii():
        yield "the body is not ASCII, so not every relay would pass it on"
    if len(content) > LARGEST_MESSAGE:
        yield f"the message has {len(content):,} octets, more than {LARGEST_MESSAGE:,}"


def _envelope(message: Message) -> Iterator[str]:
    for name, address in (("sender", message.sender), ("recipient", message.recipient)):
        local = address.rpartition("@")[0].encode("utf-8", "replace")
        if not re.fullmatch(_ADDRESS, address) or len(local) > 64 or len(address) > 254:
            yield f"{address!r} cannot be an envelope {name}"


def _fields(counts: Counter[str], raw: Mapping[str, str]) -> Iterator[str]:
    """Which fields there are, and whether those with a fixed form have it. `raw` is unfolded by nobody yet."""
    for name in NEEDED:
        if counts[name.lower()] != 1:
            yield f"{name} is there {counts[name.lower()]} times, not once"
    for name in AT_MOST_ONCE:
        if counts[name.lower()] > 1:
            yield f"{name} is there {counts[name.lower()]} times"
    for name in NEVER:
        if counts[name.lower()]:
            yield f"{name} is there, and would name another recipient"
    for name, shape in _SHAPES.items():
        value = raw.get(name.lower())
        if value is None:
            continue
        exact = value.rpartition("<")[2] if name in WORDED else value
        if not shape.fullmatch(value) or "=?" in exact:
            yield f"{name} is malformed: {value[:80]!r}"


def _leaving(raw: Mapping[str, str], links: ReaderLinks, one_click: bool) -> Iterator[str]:
    """RFC 2369 section 3.2 and RFC 8058."""
    uris = tuple(re.findall(r"<([^<>]*)>", raw.get("list-unsubscribe", "")))
    if uris != links.unsubscribe_header:
        yield "List-Unsubscribe does not hold the reader's links"
    offered = "list-unsubscribe-post" in raw
    https = any(uri.lower().startswith("https://") for uri in uris)
    if offered and not https:
        yield "List-Unsubscribe-Post is there without an https link"
    if offered and not one_click:
        yield "List-Unsubscribe-Post is there, and nobody signs the message"
    if one_click and https and not offered:
        yield "List-Unsubscribe-Post is missing"


def _identity(parsed: EmailMessage, raw: Mapping[str, str], message: Message) -> Iterator[str]:
    """Whose message it is, for whom, and whether a strict parser has anything to complain about."""
    for part in parsed.walk():
        defects = [*part.defects, *(defect for value in part.values() for defect in value.defects)]
        for defect in defects:
            if not (isinstance(defect, NonASCIILocalPartDefect) and not message.recipient.isascii()):
                yield f"a parser complains: {type(defect).__name__} ({defect})"
    for name in ("From", "To"):
        if len(parsed[name].addresses) != 1:
            yield f"{name} has {len(parsed[name].addresses)} addresses"
    mailbox = _MAILBOX.fullmatch(raw["to"])
    if mailbox is None or mailbox[1] != message.recipient:
        yield f"To is not the recipient {message.recipient}"
    if parsed["Date"].datetime is None or parsed["Date"].datetime.tzinfo is None:
        yield f"Date is no date with a time zone: {raw['date'][:80]!r}"
    if raw["message-id"] != message.message_id:
        yield f"Message-ID is not {message.message_id}"


def _bodies(parsed: EmailMessage, parts: Parts, links: ReaderLinks) -> Iterator[str]:
    """RFC 2046 section 5.1.4: the same twice, the plainest first."""
    kinds = [part.get_content_type() for part in parsed.iter_parts()]
    if parsed.get_content_type() != "multipart/alternative" or kinds != ["text/plain", "text/html"]:
        yield f"it is {parsed.get_content_type()} of {kinds}, not a text part and then an HTML part"
        return
    text, html = (_decoded(part) for part in parsed.iter_parts())
    size = max(len(html.encode()), len(str(list(parsed.iter_parts())[1].get_payload())))
    if size > LARGEST_HTML:
        yield f"the HTML part has {size:,} octets and would be clipped at {LARGEST_HTML:,}"
    if not text.strip():
        yield "the text part is empty"
    for name, read, meant in (("text", text, parts.text), ("HTML", html, parts.html)):
        if read != _canonical(meant):
            yield f"the {name} part does not read back as it was written"
        if OPEN in read or CLOSE in read:
            yield f"the {name} part has a placeholder that was not filled"
    yield from _links(text, html, parts, links)


def _decoded(part: MIMEPart) -> str:
    if part.get_content_charset() != "utf-8":
        raise ValueError(f"a part is in {part.get_content_charset()}, not in UTF-8")
    octets = part.get_payload(decode=True)
    return _canonical(octets.decode("utf-8") if isinstance(octets, bytes) else "")


def _canonical(text: str) -> str:
    """As the other side may see it: line ends of one kind, and no lone surrogates."""
    return re.sub("\r\n?", "\n", text).encode("utf-8", "replace").decode()


def _links(text: str, html: str, parts: Parts, links: ReaderLinks) -> Iterator[str]:
    """The way out in both parts, the same papers in both, and no link that was left unfilled."""
    lines = set(text.split("\n"))
    found = _Anchors(html)
    if links.unsubscribe not in lines:
        yield "the text part has no unsubscribe link on a line of its own"
    if links.unsubscribe not in found.addresses:
        yield "the HTML part has no unsubscribe link"
    # An operator's own templates may call titles what they like; then every paper's links count.
    if found.titles and len(found.titles) != len(parts.papers):
        yield f"the HTML part has {len(found.titles)} titles for {len(parts.papers)} papers"
    shown = found.titles or [one for one in found.addresses if parts.papers and one.startswith(("http:", "https:"))]
    for address in dict.fromkeys(shown):
        if address not in lines:
            yield f"the text part lacks {address[:200]}"
    for address in dict.fromkeys(found.addresses):
        # What stands in the text as well is a paper's, whatever it looks like.
        if _UNFILLED.search(address) and address not in lines - {""}:
            yield f"a link was left unfilled: {address[:200]!r}"


class _Anchors(HTMLParser):
    """Where the links of a document go, in order; `titles` are those of class `title`, one for each paper."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.titles: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and "href" in given:
            self.addresses.append(given["href"] or "")
            if "title" in (given.get("class") or "").split():
                self.titles.append(given["href"] or "")
