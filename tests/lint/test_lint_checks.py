"""Each check sees what it is for, and nothing else: one thing is broken at a time."""

from __future__ import annotations

import re
from html import escape

import pytest
from good_mail import CARD, HTML, TEXT, Good

from newsletter.rendering.lint import CHECKS, Finding, Severity, lint

GOOD = Good()
ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE


def found(good: Good) -> list[Finding]:
    return [finding for finding in lint(good.content) if not finding.allowed]


def inline(style: str, inner: str = "x", tag: str = "p") -> str:
    return f'<{tag} style="{style}">{inner}</{tag}>\n<h1 '


H1 = "<h1 "
LONG = "All work and no play makes a dull day. "
UNDERLINED = 'class="quiet" href="https://papers.example.org/leave/7?a=1&amp;b=2" style="color:#57606a"'
WAY_OUT = 'href="https://papers.example.org/leave/7?a=1&amp;b=2" style="color:#57606a">Unsubscribe'
FIRST_LINE = '<p class="quiet" style="color:#57606a; font-size:14px"><a class="quiet" ' + WAY_OUT + "</a></p>"
IMAGE = '<img src="https://papers.example.org/a.png" width="96" alt="A drawing" style="width:96px">'

GHOST = '<!--[if mso]><table role="presentation"><tr><td><![endif]-->'
GHOST_END = "<!--[if mso]></td></tr></table><![endif]-->"

ON_BLUE = (
    CARD.replace("padding:", "color:#ffffff; background-color:#0b5394; padding:").replace("edge", "page")
    + "x</td></tr></table>"
)
_, _, DARK_BLOCK, OUTLOOK_BLOCK = (
    f"<style>{block}</style>" for block in re.findall(r"<style>(.*?)</style>", HTML, re.DOTALL)
)

PREHEADER = TEXT.split("\n")[0]

