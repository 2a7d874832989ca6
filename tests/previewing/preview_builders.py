"""Previews to make pages of: every edition of the rendering's tests, and messages that try everything."""

from __future__ import annotations

from datetime import UTC, datetime

from rendering.mail_builders import EDITIONS, LINKS, edition, rendered

from newsletter.daily import Preview
from newsletter.mail.mime import Letterhead, build
from newsletter.model import Occasion, Parts, Subscriber

LETTERHEAD = Letterhead("Trending Pàpers", "papers@example.org", "Trending Papers", "papers.example.org")
NAMES = list(EDITIONS)


def made(name: str = "many") -> Preview:
    """The preview of that edition."""
    return of(rendered(name), name)


def of(parts: Parts, name: str = "one") -> Preview:
    """The preview of any parts."""
    message = build(
        parts,
        LETTERHEAD,
        recipient="ada@example.org",
        recipient_name="Ada",
        links=LINKS,
        message_id="<2025-03-12.1@example.org>",
        date=datetime(2025, 3, 12, 7, tzinfo=UTC),
    )
    return Preview(
        Subscriber("ada@example.org"), edition(name).digest, parts, message, Occasion(edition(name).digest.day)
    )


def of_html(html: str, subject: str = "A subject", preheader: str = "A preheader") -> Preview:
    """The preview of a message with that HTML part."""
    return of(Parts(subject, preheader, html, f"{preheader}\n\nText.\n", ()))


def evil(base: str) -> str:
    """A document that tries to run scripts, to open dialogs and to reach `base` in every way there is."""
    return f"""<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Evil</title>
<base href="{base}/base/"><meta http-equiv="refresh" content="0;url={base}/refresh">
<link rel="stylesheet" href="{base}/sheet.css"><link rel="prefetch" href="{base}/prefetch">
<link rel="preconnect" href="{base}"><link rel="icon" href="{base}/icon.png">
<style>@import url("{base}/import.css"); @font-face {{ font-family: x; src: url({base}/font.woff) }}
body {{ background: url({base}/css-background.png); font-family: x }}</style>
<script>alert(1); document.title = "ran"; fetch("{base}/fetch")</script><script src="{base}/script.js"></script></head>
<body background="{base}/body.png" onload="alert(2); location='{base}/onload'">
<img src="{base}/image.png" alt="An image" width="40" height="30" onerror="alert(3)">
<img src="{base}/set.png" srcset="{base}/set-2.png 2x" alt="A set"><img src=x onerror="alert(4)" alt="">
<picture><source srcset="{base}/source.png"><img src="{base}/picture.png" alt="A picture"></picture>
<iframe src="{base}/iframe"></iframe><iframe srcdoc="<script>top.alert(5)</script>"></iframe>
<object data="{base}/object"></object><embed src="{base}/embed">
<video src="{base}/video" poster="{base}/poster" autoplay></video><audio src="{base}/audio" autoplay></audio>
<svg><image href="{base}/svg.png" xlink:href="{base}/svg-2.png"/>
<script>alert(6)</script></svg><form action="{base}/form"><input type="image" src="{base}/input.png"><button
 formaction="{base}/button" autofocus onfocus="alert(7)">Send the form</button></form>
<p style="background-image: url({base}/inline.png)">Seen before
<a href="{base}/link" ping="{base}/ping" target="_top">a link</a>, <a href="javascript:alert(8)">a script</a> and
<a href="{base}/map"><b>bold</b></a>.</p><script>document.write("written")</script>after the script
</body></html>"""
