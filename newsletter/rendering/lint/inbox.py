"""M1 and I: what an inbox shows of a mail, and what its header has to hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from newsletter.rendering.lint.cascade import View
from newsletter.rendering.lint.findings import Finding, error, note, warning
from newsletter.rendering.lint.leftovers import UNFILLED
from newsletter.rendering.lint.mail import Mail
from newsletter.rendering.lint.page import HEADINGS, Page, drawn, paragraph, seen, text_of

SUBJECT_LENGTH = (25, 60)
PREHEADER_LENGTH = (60, 130)
SHORT_PREHEADER = 90
MOST_FILLERS = 40

HARD_SIZE, GOOD_SIZE = 100_000, 80_000
"""Bytes of HTML, raw and encoded. Gmail clips at about 102 kB; which of the two it counts is disputed."""

_ONCE = ("From", "To", "Subject", "Date", "Message-ID")
_SHAPES = {
    "From": re.compile(r"[^@\s<>]+@[^@\s<>]+"),
    "To": re.compile(r"[^@\s<>]+@[^@\s<>]+"),
    "Message-ID": re.compile(r"^<[^@\s<>]+@[^@\s<>]+>$"),
}
_MARK_UP = re.compile(r"\\[A-Za-z]+|\$[^$]*[\\^_{][^$]*\$|<[A-Za-z/][^>]*>|&(?:[A-Za-z]+|#[0-9]+);")
_URIS = re.compile(r"\s*<(?:https?://|mailto:)[^<>\s]+>(?:\s*,\s*<(?:https?://|mailto:)[^<>\s]+>)*\s*", re.IGNORECASE)
_FILLER = "\u2007\ufeff\u034f"
_SHOWN_KINDS = frozenset({"png", "jpg", "jpeg", "gif"})
_UNSHOWN_KINDS = frozenset({"svg", "webp", "avif", "heic", "heif", "tiff", "bmp", "apng", "ico"})


def check_header(mail: Mail) -> Iterator[Finding]:
    """M1, I1 and I6: what stands in the header."""
    for name in _ONCE:
        if (times := len(mail.raw(name))) != 1:
            yield error("M1", f"{name} stands {times} times in the header: it belongs there once.")
        elif (shape := _SHAPES.get(name)) and not shape.search(mail.raw(name)[0]):
            yield error("M1", f"{name} is malformed: see how the message is built.", mail.raw(name)[0])
    if mail.raw("Date") and not _is_date(mail.raw("Date")[0]):
        yield error("M1", "Date is no date: see how the message is built.", mail.raw("Date")[0])
    yield from _subject(mail)
    yield from _leaving(mail)


def _is_date(value: str) -> bool:
    try:
        parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return False
    return True


def _subject(mail: Mail) -> Iterator[Finding]:
    subject, (least, most) = mail.subject, SUBJECT_LENGTH
    if re.search(r"[\r\n]", subject):
        yield error(
            "I1", "The subject holds a line break, with which a header of one's own can be smuggled in.", subject
        )
    if len(subject) < least:
        yield warning("I1:short", f"The subject has {len(subject)} characters: say more, {least} to {most}.", subject)
    elif len(subject) > most:
        yield warning("I1:long", f"The subject has {len(subject)} characters and is cut: keep to {most}.", subject)
    if unicodedata.normalize("NFC", subject) != subject:
        yield warning("I1", "The subject is not in composed Unicode (NFC): normalise it.", subject)
    if found := _MARK_UP.search(subject) or UNFILLED.search(subject):
        detail = "I1:words" if mail.said_in_both(found[0]) else "I1"
        yield warning(detail, f"The subject holds mark-up, “{found[0]}”: print it as text.", subject)


def _leaving(mail: Mail) -> Iterator[Finding]:
    """RFC 2369, 2919 and 8058."""
    uris = mail.raw("List-Unsubscribe")
    if len(uris) != 1 or not _URIS.fullmatch(uris[0]):
        yield error(
            "I6", "List-Unsubscribe is missing or malformed: give it <https://...> or <mailto:...>.", ", ".join(uris)
        )
        return
    if len(mail.raw("List-Id")) != 1:
        yield error("I6", "List-Id is missing or stands twice: name the list once.")
    https = any(uri.lower().startswith("https:") for uri in mail.leaving)
    one_click = mail.raw("List-Unsubscribe-Post")
    signatures = mail.raw("DKIM-Signature")
    if one_click and (not https or one_click != ["List-Unsubscribe=One-Click"]):
        yield error("I6", "List-Unsubscribe-Post is malformed or has no https link to go with.", ", ".join(one_click))
    if https and signatures and not one_click:
        yield error("I6", "List-Unsubscribe-Post is missing: add List-Unsubscribe=One-Click.")
    signed = {name for one in signatures for name in _signed(one)}
    needed = {"list-unsubscribe", *(["list-unsubscribe-post"] if one_click else [])}
    if signatures and (bare := sorted(needed - signed)):
        yield error("I6", f"DKIM does not sign {' and '.join(bare)}: RFC 8058 needs it signed.", signatures[0])


def _signed(signature: str) -> list[str]:
    tags = dict(tag.split("=", 1) for tag in re.sub(r"\s", "", signature).split(";") if "=" in tag)
    return tags.get("h", "").lower().split(":")


def check_inbox(mail: Mail, page: Page) -> Iterator[Finding]:
    """I2 to I5, I7, I9 to I12: what the HTML part has to have for an inbox."""
    size = max(page.size, len(page.source.encode("utf-8", "replace")))
    if size > HARD_SIZE:
        yield error("I9", f"The HTML has {size:,} bytes and would be clipped: keep to {HARD_SIZE:,}.")
    elif size > GOOD_SIZE:
        yield warning("I9", f"The HTML has {size:,} bytes and comes near to being clipped: keep to {GOOD_SIZE:,}.")
    if page.body is None:
        return
    yield from _preheader(mail, page)
    yield from _opening(page)
    yield from _ways_out(mail, page)
    yield from _images(page)
    if mail.fields:
        yield from _named(mail, page)


def _preheader(mail: Mail, page: Page) -> Iterator[Finding]:
    first, element = page.first, page.preheader
    if element is None or element is not first:
        yield error(
            "I2",
            "The body does not begin with a hidden preheader: make it its first element.",
            "" if first is None else drawn(first),
        )
        return
    bare = page.shown(element, View.BARE)
    if bare.value("display") != "none":
        yield error("I2", "The preheader is not hidden: give it display: none.", drawn(element))
    hiding = {"max-height": "0", "overflow": "hidden", "mso-hide": "all"}
    if missing := [
        f"{name}: {value}" for name, value in hiding.items() if bare.value(name).removesuffix("px") != value
    ]:
        yield warning("I2", f"The preheader may show in some programs: add {'; '.join(missing)}.", drawn(element))
    whole = text_of(element)
    shown = " ".join("".join(" " if char in _FILLER else char for char in whole).split())
    least, most = PREHEADER_LENGTH
    if not least <= len(shown) <= most:
        yield warning("I2", f"The preheader has {len(shown)} characters: {least} to {most} are shown.", shown)
    if mail.subject and shown.casefold() == mail.subject.casefold():
        yield warning("I2", "The preheader says the subject again: say something more.", shown)
    fillers = max(whole.count(char) for char in _FILLER)
    if (fillers and len(shown) >= SHORT_PREHEADER) or fillers > MOST_FILLERS:
        yield note("I3", f"The preheader is filled up {fillers} times: {MOST_FILLERS} do, and a long one needs none.")
    if mail.text is not None and not _letters(mail.text).startswith(_letters(shown)):
        yield error("I5", "The text part does not begin with the preheader: print it first.", mail.text[:120])


def _letters(text: str) -> str:
    """Letters and digits only: the parts may break lines and space differently."""
    return "".join(char for char in text if char.isalnum())


def _opening(page: Page) -> Iterator[Finding]:
    headings = page.tagged(*HEADINGS)
    begin = next((place for place, one in enumerate(headings) if one.tag == "h1"), None)
    if begin is None:
        return
    following = page.elements[page.elements.index(headings[begin]) + 1 :]
    for element in following:
        if element.tag in HEADINGS:
            break
        block = paragraph(element)
        linked = sum(len(text_of(link)) for link in block.iter("a"))
        if element is block and block.tag not in HEADINGS and len(text_of(element)) - linked >= 20:
            return
    yield warning(
        "I4",
        "No sentence follows the h1: say what is in the mail, also for programs that summarise it.",
        drawn(headings[begin]),
    )


def _ways_out(mail: Mail, page: Page) -> Iterator[Finding]:
    """I7, in both parts. The word for it is the language's own, so the address of List-Unsubscribe counts as well."""
    ways = [
        link for link in page.links if page.leads_out(link, mail.leaving) and not page.shown(link, View.BARE).hidden
    ]
    if not ways:
        yield error("I7", "The HTML has no link to unsubscribe: add one.")
    elif page.titles and page.elements.index(ways[0]) > page.elements.index(page.titles[0]):
        yield warning(
            "I7", "The first link to unsubscribe comes after the papers, where a clipped mail ends: add one above."
        )
    if mail.text is None:
        return
    ways_out = mail.leaving | {link.get("href", "").strip() for link in ways}
    if not ways_out & mail.line_set:
        yield error("I7", "The text part has no link to unsubscribe on a line of its own: add one.")


