"""The slow way, which says what a message is: each one rendered whole, inlined whole, and serialised by the email
package. What is made once for all readers of a digest has to come to the same bytes."""

from __future__ import annotations

import quopri
import re
from collections.abc import Mapping
from datetime import datetime
from email.generator import BytesGenerator
from email.message import Message as EmailMessage
from email.policy import compat32
from io import BytesIO
from itertools import count

from mail_builders import TEMPLATES

from newsletter.mail import mime
from newsletter.mail.headers import phrase
from newsletter.model import Digest, Pick, ReaderLinks
from newsletter.model.message import paper_part
from newsletter.rendering import Compiled, words
from newsletter.rendering.compiled import LINKS, OPINION, VALUES, key
from newsletter.rendering.inlining import premailer_inline
from newsletter.rendering.pieces import Mark
from newsletter.rendering.templates import Templates
from newsletter.rendering.weight import Weight

_GIVEN = re.compile("(?:<!--)?\ue000[?]([a-z_]+)\ue001(?:-->)?(.*?)(?:<!--)?\ue000/\ue001(?:-->)?", re.DOTALL)


_SINGLE = re.compile("""( (?:aria-label|alt))='([^'<>]*)'""")
_CARDS = Mark("\ue000cards\ue001")


class Whole:
    """One reader's parts, from the templates. Only the words come from `compiled`."""

    def __init__(self, compiled: Compiled, digest: Digest, name: str, links: ReaderLinks) -> None:
        _, fitted = compiled._measured(digest, name, links)
        self.digest = fitted(Weight())
        self.said = compiled._words(self.digest, name, links)
        self._compiled = compiled
        self._links = links
        self._templates = Templates([TEMPLATES], compiled.language, (*VALUES, *LINKS, OPINION))
        self._numbers = count(1)

    def html(self) -> str:
        """The HTML part: everything rendered with the reader's own values, and then inlined in one piece."""
        before, after = self._content("html")
        rendered = self._printed("shell.html.j2", self._shown() | {"content": Mark(before), "outside": Mark(after)})
        # The one liberty: libxml2 puts ' around a value that holds " and no ', where we write &quot; in it.
        return _SINGLE.sub(
            lambda found: f'{found[1]}="{found[2].replace(chr(34), "&quot;")}"', premailer_inline(rendered)
        )

    def text(self) -> str:
        """The text part."""
        self._numbers = count(1)
        before, after = self._content("txt")
        text = self._printed("digest.txt.j2", self._shown() | {"content": Mark(before), "outside": Mark(after)})
        # A no-break space is one of HTML's.
        return re.sub(r"\n{3,}", "\n\n", text.replace("\u00a0", " ")).strip() + "\n"

    def _shown(self) -> dict[str, object]:
        return {**self.said, "links": self._own_links()}

    def _own_links(self) -> dict[str, str]:
        return {"unsubscribe": self._links.unsubscribe, "topics": self._links.topics, "web": self._links.web or ""}

    def _content(self, ending: str) -> tuple[str, str]:
        """What stands before and what stands after the line about papers that were left out."""
        digest, compiled = self.digest, self._compiled
        sections = []
        if digest.top:
            sections.append(self._section("top", compiled.topics[digest.top.topic], (digest.top,), ending))
        for one in digest.sections:
            papers = words.papers(compiled.language, len(one.picks)).replace(" ", "\u00a0")
            topic = compiled.topics[one.slug]
            sections.append(self._section("section", papers, one.picks, ending, topic=topic))
        if digest.also:
            papers = words.papers(compiled.language, len(digest.also)).replace(" ", "\u00a0")
            sections.append(self._section("also", papers, digest.also, ending))
        after = ""
        if digest.rising:
            papers = words.papers(compiled.language, len(digest.rising)).replace(" ", "\u00a0")
            after = self._section("rising", papers, digest.rising, ending)
        if digest.outside:
            after += self._section("outside", "", (digest.outside,), ending)
        return "".join(sections), after

    def _section(self, template: str, count: str, picks: tuple[Pick, ...], ending: str, **values: object) -> str:
        one = "row" if template == "also" else "card"
        frame = self._piece(f"{template}.{ending}.j2", {**values, "count": count, "cards": _CARDS})
        return frame.replace(_CARDS, "".join(self._card(one, pick, ending) for pick in picks))

    def _card(self, template: str, pick: Pick, ending: str) -> str:
        opinion = f"{self._links.opinions}/{paper_part(pick.paper)}" if self._links.opinions else ""
        values = {"card": self._compiled.entries[key(pick)].card, "number": str(next(self._numbers))}
        return self._piece(f"{template}.{ending}.j2", values | {"links": {"opinion": opinion}})

    def _piece(self, template: str, values: Mapping[str, object]) -> str:
        printed = self._printed(template, values)
        return printed.strip() + "\n" if template.endswith(".html.j2") else printed

    def _printed(self, template: str, values: Mapping[str, object]) -> str:
        look = self._compiled.look
        printed = self._templates.render(
            template, look=look, tagline=self._compiled.language.known(look.tagline), **values
        )

        def shown(found: re.Match[str]) -> str:
            there = (
                self._links.opinions
                if found[1] == OPINION
                else self._links.web
                if found[1] == "web"
                else self.said[found[1]]
            )
            return found[2] if there else ""

        return _GIVEN.sub(shown, printed)


def serialised(
    html: str,
    text: str,
    letterhead: mime.Letterhead,
    *,
    subject: str,
    to: tuple[str, str],
    links: ReaderLinks,
    message_id: str,
    date: datetime,
    one_click: bool,
) -> bytes:
    """The message without signatures, put together and written by the email package; its header fields, whose folding
    is our own, are those of `mime.head`."""
    whole = EmailMessage(policy=compat32)
    for line in mime.head(
        letterhead,
        subject=subject,
        to=phrase("To", *to),
        links=links,
        message_id=message_id,
        date=date,
        one_click=one_click,
    ):
        name, _, value = line.partition(": ")
        whole[name] = value.replace("\r\n", "\n")
    whole["MIME-Version"] = "1.0"
    whole["Content-Type"] = f'multipart/alternative; boundary="{mime.boundary(message_id)}"'
    for subtype, body in (("plain", text), ("html", html)):
        part = EmailMessage(policy=compat32)
        part["Content-Type"] = f"text/{subtype}; charset=utf-8"
        part["Content-Transfer-Encoding"] = "quoted-printable"
        part.set_payload(quopri.encodestring(body.encode("utf-8", "replace")).decode())
        whole.attach(part)
    written = BytesIO()
    BytesGenerator(written, mangle_from_=False, maxheaderlen=0, policy=compat32.clone(linesep="\r\n")).flatten(whole)
    return written.getvalue()
