"""What a template left over is told from what a paper says, by comparing the two parts."""

from __future__ import annotations

from dataclasses import replace
from html import escape

import pytest
from crossing import crossed
from good_mail import Good
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rendering.mail_builders import EDITIONS, Edition, paper
from test_lint_mails import message

from newsletter.languages import language
from newsletter.model import Link, LinkKind, Reason, Why
from newsletter.rendering import Look
from newsletter.rendering.lint import Finding, Severity, lint

GOOD = Good()
ERROR, WARNING = Severity.ERROR, Severity.WARNING
SAID = "A prior makes three views enough."


def found(good: Good) -> set[tuple[str, Severity]]:
    return {(finding.check, finding.severity) for finding in lint(good.content) if not finding.allowed}


def errors(content: bytes) -> list[Finding]:
    return [finding for finding in lint(content) if finding.severity is ERROR]


LEFT_OVERS = [
    ("{{ count }}", "H13"),
    ("{% if x %}", "H13"),
    ("%7B%7Bx", "H13"),
    ("<b>bold</b>", "T2"),
    ("&amp;", "T2"),
    ("**bold**", "T2"),
    ("[a](b)", "T2"),
    (r"\emph", "T2"),
    ("$x^2$", "T2"),
]


@pytest.mark.parametrize("piece", ["html", "text"])
@pytest.mark.parametrize(("left", "check"), LEFT_OVERS)
def test_in_one_part_only_it_is_an_error(left: str, check: str, piece: str) -> None:
    words = f"A prior makes {escape(left) if piece == 'html' else left} enough."
    assert found(GOOD.with_(piece, SAID, words)) == {(check, ERROR)}


@pytest.mark.parametrize(("left", "check"), LEFT_OVERS)
def test_in_both_parts_it_is_a_papers_own(left: str, check: str) -> None:
    words = f"A prior makes {left} enough."
    both = GOOD.with_("html", SAID, escape(words)).with_("text", SAID, words)
    assert found(both) == set()
    assert (f"{check}:words", WARNING) in {(finding.check, finding.severity) for finding in lint(both.content)}


@pytest.mark.parametrize("piece", ["html", "text"])
@pytest.mark.parametrize(("left", "check"), LEFT_OVERS)
def test_where_a_part_has_words_of_its_own_it_may_be_a_papers(left: str, check: str, piece: str) -> None:
    """An operator's templates that show the authors in one part only: nobody can be sure."""
    author, other = "Ada Lovelace", left
    line = "{}\n" if piece == "text" else "<p>{}</p>\n"
    place = "A prior makes" if piece == "text" else '<p class="summary"'
    words = "".join(line.format(escape(one) if piece == "html" else one) for one in (author, other))
    assert found(GOOD.with_(piece, place, words + place)) == {(check, WARNING)}


@pytest.mark.parametrize(
    ("words", "severity"),
    [
        ("None", WARNING),
        ("nan", WARNING),
        ("Undefined", WARNING),
        ("3 March · nan votes", WARNING),
        ("None papers, 3 min.", WARNING),
        ("None of these views is enough, says Ferdinand.", None),
        ("It returns undefined, or else it returns none at all, or None.", None),
        ("Nan Li", None),
        ("Undefined behaviour", None),
    ],
)
def test_nothing_where_a_value_belongs(words: str, severity: Severity | None) -> None:
    both = GOOD.with_("html", SAID, words).with_("text", SAID, words)
    assert found(both) == ({("H13", severity)} if severity else set())


@pytest.mark.parametrize("sentence", ["Hello None.", "You have nan, and more."])
def test_nothing_in_a_sentence_of_ours(sentence: str) -> None:
    ours = "Two papers are for you"
    before = GOOD.with_("html", ours, f"{sentence} {ours}").with_("text", ours, f"{sentence} {ours}")
    closing = "You get this because you subscribed"
    after = GOOD.with_("html", closing, f"{sentence} {closing}").with_("text", closing, f"{sentence} {closing}")
    assert found(before) == found(after) == {("H13", WARNING)}