def _images(page: Page) -> Iterator[Finding]:
    for image in page.tagged("img"):
        source = (image.get("src") or "").strip()
        scheme, _, rest = source.partition(":")
        kind = re.sub(r"[?#].*", "", rest).rpartition(".")[2].lower()
        if scheme.lower() in {"javascript", "vbscript"}:
            yield error("I11", "An image's address is a script: take it out.", drawn(image))
        elif scheme.lower() not in {"https", "cid"}:
            yield warning("I11", "An image is neither https nor cid: some programs never show it.", drawn(image))
        elif kind in _UNSHOWN_KINDS:
            yield warning(
                "I11",
                f"An image is of the kind {kind}, which some programs do not show: use PNG, JPEG or GIF.",
                drawn(image),
            )
        width = page.shown(image, View.BARE)
        if not (image.get("width") or "").isdecimal() or "width" not in width.own:
            yield warning(
                "I11", "An image has no width in pixels, in the attribute and in the style: add both.", drawn(image)
            )
        if {image.get("width"), image.get("height")} & {"0", "1"}:
            yield warning("I11", "An image of one pixel tracks, or is taken to: take it out.", drawn(image))


def _named(mail: Mail, page: Page) -> Iterator[Finding]:
    name = mail.header("List-Id").rpartition("<")[0].strip(' "') or mail.header("From").rpartition("<")[0].strip(' "')
    if seen(name) and " ".join(name.casefold().split()) not in page.words.casefold():
        yield note("I12", f"The mail nowhere says “{name}”: name the list in its footer.")
