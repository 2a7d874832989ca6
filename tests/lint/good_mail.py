"""A small message in which the lint has nothing to say, written by hand, to break one thing at a time."""

from __future__ import annotations

import quopri
from dataclasses import dataclass, replace
from html import escape

SUBJECT = "Sparse views suffice + 1 paper"

HEADER = """\
From: Daily papers <news@papers.example.org>
To: Ann <ann@example.org>
Subject: Sparse views suffice + 1 paper
Date: Wed, 12 Mar 2025 07:00:00 +0000
Message-ID: <2025-03-12.0123456789@papers.example.org>
List-Id: Daily papers <daily.papers.example.org>
List-Unsubscribe: <https://papers.example.org/leave/7?a=1&b=2>, <mailto:leave@papers.example.org?subject=leave>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
DKIM-Signature: v=1; a=rsa-sha256; d=papers.example.org; h=From:To:Subject:
 List-Unsubscribe:List-Unsubscribe-Post; b=AAAA
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="=_edge"
"""

TEXT = """\
A prior from 20,000 objects makes three views enough, and a faster scheduler for robots.

Your papers for Wednesday 12 March
Two papers are for you, a one-minute read.

== NEURAL FIELDS ==

1. Sparse views suffice
A prior makes three views enough.
https://arxiv.org/abs/2503.00001
Code: hardy/views
https://github.com/hardy/views

2. A faster scheduler
https://arxiv.org/abs/2503.00002

You get this because you subscribed to Daily papers. Unsubscribe:
https://papers.example.org/leave/7?a=1&b=2
"""

CARD = (
    '<table class="card" role="presentation" width="100%" border="0" cellpadding="0" cellspacing="0">'
    '<tr><td class="edge" style="padding:16px 0; border-top:1px solid #d8dee4">\n'
)

HTML = f"""\
<!DOCTYPE html>
<html lang="en" dir="ltr" xmlns:o="urn:schemas-microsoft-com:office:office">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<meta name="x-apple-disable-message-reformatting">
<meta name="format-detection" content="telephone=no">
<title>Sparse views suffice + 1 paper</title>
<!--[if mso]><noscript><xml><o:OfficeDocumentSettings><o:PixelsPerInch>96</o:PixelsPerInch></o:OfficeDocumentSettings>\
</xml></noscript><style>
td, p {{ mso-line-height-rule: exactly; }}
</style><![endif]-->
<style>
:root {{ color-scheme: light dark; }}
@media screen and (max-width: 480px) {{
.button {{ padding: 12px 14px !important; }}
}}
</style>
<style>
@media (prefers-color-scheme: dark) {{
.page {{ background-color: #14181d !important; color: #e6edf3 !important; }}
.quiet {{ color: #9da7b3 !important; }}
.title, .button {{ color: #79b8ff !important; }}
}}
</style>
<style>
[data-ogsb] .page {{ background-color: #14181d !important; }}
[data-ogsc] .page {{ color: #e6edf3 !important; }}
[data-ogsc] .quiet {{ color: #9da7b3 !important; }}
[data-ogsc] .title, [data-ogsc] .button {{ color: #79b8ff !important; }}
</style>
</head>
<body class="page" xml:lang="en" style="background-color:#ffffff; color:#1f2328; font-size:16px; line-height:24px">
<div class="preheader" lang="en" dir="ltr" style="display:none; max-height:0; overflow:hidden; mso-hide:all">\
A prior from 20,000 objects makes three views enough, and a faster scheduler for robots.</div>
<div class="page" role="article" aria-roledescription="email" aria-label="Sparse views suffice + 1 paper" lang="en" \
dir="ltr" style="background-color:#ffffff; color:#1f2328">
<p class="quiet" style="color:#57606a; font-size:14px">\
<a class="quiet" href="https://papers.example.org/leave/7?a=1&amp;b=2" style="color:#57606a">Unsubscribe</a></p>
<h1 style="font-size:26px; line-height:32px">Your papers for Wednesday 12 March</h1>
<p>Two papers are for you, a one-minute read.</p>
<h2 style="font-size:20px; line-height:26px" dir="auto">Neural fields</h2>
{CARD}\
<h3 style="font-size:18px; line-height:25px" dir="auto"><a class="title" href="https://arxiv.org/abs/2503.00001" \
style="color:#0b5394; text-decoration:none">Sparse views suffice</a></h3>
<p class="summary" dir="auto">A prior makes three views enough.</p>
<p class="actions"><a class="button" href="https://github.com/hardy/views" style="display:inline-block; \
padding:5px 12px; color:#0b5394; font-size:14px; line-height:20px; text-decoration:none">Code: hardy/views</a></p>
</td></tr></table>
{CARD}\
<h3 style="font-size:18px; line-height:25px" dir="auto"><a class="title" href="https://arxiv.org/abs/2503.00002" \
style="color:#0b5394; text-decoration:none">A faster scheduler</a></h3>
</td></tr></table>
<p class="quiet" style="color:#57606a; font-size:13px">You get this because you subscribed to Daily papers. \
<a class="quiet" href="https://papers.example.org/leave/7?a=1&amp;b=2" style="color:#57606a">Unsubscribe</a></p>
</div>
</body>
</html>
"""


@dataclass(frozen=True)
class Good:
    """The message in three pieces."""

    header: str = HEADER
    text: str = TEXT
    html: str = HTML
    text_type: str = "text/plain; charset=utf-8"
    html_type: str = "text/html; charset=utf-8"

    def with_(self, piece: str, old: str, new: str) -> Good:
        """One piece changed; fails if there is nothing to change."""
        before = getattr(self, piece)
        assert old in before, old
        return replace(self, **{piece: before.replace(old, new)})

    def with_subject(self, raw: str, shown: str) -> Good:
        """Another subject: `raw` in the header, `shown` in the document."""
        changed = self.with_("header", f"Subject: {SUBJECT}", f"Subject: {raw}")
        return changed.with_("html", SUBJECT, escape(shown))

    @property
    def content(self) -> bytes:
        """The message as it goes over the wire."""
        lines = [self.header]
        for kind, body in ((self.text_type, self.text), (self.html_type, self.html)):
            encoded = quopri.encodestring(body.encode("utf-8", "replace")).decode()
            lines.append(f"--=_edge\nContent-Type: {kind}\nContent-Transfer-Encoding: quoted-printable\n\n{encoded}")
        return "\n".join([*lines, "--=_edge--", ""]).replace("\n", "\r\n").encode("utf-8", "replace")