def test_a_word_for_nothing_is_looked_for_as_a_whole_word() -> None:
    """The text's “nonetheless” does not make the HTML's “None” a paper's; its “none” may."""
    alone = GOOD.with_("html", SAID, "None")
    assert found(alone.with_("text", SAID, "It is enough nonetheless.")) == {("H13", ERROR)}
    assert found(alone.with_("text", SAID, "It needs none.")) == {("H13", WARNING)}


@pytest.mark.parametrize("html", ["", " \n ", "<!-- x -->", "<!DOCTYPE html><!-- x -->", "<!--", "<p></p>", "&nbsp;"])
def test_an_html_part_that_shows_nothing_is_called_so(html: str) -> None:
    said = [finding.message for finding in lint(replace(GOOD, html=html).content) if finding.check == "T1"]
    assert "The HTML part shows nothing: see whether its template was rendered." in said


@pytest.mark.parametrize(("name", "code", "width"), crossed(EDITIONS, ["en", "de"], [0, 60]))
def test_one_slip_in_our_own_mails_is_an_error(name: str, code: str, width: int) -> None:
    """Whatever else the papers say: what only one part has is found in every edition, in either part."""
    edition = EDITIONS[name]()
    edition.language, edition.look = language(code), replace(edition.look, text_width=width)
    parts = edition.parts()
    sign = "Notify us &lt;br&gt; now"
    slipped = (
        replace(parts, html=parts.html.replace("</h1>", f" {sign}</h1>", 1)),
        replace(parts, text=parts.text.replace("\n==========\n", "\n==========\nNotify us <br> now\n", 1)),
    )
    for changed in slipped:
        assert changed != parts
        assert [finding.check for finding in errors(message(edition, changed))] == ["T2"]


SPACES = [" ", "\n", "\u00a0", "\u0301", "\u0338", "\u0345", "\u200b", "\ue000", "\0"]
SIGNS = r"""{{ }} {% %} \{ \} { } $ \$ ^ _ ^{ _{ \ \\ < </ > <b> & &amp; &#1 ; # ## * ** [ ]( ) ``` \textbf{ \emph{
    \texttt{ \mathrm{ \verb| | \alpha ~ %7B %257B %25 %7D %41 a x B None nan undefined · . : ? 1 12 ı ß ŉ ſ İ ǰ é ﬁ ² ½
    ％ ﹛ ς ϕ שד 字 - − -- '' `` " ' … @ ( = word https://example.org/""".split()
WORDS = st.lists(st.sampled_from(SIGNS + SPACES), max_size=14).map("".join)
ADDRESSES = st.builds(
    "{}{}".format, st.sampled_from(["https://youtube.com/watch?v=", "https://github.com/", "https://e.org/"]), WORDS
)


@settings(deadline=None, max_examples=20)
@given(WORDS, WORDS, WORDS, WORDS, ADDRESSES, st.sampled_from([0, 40]))
@example(r"$_{ \{ \{ }$", r"\{^{\{}x\}", r"$\{\{x_2\}\}$", r"{{{{", "https://youtube.com/watch?v=%7B%7Bx", 40)
@example("<aı>", "<e{}\u0301> and ** bold **", "<aı> ## x", "# x", "https://youtube.com/watch?v=%257B%252541", 40)
@example(r"\textbf{None}$_x$", "None", "None", "nan", "https://e.org/&amp;<b>", 0)
@example(
    "{{" * 40,
    "{" + "x" * 90 + "{{ y",
    "[x",
    "](y) **",
    "https://youtube.com/watch?v=<aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa>",
    0,
)
def test_no_way_of_writing_is_an_error(
    title: str, abstract: str, author: str, topic: str, address: str, width: int
) -> None:
    links = tuple(Link(kind, address) for kind in (LinkKind.PDF, LinkKind.CODE))
    said = {"authors": (author, topic), "venue": author, "ai_summary": abstract, "links": links}
    papers = [
        paper(number, words or " ", other, **said)
        for number, words, other in ((1, title, abstract), (2, abstract, title), (3, topic, author))
    ]
    edition = Edition(
        {topic or " ": papers[:1]},
        also=papers[1:2],
        outside=papers[2],
        reader=author,
        look=Look(machine_summaries=width == 0, text_width=width),
        curators=(author, topic),
        reasons=(Reason(Why.TITLE, (title,)), Reason(Why.TEXT, (abstract,))),
        top=True,
    )
    assert errors(message(edition)) == []