BROKEN = [
    # check, severity, piece, what is changed, into what
    ("M1", ERROR, "header", "Date: Wed, 12 Mar 2025 07:00:00 +0000\n", ""),
    ("M1", ERROR, "header", "Wed, 12 Mar 2025 07:00:00 +0000", "soon"),
    ("M1", ERROR, "header", "From: ", "From: Eve <eve@example.org>\nFrom: "),
    ("M1", ERROR, "header", "<ann@example.org>", "ann"),
    ("M1", ERROR, "header", "<2025-03-12.0123456789@papers.example.org>", "2025"),
    ("H1", ERROR, "html", "<!DOCTYPE html>", "<!doctype html>"),
    ("H1", ERROR, "html", "<head>", "<!DOCTYPE html><head>"),
    ("H2", ERROR, "html", '<html lang="en" dir="ltr"', '<html dir="ltr"'),
    ("H2", ERROR, "html", '"preheader" lang="en" dir="ltr"', '"preheader" lang="en"'),
    ("H3", ERROR, "html", ' xml:lang="en"', ""),
    ("H4", ERROR, "html", "<title>Sparse views suffice + 1 paper</title>", "<title> </title>"),
    ("H4", WARNING, "html", "<title>Sparse", "<title>Other"),
    ("H5", ERROR, "html", '<meta charset="utf-8">', ""),
    ("H5", ERROR, "html", "<!DOCTYPE html>", f"<!DOCTYPE html><!-- {'x' * 1024} -->"),
    ("H5", ERROR, "html_type", "; charset=utf-8", ""),
    ("H6", ERROR, "html", '<meta name="viewport" content="width=device-width, initial-scale=1">', ""),
    ("H6", ERROR, "html", "initial-scale=1", "initial-scale=1, maximum-scale=1"),
    ("H7", WARNING, "html", '<meta name="color-scheme" content="light dark">\n', ""),
    ("H7", WARNING, "html", '<meta name="supported-color-schemes" content="light dark">\n', ""),
    ("H7", WARNING, "html", ":root { color-scheme: light dark; }", ""),
    ("H8", WARNING, "html", '<meta name="x-apple-disable-message-reformatting">', ""),
    ("H8", WARNING, "html", '<meta name="format-detection" content="telephone=no">', ""),
    ("H9", WARNING, "html", "<o:PixelsPerInch>96", "<o:PixelsPerInch>120"),
    ("H9", WARNING, "html", ' xmlns:o="urn:schemas-microsoft-com:office:office"', ""),
    ("H9", WARNING, "html", CARD, CARD.replace('"100%"', '"200"')),
    ("H10", ERROR, "html", ' role="article"', ""),
    ("H10", ERROR, "html", ' aria-roledescription="email"', ""),
    ("H10", ERROR, "html", ' aria-label="Sparse views suffice + 1 paper"', ""),
    ("H10", WARNING, "html", 'aria-label="Sparse', 'aria-label="Other'),
    ("H11", ERROR, "html", H1, "<!--[if mso]> --><h1 "),
    ("H12", ERROR, "html", "</html>\n", ""),
    ("H13", ERROR, "html", 'href="https://github.com/hardy/views"', 'href="https://github.com/%7B%7B%20x%20%7D%7D"'),
    ("H13", ERROR, "html", 'href="https://github.com/hardy/views"', 'href=""'),
    ("H13", ERROR, "html", 'href="https://github.com/hardy/views"', 'href="#"'),
    ("H13", ERROR, "html", 'href="https://github.com/hardy/views"', 'href="None"'),
    ("H13", ERROR, "html", 'class="summary"', 'class="{{ summary }}"'),
    ("H13", ERROR, "html", "A prior makes three", "{{ count }} makes three"),
    ("H13", ERROR, "html", "A prior makes three views enough.", "None"),
    ("H13", ERROR, "text", "A prior makes three", "{% if x %} makes three"),
    ("H13", ERROR, "html", ">Your papers for Wednesday 12 March<", ">None<"),
    (
        "H13",
        ERROR,
        "html",
        'aria-label="Sparse views suffice + 1 paper"',
        'aria-label="{{ Sparse views suffice + 1 paper"',
    ),
    ("H13", ERROR, "text", "A prior makes three views enough.", "undefined"),
    ("A1", ERROR, "html", 'class="card" role="presentation"', 'class="card"'),
    ("A1", ERROR, "html", ' cellspacing="0"', ""),
    ("A1", ERROR, "html", '<tr><td class="edge"', '<tr><th>x</th></tr><tr><td class="edge"'),
    ("A2", WARNING, "html", "<h2 ", "<h1>Second</h1><h2 "),
    ("A2", WARNING, "html", '<h2 style="font-size:20px; line-height:26px" dir="auto">Neural fields</h2>', ""),
    ("A2", WARNING, "html", H1, "<h2>Before</h2><h1 "),
    ("A3", ERROR, "html", H1, IMAGE.replace(' alt="A drawing"', "") + H1),
    ("A4", ERROR, "html", ">Code: hardy/views</a>", "> </a>"),
    ("A4", WARNING, "html", ">Code: hardy/views</a>", ">\u2060\u200b</a>"),
    ("A5", WARNING, "html", ">Code: hardy/views</a>", ">Read more</a>"),
    ("A6", ERROR, "html", "color:#57606a; font-size:13px", "color:#a0a0a0; font-size:13px"),
    ("A6", ERROR, "html", "color: #9da7b3", "color: #20252b"),
    (
        "A7",
        ERROR,
        "html",
        f"Daily papers. <a {UNDERLINED}",
        f'Daily papers. <a {UNDERLINED[:-1]}; text-decoration:none"',
    ),
    ("A8", WARNING, "html", "padding: 12px 14px !important", "padding: 2px 14px !important"),
    ("A9", ERROR, "html", "font-size:13px", "font-size:12px"),
    ("A9", ERROR, "html", "font-size:16px; line-height:24px", "line-height:24px"),
    (
        "A9",
        WARNING,
        "html",
        "A prior makes three views",
        'A <code style="font-size:60%">prior</code> makes three views',
    ),
    (
        "A10",
        WARNING,
        "html",
        "<p>Two papers are for you, a one-minute read.</p>",
        "<section><p>Two papers are for you, a one-minute read.</p></section>",
    ),
    ("A11", WARNING, "html", '<p class="summary"', '<p id="a">x</p><p id="a">y</p><p class="summary"'),
    ("A11", WARNING, "html", 'href="https://github.com/hardy/views"', 'href="#paper"'),
    ("RTL", WARNING, "html", "<p>Two papers are", "<p>שדות עצביים</p><p>Two papers are"),
    ("RTL", WARNING, "html", '<a class="button"', '<a dir="auto" class="button"'),
    ("RTL", WARNING, "html", H1, inline("text-align:start")),
    ("RTL", WARNING, "html", H1, inline("margin-inline:0")),
    ("C1", ERROR, "html", CARD, CARD.replace('border="0"', 'style="width:552px" border="0"')),
    ("C2", ERROR, "html", ":root {", f"/* {'x' * 16_000} */ :root {{"),
    ("C2", NOTE, "html", ":root {", f"/* {'x' * 9_000} */ :root {{"),
    (
        "C3",
        ERROR,
        "html",
        "@media (prefers-color-scheme: dark) {",
        "@media (prefers-color-scheme: dark) {\n@media (min-width: 1px) { .page { color: #e6edf3 !important; } }",
    ),
    ("C3", ERROR, "html", ":root {", '@import "x.css"; :root {'),
    ("C3", ERROR, "html", ":root {", "@font-face { font-family: X; src: local(X); } :root {"),
    (
        "C3",
        ERROR,
        "html",
        ".quiet { color: #9da7b3 !important; }\n.title",
        ".quiet { color: #9da7b3 !important; .b { margin: 0 } }\n.title",
    ),
    ("C3", ERROR, "html", "14px !important; }\n}", "14px !important; }\n}\n}"),
    ("C3", ERROR, "html", H1, inline("color #57606a; }")),
    ("C4", WARNING, "html", "<h1 ", "<style>h4 { margin: 0 !important; }</style><h1 "),
    ("C4", WARNING, "html", "[data-ogsb] .page {", "h4 { margin: 0 !important; }\n[data-ogsb] .page {"),
    (
        "C5",
        ERROR,
        "html",
        ".quiet { color: #9da7b3 !important; }\n.title",
        ".quiet { color: #9da7b3 !important; font-size: 15px; }\n.title",
    ),
    ("C5", ERROR, "html", "14px !important", "14px!important"),
    ("C5", ERROR, "html", "14px !important", "14px !IMPORTANT"),
    ("C5", ERROR, "html", H1, inline("margin:0 !important")),
    ("C6", ERROR, "html", H1, inline("display:flex")),
    ("C6", ERROR, "html", H1, inline("float:left")),
    ("C6", ERROR, "html", H1, inline("margin:calc(1px + 1px)")),
    ("C6", ERROR, "html", H1, inline("margin:1rem")),
    ("C7", WARNING, "html", H1, inline("margin:12pt")),
    ("C7", WARNING, "html", H1, inline("margin:0; margin:1px")),
    ("C8", ERROR, "html", ":root {", "@media (width <= 480px) { h4 { margin: 0 !important; } } :root {"),
    ("C8", ERROR, "html", "@media screen and (max-width: 480px)", "@media (max-width: 480px) and (min-height: 100px)"),
    ("C9:padding-p", WARNING, "html", H1, inline("padding:4px")),
    ("C9:width-p", WARNING, "html", H1, inline("width:100px")),
    ("C9:border-p", WARNING, "html", H1, inline("border-left:2px solid #d8dee4")),
    ("C9:border", WARNING, "html", "border-top:1px solid", "border-top:9px solid"),
    ("C9:line-height", WARNING, "html", "mso-line-height-rule: exactly", "margin: 0"),
    ("C10", WARNING, "html", "border-top:1px solid #d8dee4", "border-top:1px solid #ddd"),
    ("C10", WARNING, "html", "border-top:1px solid #d8dee4", "border-top:1px solid grey"),
    ("C10", WARNING, "html", "border-top:1px solid #d8dee4", "border-top:1px solid rgba(1,2,3,0.5)"),
    ("C11", WARNING, "html", "A prior makes three views enough.</p>", f"{LONG * 200}</p>"),
    ("C11", WARNING, "html", "A prior makes three views enough.</p>", f"x</p>{'<p>A line.</p>' * 120}"),
    ("C11", WARNING, "html", H1, f"{GHOST}{'<p>x</p>' * 120}{GHOST_END}<h1 "),
    ("C11", WARNING, "html", f"</td></tr></table>\n{CARD}", ""),
    ("C12", ERROR, "html", H1, "<script>x</script><h1 "),
    ("C12", ERROR, "html", '<p class="summary"', '<p onclick="x()" class="summary"'),
    ("C12", ERROR, "html", 'href="https://github.com/hardy/views"', 'href="javascript:alert(1)"'),
    ("C12", ERROR, "html", 'href="https://github.com/hardy/views"', 'href="data:text/html,x"'),
    ("C12", ERROR, "html", "<title>", '<link rel="stylesheet" href="https://example.org/x.css"><title>'),
    ("C12", ERROR, "html", "<title>", "<link rel=stylesheet href=https://example.org/x.css><title>"),
    ("C12", ERROR, "html", H1, '<!--[if mso]><LINK rel="stylesheet" href="x.css"><![endif]--><h1 '),
    ("C12", ERROR, "html", H1, "<!--[if !mso]><!--><script>x</script><!--<![endif]--><h1 "),
    ("C13", WARNING, "html", H1, inline("color:#767676; font-size:24px")),
    ("D1", WARNING, "html", DARK_BLOCK, ""),
    ("D2", WARNING, "html", OUTLOOK_BLOCK, ""),
    ("D2", WARNING, "html", "[data-ogsc] .quiet { color: #9da7b3", "[data-ogsc] .quiet { color: #a0a7b3"),
    ("D3", WARNING, "html", H1, f"{ON_BLUE}<h1 "),
    ("D5", WARNING, "html", '"color-scheme" content="light dark"', '"color-scheme" content="light only"'),
    ("D5", WARNING, "html", "color-scheme: light dark;", "color-scheme: only light;"),
    ("I2", ERROR, "html", '<div class="preheader"', '<p lang="en" dir="ltr">x</p><div class="preheader"'),
    ("I2", WARNING, "html", "max-height:0; overflow:hidden; mso-hide:all", "max-height:0; overflow:hidden"),
    ("I3", NOTE, "html", PREHEADER, PREHEADER + "\u2007\ufeff\u034f " * 41),
    ("I4", WARNING, "html", "<p>Two papers are for you, a one-minute read.</p>", ""),
    ("I5", ERROR, "text", PREHEADER, "Hello."),
    ("I6", ERROR, "header", "List-Id: Daily papers <daily.papers.example.org>\n", ""),
    ("I6", ERROR, "header", "List-Unsubscribe-Post: List-Unsubscribe=One-Click\n", ""),
    ("I6", ERROR, "header", "List-Unsubscribe:List-Unsubscribe-Post", "List-Unsubscribe"),
    ("I6", ERROR, "header", "<https://papers.example.org/leave/7?a=1&b=2>, ", ""),
    ("I6", ERROR, "header", "List-Unsubscribe: <", "X-Other: <"),
    (
        "I7",
        ERROR,
        "html",
        WAY_OUT,
        WAY_OUT.replace("leave/7?a=1&amp;b=2", "settings").replace("Unsubscribe", "Settings"),
    ),
    ("I7", WARNING, "html", FIRST_LINE, ""),
    ("I7", ERROR, "text", "https://papers.example.org/leave/7?a=1&b=2", "by a letter"),
    ("I9", ERROR, "html", "</body>", f"<!-- {'x' * 100_000} --></body>"),
    ("I10", WARNING, "html", H1, '<script type="application/ld+json">{}</script><h1 '),
    ("I11", WARNING, "html", H1, IMAGE.replace("a.png", "a.svg") + H1),
    ("I11", WARNING, "html", H1, IMAGE.replace("https://papers.example.org/a.png", "data:image/png;base64,AAAA") + H1),
    ("I11", WARNING, "html", H1, IMAGE.replace(' style="width:96px"', "") + H1),
    ("I11", WARNING, "html", H1, IMAGE.replace('width="96"', 'width="1"') + H1),
    ("I12", NOTE, "html", "you subscribed to Daily papers", "you subscribed"),
    ("T1", ERROR, "text", "\nhttps://arxiv.org/abs/2503.00002\n", "\n"),
    ("T1", ERROR, "header", "multipart/alternative", "multipart/mixed"),
    ("T2", ERROR, "text", "Two papers", "<b>Two</b> papers"),
    ("T2", ERROR, "text", "Two papers", "Two&nbsp;papers"),
    ("T2", ERROR, "text", "Two papers", "**Two** papers"),
    ("T2", ERROR, "html", "Two papers", "&lt;b&gt;Two&lt;/b&gt; papers"),
    ("T2", ERROR, "html", "Two papers", "Two&amp;nbsp;papers"),
    ("T2", ERROR, "text", "Two papers", r"\emph{Two} papers"),
    ("T3", WARNING, "text_type", "charset=utf-8", "charset=utf-8; format=flowed"),
    ("T4", ERROR, "text", "Code: hardy/views\nhttps://github.com/hardy/views", "Code: https://github.com/hardy/views"),
    ("T4", WARNING, "text", "three views enough.", "three views enough. See https://example.org/more for more."),
    ("T5", ERROR, "header", "MIME-Version: 1.0", f"X-Long: {'x' * 1000}\nMIME-Version: 1.0"),
    ("T6", WARNING, "text", "to Daily papers. Unsubscribe:", "\n-- \nto Daily papers. Unsubscribe:"),
    ("T7", WARNING, "text", "Two papers", "Two papersᵣₑₛₜ"),
    ("support:css-text-shadow", WARNING, "html", H1, inline("text-shadow:1px 1px #ffffff")),
    (
        "support:css-pseudo-class-hover",
        WARNING,
        "html",
        ":root {",
        ".title:hover { letter-spacing: 1px !important; } :root {",
    ),
]


