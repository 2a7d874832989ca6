"""Whatever Unicode a source, a topic or a reader holds: the e-mail is made, and it is whole."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import html
from mail_builders import HOSTILE, LINKS, Edition, paper

from newsletter.model import Link, LinkKind, Reason, Why
from newsletter.rendering import Look

ANY = st.text(st.characters(exclude_categories=()), max_size=120)
LATEX = st.text("\\${}^_&%~`'\"<>=- abN2é\ue000\ue001#/?\ud800神", max_size=80)
TEXT = ANY | LATEX


@given(title=TEXT, abstract=TEXT, name=TEXT, topic=TEXT, reason=TEXT, author=TEXT, path=TEXT, venue=TEXT)
@example(*[HOSTILE] * 8)
@example(*[""] * 8)
@example(*["\u0301" * 100] * 8)
@example(*["\u202e\u2066\ufeff\u200d"] * 8)
@example(*["x" * 5_000] * 8)
@settings(deadline=None, max_examples=60)
def test_any_text_gives_a_whole_mail(
    title: str, abstract: str, name: str, topic: str, reason: str, author: str, path: str, venue: str
) -> None:
    one = Edition(
        {
            topic: [
                paper(
                    1,
                    abstract=abstract,
                    authors=(author,) * 5,
                    links=(Link(LinkKind.CODE, f"https://github.com/{path}"),),
                    venue=venue,
                    ai_summary=venue + abstract,
                    thumbnail=f"https://example.org/{path}",
                ),
                paper(2, abstract=abstract),
            ]
        },
        also=[paper(3)],
        outside=paper(4, abstract=venue, thumbnail=path),
        look=Look(thumbnails=True, machine_summaries=True),
        reader=name,
        reasons=(Reason(Why.TEXT, (reason,)), Reason(Why.BOTH, (reason, reason))),
        curators=(author,),
    )
    one.sections[topic][0] = replace(one.sections[topic][0], title=title)
    parts = one.parts()
    document = html.document_fromstring(parts.html)
    assert parts.html.startswith("<!DOCTYPE html>")
    assert parts.html.rstrip().endswith("</html>")
    assert parts.papers == ("title:1", "title:2", "title:3", "title:4")
    assert len(document.xpath('//a[@class="title"]')) == 4
    assert all(" ".join(link.text_content().split()) for link in document.xpath("//a[not(img)]"))
    assert all(picture.get("src").startswith("https://example.org/") for picture in document.xpath("//img"))
    assert [link.get("href") for link in document.xpath("//a")].count(LINKS.unsubscribe) == 2
    assert LINKS.unsubscribe in parts.text.splitlines()
    assert all(f"\n{number}. " in parts.text for number in (1, 2, 3, 4))
    assert parts.html.count("<!--") == 1  # the one for Outlook
    for part in (parts.html, parts.text, parts.subject, parts.preheader):
        part.encode()
        assert not re.search("[\ue000-\uf8ff]", part)
    assert re.fullmatch(r"[^\r\n]{1,70}", parts.subject)
    assert 60 <= len(parts.preheader) <= 130
