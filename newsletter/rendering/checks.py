"""The last look at an e-mail before it may be sent: is it whole?

An inliner that meets something it cannot read may end the document there and say nothing, unsubscribe link and all. So
the templates are checked once per edition, the result once per reader; what is not whole is not sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from newsletter.errors import CompositionError, TemplateError
from newsletter.rendering.pieces import CLOSE, OPEN

STYLE_LIMIT = 16_000
"""Bytes in all style blocks together; Gmail drops blocks beyond 16 kB."""

HARD_LIMIT = 100_000
"""Bytes of the HTML part on the wire; Gmail clips at about 102 kB."""

NEEDED = frozenset({"subject", "preheader", "content", "outside", "unsubscribe", "topics"})
"""What the HTML shell has to show whatever an operator's templates look like; the text shell all but the subject."""

_COMMENT = re.compile(r"<!--(?:(?!<!--).)*?-->", re.DOTALL)
_COMMENT_OPEN = re.compile(r"<!--")
_STYLE = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL | re.IGNORECASE)
_UNFILLED = re.compile(r"""href=["'](?:#?|None|nan|[^"']*(?:\{\{|%7B%7B)[^"']*)["']|\{[{%]""")
_CONDITIONAL = ("<!--[if", "<![endif]")


def check_before_inlining(document: str, place_of: Callable[[str], str]) -> None:
    """Raises TemplateError for an empty document and for styles that would make the inliner reach for the network.

    `place_of` says which template a text stands in.
    """
    if not document.strip():
        raise TemplateError("email/shell.html.j2 is empty")
    # Only where it would work: a paper may well be about @import, and its "<" is escaped.
    for fetched, where in (("@import", "".join(_STYLE.findall(document))), ("<link", document)):
        if re.search(rf"{fetched}\b", where, re.IGNORECASE):
            raise TemplateError(f"{place_of(fetched)}: has an {fetched}; write the rules into the style templates")


def check_comments(name: str, rendered: str) -> None:
    """Raises TemplateError for a comment without an end: browsers would hide all that follows, and inliners do not."""
    if _COMMENT_OPEN.search(_COMMENT.sub("", rendered)):
        raise TemplateError(f"email/{name}: a comment <!-- has no end -->")


def check_inlined(before: str, after: str) -> None:
    """Compares a document before and after inlining, papers and all.

    Raises CompositionError if links or conditional comments were lost or the styles are too large.
    """
    for tag in ("<a ", *_CONDITIONAL):
        if before.count(tag) != after.count(tag):
            raise CompositionError(f"inlining left {after.count(tag)} of {before.count(tag)} {tag!r} in the e-mail")
    if after.count(_CONDITIONAL[0]) != after.count(_CONDITIONAL[1]):
        raise CompositionError("an e-mail template has a conditional comment <!--[if ...]> without its <![endif]-->")
    size = sum(len(style.encode()) for style in _STYLE.findall(after))
    if size > STYLE_LIMIT:
        raise CompositionError(
            f"the e-mail's style blocks hold {size:,} bytes; Gmail drops what exceeds {STYLE_LIMIT:,}"
        )


def check_known(name: str, names: Collection[str], known: Collection[str]) -> None:
    """Raises TemplateError if the template `email/<name>` asks for a value that is not there for it."""
    if unknown := set(names) - set(known):
        raise TemplateError(f"email/{name} asks for a value that it has not: {', '.join(sorted(unknown))}")


def check_shell(html: str, html_names: Collection[str], text_names: Collection[str], known: Collection[str]) -> None:
    """Raises TemplateError if the text around the papers lacks something every e-mail needs."""
    for kind, missing in (
        ("shell.html.j2", NEEDED - set(html_names)),
        ("digest.txt.j2", NEEDED - {"subject"} - set(text_names)),
    ):
        if missing:
            raise TemplateError(f"email/{kind} and what it includes never show: {', '.join(sorted(missing))}")
    if unknown := (set(html_names) | set(text_names)) - set(known):
        raise TemplateError(f"an e-mail template asks for a value that does not exist: {', '.join(sorted(unknown))}")
    if unfilled := _UNFILLED.search(html):
        raise TemplateError(f"an e-mail template leaves {unfilled[0]!r} in the e-mail")


def check_whole(
    html: str, text: str, *, unsubscribe: tuple[str, str], addresses: Collection[tuple[str, str]], size: int
) -> None:
    """Raises CompositionError, naming what is missing, unless the finished parts are whole.

    `unsubscribe` and each of `addresses`, one per paper shown, are a link as it stands in HTML and in the text.
    """
    faults = [
        (not html.startswith("<!DOCTYPE html>"), "the HTML part does not begin with <!DOCTYPE html>"),
        (not html.rstrip().endswith("</html>"), "the HTML part does not end with </html>"),
        (any(mark in part for mark in (OPEN, CLOSE) for part in (html, text)), "a placeholder was left unfilled"),
        (not unsubscribe[1], "there is no unsubscribe link"),
        (f'href="{unsubscribe[0]}"' not in html, "the HTML part has no unsubscribe link"),
        (f"\n{unsubscribe[1]}\n" not in text, "the text part has no unsubscribe link on a line of its own"),
        (size > HARD_LIMIT, f"the HTML part takes {size:,} bytes; mail programs clip more than {HARD_LIMIT:,}"),
    ]
    for in_html, in_text in addresses:
        faults.append((f'href="{in_html}"' not in html, f"the HTML part lost the paper at {in_text}"))
        faults.append((f"\n{in_text}\n" not in text, f"the text part lost the paper at {in_text}"))
    if found := [fault for is_so, fault in faults if is_so]:
        raise CompositionError(f"the e-mail is not whole: {'; '.join(found)}")
