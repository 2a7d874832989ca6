"""Reading the e-mails that were sent."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

from lxml import html
from lxml.html import HtmlElement


def parsed(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def html_of(message: EmailMessage) -> HtmlElement:
    part = message.get_body(("html",))
    assert part is not None
    return html.fromstring(part.get_content())


def papers_in_html(message: EmailMessage) -> list[str]:
    """The titles of all papers shown, cards and compact rows, in order."""
    titles = [
        one
        for one in html_of(message).iter()
        if isinstance(one.tag, str) and "title" in (one.get("class") or "").split()
    ]
    return [" ".join(one.text_content().split()) for one in titles]


def papers_in_text(message: EmailMessage, titles: list[str]) -> list[str]:
    """Those of `titles` that the text part shows on a line of their own, in its order."""
    lines = [" ".join(line.split()) for line in text_of(message).splitlines()]
    places = {}
    for title in titles:
        found = [n for n, line in enumerate(lines) if line.endswith(title) and len(line) <= len(title) + 5]
        if found:
            places[title] = found[0]
    return sorted(places, key=places.__getitem__)
