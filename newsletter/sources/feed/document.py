"""The bytes of a feed as text that is safe to give to an XML parser. Pure.

What a parser may do with a document is settled here, before one sees it: it is decoded once, by us, and goes on as
UTF-8; nothing stands before its root, so nothing declares an entity or names a DTD; what is read of it is bounded.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lxml import etree

from newsletter.sources.bounds import MAX_BYTES, address, counted

MAX_ENTRIES = 2_000
MAX_TAGS = 200_000
MAX_ENTITIES = 1_000_000
MAX_PREFIXES = 100
MAX_ATTRIBUTES = 100  # of one tag; feedparser takes quadratic time for them
MAX_BASE = 500

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins with the mark of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Where the zeros are in the first four bytes of a document that begins with two ASCII characters.
_ZEROS = {(1, 2, 3): "utf-32-le", (0, 1, 2): "utf-32-be", (1, 3): "utf-16-le", (0, 2): "utf-16-be"}
_CHARSETS = ("iso8859", "cp", "koi8", "gb", "big5", "shift_jis", "euc_", "iso2022", "mac-", "tis-620", "hz")
_DECLARED = re.compile(rb"<\?xml[^>]{0,100}\sencoding\s*=\s*[\"']([\w.:-]{1,40})[\"']")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # XML 1.0, section 2.2

_PROLOG = re.compile(r"(?:[\s\ufeff]++|<\?.*?\?>|<!--.*?-->)*+", re.DOTALL)
_DOCTYPE = re.compile(r"<!doctype\b([^\[>]*)([\[>])", re.IGNORECASE)
_PLAIN_DOCTYPE = re.compile(
    r"\s+[\w:.-]+\s*|\s+rss\s+PUBLIC\s+\"-//Netscape Communications//DTD RSS 0\.91//EN\"\s+\"[^\"]*\"\s*", re.IGNORECASE
)
_ROOT = re.compile(r"<([^\W\d][\w.:-]*)")
_NOTHING_IN_IT = re.compile(r"<[^<>]*/>\s*")
_BASE = re.compile(r"\sxml:base\s*=\s*(?:\"([^\"<]*)\"|'([^'<]*)')")
_NO_WORD = re.compile(r"[A-Za-z0-9_.+-]{300,}")  # a picture in letters, at best; feedparser looks for e-mail in it
_PREFIX = re.compile(r"\sxmlns:([\w.-]+)")
_NO_TAGS = re.compile(r"<(?:!--|!\[CDATA\[|\?)")
_ENDS_OF = {"<!--": "-->", "<![CDATA[": "]]>", "<?": "?>"}
_TAG = re.compile(r"<(?:[^<>\"']|\"[^<\"]*\"|'[^<']*')*+")
_BEGINS = re.compile(r"<(?:[\w.-]+:)?(?:item|entry)(?=[\s/>])")
_ENDS = re.compile(r"</(?:[\w.-]+:)?(?:item|entry)\s*>")


class Refused(Exception):
    """The document is not read; the message says why, and what it is."""


@dataclass(frozen=True, slots=True)
class Document:
    """A feed as `text`, from its root on. It has about `entries` of them; `fault` says why some were cut off."""

    text: str
    entries: int
    fault: str = ""

    @property
    def utf8(self) -> bytes:
        return b"<?xml version='1.0' encoding='utf-8'?>" + self.text.encode("utf-8", "replace")


def document(body: bytes, charset: str = "") -> Document:
    """The feed in `body`; `charset` is what the server said it is written in. Raises Refused."""
    if len(body) > MAX_BYTES:
        raise Refused(f"the feed is larger than {MAX_BYTES // 1_000_000} MB")
    found = _cut(_NO_WORD.sub(" ", _from_root(_NO_XML.sub(" ", decoded(body, charset)))))
    if _has_too_much_markup(found.text):
        raise Refused("the feed has far more markup than a feed of papers")
    return replace(found, text=_with_one_base(found.text))


def decoded(body: bytes, charset: str) -> str:
    """`body` as text. What decodes as UTF-8 is UTF-8, whatever is said of it: no other text does by chance. Then counts
    what the server says, then what the document says (RFC 7303, section 3), then what most likely was meant. Bytes that
    are no text become U+FFFD."""
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace")
    zeros = tuple(place for place, byte in enumerate(body[:4]) if not byte)
    if zeros in _ZEROS:
        return body.decode(_ZEROS[zeros], "replace")
    declared = _DECLARED.search(body[:200])
    names = ("utf-8", charset, declared[1].decode("ascii", "replace") if declared else "")
    for name in names:
        try:
            if codecs.lookup(name).name.startswith(("utf-8", *_CHARSETS)):
                return body.decode(name)
        except (LookupError, ValueError):  # there is no such encoding, or this is another one
            continue
    damaged = body.decode("utf-8", "replace")
    mostly_utf8 = any(ord(letter) > 127 and letter != "\ufffd" for letter in damaged)
    return damaged if mostly_utf8 else body.decode("cp1252", "replace")


def _has_too_much_markup(text: str) -> bool:
    if text.count("<") > MAX_TAGS or text.count("&") > MAX_ENTITIES or len(set(_PREFIX.findall(text))) > MAX_PREFIXES:
        return True
    return any(tag[0].count("=") > MAX_ATTRIBUTES for part in _markup(text) for tag in _TAG.finditer(part))


def _markup(text: str) -> Iterator[str]:
    """`text` without its comments, CDATA sections and instructions, in parts; what follows one without an end is
    markup, for all we know."""
    at = 0
    while opened := _NO_TAGS.search(text, at):
        yield text[at : opened.start()]
        end = _ENDS_OF[opened[0]]
        closed = text.find(end, opened.end())
        at = closed + len(end) if closed >= 0 else opened.end()
        if closed < 0:
            break
    yield text[at:]


def _from_root(text: str) -> str:
    """`text` without what stands before its root. Raises Refused for what is no feed, and for what declares things."""
    text = text[_prolog(text, 0) :]
    if doctype := _DOCTYPE.match(text):
        if doctype[1].lower().split()[:1] == ["html"]:
            raise Refused(_web_page(text))
        if doctype[2] == "[" or not _PLAIN_DOCTYPE.fullmatch(doctype[1]):
            raise Refused("the feed declares entities or names a DTD of its own, which is not read")
        text = text[_prolog(text, doctype.end()) :]
    root = _ROOT.match(text)
    if not root:
        what = "empty" if not text else "JSON, not RSS or Atom" if text[0] in "{[" else "neither RSS nor Atom"
        raise Refused(f"the answer is {what}")
    if root[1].lower() == "html":
        raise Refused(_web_page(text))
    return text


def _prolog(text: str, start: int) -> int:
    found = _PROLOG.match(text, start)
    return found.end() if found else start


def _web_page(text: str) -> str:
    """What to say of a page, with the feed that it names, if it does."""
    parser = etree.HTMLParser(encoding="utf-8", no_network=True)
    page = etree.fromstring(text[:100_000].encode("utf-8", "replace"), parser)
    for link in page.iter("link") if page is not None else ():
        is_feed = link.get("type", "").strip().lower() in ("application/rss+xml", "application/atom+xml")
        if is_feed and (named := address(link.get("href"))):
            return f"the address is that of a web page, not of a feed; the page names {named} as its feed"
    return "the address is that of a web page, not of a feed; look for the feed's address in it"


def _with_one_base(text: str) -> str:
    """`text` with no more than the first `xml:base`: each is joined with those around it, in quadratic time."""
    first = _BASE.search(text)
    if not first:
        return text
    kept = len(first[1] or first[2] or "") <= MAX_BASE
    return text[: first.end() if kept else first.start()] + _BASE.sub("", text[first.end() :])


def _cut(text: str) -> Document:
    """The first MAX_ENTRIES of it, and of one that breaks off those that are whole."""
    root = _ROOT.match(text)
    name = root[1] if root else ""
    entries = sum(1 for _ in _BEGINS.finditer(text))
    ends = [found.end() for found in _ENDS.finditer(text)]
    breaks_off = text.rfind(f"</{name}") < (ends[-1] if ends else 1) and not _NOTHING_IN_IT.fullmatch(text)
    if breaks_off and not ends:
        raise Refused("the feed breaks off before its first entry ends")
    if len(ends) > MAX_ENTRIES:
        fault = f"more than {MAX_ENTRIES:,} entries: the rest was not read"
    elif entries > 2 * MAX_ENTRIES:
        raise Refused("the feed's entries have no end")
    elif breaks_off:
        fault = f"the feed breaks off after {counted(len(ends), 'entry', 'entries')}"
    else:
        return Document(text, entries)
    tail = "</channel></rss>" if name == "rss" else f"</{name}>"
    return Document(text[: ends[:MAX_ENTRIES][-1]] + tail, entries, fault)