SUBJECTS = [
    # check, severity, as the header has it, as the document shows it
    ("I1:short", WARNING, "2 papers", "2 papers"),
    ("I1:long", WARNING, "Sparse views suffice + 1 paper" * 3, "Sparse views suffice + 1 paper" * 3),
    ("I1", WARNING, r"Sparse \\textbf{views} suffice + 1", r"Sparse \\textbf{views} suffice + 1"),
    ("I1", WARNING, "=?utf-8?q?e=CC=81?= Sparse views suffice + 1", "e\u0301 Sparse views suffice + 1"),
    ("I1", ERROR, "=?utf-8?q?x=0D=0ABcc=3A_y?= Sparse views suffice", "x Bcc: y Sparse views suffice"),
    ("I2", WARNING, PREHEADER, PREHEADER),
]


@pytest.mark.parametrize(("check", "severity", "raw", "shown"), SUBJECTS)
def test_subjects(check: str, severity: Severity, raw: str, shown: str) -> None:
    findings = found(GOOD.with_subject(raw, shown))
    assert {(finding.check, finding.severity) for finding in findings} - {("I1:long", WARNING)} == {
        (check, severity)
    } - {("I1:long", WARNING)}, findings
    assert check in {finding.check for finding in findings}


def test_the_good_mail_is_good() -> None:
    assert found(GOOD) == []


def test_a_heavy_mail_is_accepted_as_long_as_nobody_clips_it() -> None:
    mail = GOOD.with_("html", "</body>", f"<!-- {'x' * 80_000} --></body>")
    [heavy] = [finding for finding in lint(mail.content) if finding.check == "I9"]
    assert heavy.severity is WARNING
    assert "95,000" in heavy.allowed


@pytest.mark.parametrize(("check", "severity", "piece", "old", "new"), BROKEN)
def test_one_broken_thing_is_one_finding(check: str, severity: Severity, piece: str, old: str, new: str) -> None:
    findings = found(GOOD.with_(piece, old, new))
    assert {(finding.check, finding.severity) for finding in findings} == {(check, severity)}, findings
    assert all(finding.message and len(finding.where) <= 200 for finding in findings)


def test_every_check_is_broken_here() -> None:
    broken = {check.partition(":")[0] for check, *_ in (*BROKEN, *SUBJECTS)}
    assert broken == set(CHECKS)


def test_words_of_a_paper_are_told_from_left_overs() -> None:
    """What both parts show alike was meant; what only one shows is a fault of a template."""
    strange = r"\foo{{x}} a&amp;b xᵣₑₛₜ <b> of https://x.example here"
    in_text = GOOD.with_("text", "A prior makes three views enough.", strange)
    assert {finding.check for finding in found(in_text)} == {"H13", "T2", "T4", "T7"}
    in_both = in_text.with_(
        "html", '"summary" dir="auto">A prior makes three', f'"summary" dir="auto">{escape(strange)}'
    )
    assert found(in_both) == []
    accepted = {finding.check for finding in lint(in_both.content) if finding.check.endswith(":words")}
    assert accepted == {"H13:words", "T2:words", "T4:words", "T7:words"}


def test_errors_come_first_then_the_order_of_the_checks() -> None:
    bad = GOOD.with_("html", "<!DOCTYPE html>", "").with_("html", "<title>Sparse", "<title>Other")
    bad = bad.with_("text", "to Daily papers. Unsubscribe:", "\n-- \n").with_("header", "List-Id", "X-List")
    assert [(finding.check, finding.severity) for finding in found(bad)] == [
        ("H1", ERROR),
        ("I6", ERROR),
        ("H4", WARNING),
        ("T6", WARNING),
    ]


def test_what_is_found_often_is_told_once() -> None:
    bad = GOOD.with_("html", ' cellspacing="0"', "")
    assert bad.html.count("<table") == 2
    assert len(found(bad)) == 1


def test_an_operators_own_classes_are_no_fault() -> None:
    """The names of title and button are ours; without them fewer checks can be made, and no more is found."""
    html = GOOD.html
    for ours, other in (("title", "headline"), ("button", "knob"), ("preheader", "teaser")):
        html = html.replace(f'class="{ours}"', f'class="{other}"').replace(f".{ours}", f".{other}")
    assert found(Good(html=html)) == []
