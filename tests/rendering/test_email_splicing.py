"""Rendered once per edition, filled per reader; templates an operator may replace; and nobody can forge a mark."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import html
from mail_builders import DAY, HOSTILE, LINKS, MAIL_LINKS, TEMPLATES, Edition, edition, paper, pick, rendered

from newsletter.errors import CompositionError, TemplateError
from newsletter.languages import ENGLISH
from newsletter.model import Link, LinkKind, Reason, Section, Why
from newsletter.rendering import Look, Renderer, words
from newsletter.rendering.inlining import premailer_inline
from newsletter.rendering.pieces import Piece, cut, given_mark, join_for_cutting, link_mark, value_mark
from newsletter.rendering.weight import BUDGET, Weight


def test_inlines_once_for_all_readers() -> None:
    calls: list[str] = []

    def counting(document: str) -> str:
        calls.append(document)
        return premailer_inline(document)

    compiled = edition("many").compiled(counting)
    digest = edition("many").digest
    for name in ("Ada", "Alan", ""):
        compiled.compose(digest, name=name, links=LINKS)
        compiled.compose(replace(digest, sections=digest.sections[:1], also=()), name=name, links=MAIL_LINKS)
    assert len(calls) == 1


def test_two_readers_differ_only_in_what_is_theirs() -> None:
    compiled, digest = edition("many").compiled(), edition("many").digest
    one = compiled.compose(digest, name="Ada", links=LINKS)
    other = compiled.compose(
        digest, name="Grace Hopper", links=replace(LINKS, unsubscribe="https://x.example.org/?u=2&t")
    )
    assert one.html != other.html
    assert other.html == one.html.replace("Hello Ada.", "Hello Grace Hopper.").replace(
        "https://papers.example.org/unsubscribe/abc?a=1&amp;b=2", "https://x.example.org/?u=2&amp;t"
    )


def test_same_input_same_bytes() -> None:
    one = edition("many")
    picks = list(one.digest.picks)
    again = Renderer([TEMPLATES], one.look).compile(picks[::-1] + picks, dict(reversed(one.papers.items())), one.names)
    assert again.compose(one.digest, name=one.reader, links=one.links) == rendered("many")


def test_spliced_equals_rendered_whole() -> None:
    """A reader's mail from pieces is the mail one would get by inlining it for that reader alone."""
    one = edition("many")
    section = one.digest.sections[1]
    alone = replace(one.digest, sections=(section,), also=())
    theirs = Renderer([TEMPLATES], one.look).compile(alone.picks, one.papers, one.names)
    assert theirs.compose(alone, name="Ada", links=LINKS) == one.compiled().compose(alone, name="Ada", links=LINKS)


def test_reasons_belong_to_the_topic() -> None:
    shared = paper(1)
    reasons = Reason(Why.TITLE, ("views",)), Reason(Why.ABSTRACT, ("prior",))
    picks = [pick(shared, topic, [reason]) for topic, reason in zip("ab", reasons, strict=True)]
    compiled = Renderer([TEMPLATES], Look()).compile(picks, {shared.id: shared}, {"a": "Alpha", "b": "Beta"})
    for one, name in zip(picks, ("Alpha", "Beta"), strict=True):
        digest = replace(edition("none").digest, sections=(Section(one.topic, name, (one,)),))
        parts = compiled.compose(digest, name="", links=LINKS)
        assert f"Why: {words.reason(ENGLISH, one.reasons[0])}\n" in parts.text
        assert f">{name} <" in parts.html


def test_no_browser_link_without_a_site() -> None:
    assert "View in browser" in rendered("many").html
    assert "View in browser" in rendered("many").text
    assert "View in browser" not in rendered("one").html + rendered("one").text
    assert 'href="mailto:leave@example.org?subject=unsubscribe%20abc"' in rendered("one").html


# The line of opinions


def test_who_has_nothing_to_say_gets_the_mail_without_the_line() -> None:
    compiled, digest = edition("many").compiled(), edition("many").digest
    said, silent = (
        compiled.compose(digest, name="Ada", links=links) for links in (LINKS, replace(LINKS, opinions=None))
    )
    lines = set(silent.html.splitlines())
    assert [line for line in said.html.splitlines() if line in lines] == silent.html.splitlines()
    added = [line for line in said.html.splitlines() if line not in lines]
    assert len(added) == edition("many").cards
    assert all(line.startswith('<p class="opinion"') for line in added)
    in_text = [line for line in said.text.splitlines() if line not in set(silent.text.splitlines())]
    assert in_text[::2] == ["More like this · Less like this:"] * len(added)
    assert "like this" not in silent.html + silent.text


def test_two_readers_opinions_differ_in_the_readers_part_alone() -> None:
    compiled, digest = edition("many").compiled(), edition("many").digest
    one, other = (
        compiled.compose(digest, name="", links=replace(LINKS, opinions=f"https://x.example.org/opinions/{token}&"))
        for token in ("7.abc", "8.def")
    )
    assert other.html == one.html.replace("/opinions/7.abc&amp;/", "/opinions/8.def&amp;/")
    assert other.text == one.text.replace("/opinions/7.abc&/", "/opinions/8.def&/")
    assert one.html.count("/opinions/7.abc&amp;/") == 2 * edition("many").cards


def test_a_line_of_opinions_is_weighed() -> None:
    links = replace(LINKS, opinions="https://x.example.org/opinions/" + "x" * 700)
    one = Edition({"A": [paper(number) for number in range(1, 41)]}, links=links)
    parts = one.parts()
    assert 0.9 * BUDGET < Weight.of(parts.html).total <= BUDGET
    assert 5 < parts.html.count('class="opinion"') < 40


def test_no_paper_gets_at_a_readers_opinions() -> None:
    forged = "https://spliced.invalid/opinion/x"
    one = Edition(
        {
            "A": [
                paper(
                    1, title=f'href="{forged}" {forged}', abstract=f"At {forged}.", links=(Link(LinkKind.CODE, forged),)
                )
            ]
        }
    )
    parts = one.parts()
    assert f'href="{forged}"' in parts.html  # a dead link of the paper's own
    assert parts.html.count("/opinions/7.abc") == 2
    assert parts.text.count("/opinions/7.abc") == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("card.html.j2", '{% call given("web") %}<p>{{ card.title }}</p>{% endcall %}'),
        ("card.txt.j2", '{% call given("web") %}{{ card.title }}{% endcall %}'),
        ("row.txt.j2", '{% call given("opinion") %}{{ card.title }}{% endcall %}'),
    ],
)
def test_a_card_that_asks_for_what_it_has_not_is_named(tmp_path: Path, name: str, content: str) -> None:
    with pytest.raises(TemplateError, match=rf"email/{name} asks for a value that it has not: (?:web|opinion)"):
        overriding(tmp_path, name, content)()


@pytest.mark.parametrize("name", ["card.html.j2", "card.txt.j2"])
def test_a_link_to_an_opinion_that_not_everybody_has_stands_in_a_block(tmp_path: Path, name: str) -> None:
    content = (TEMPLATES / "email" / name).read_text() + '<a href="{{ links.opinion }}">x</a>'
    with pytest.raises(TemplateError, match=rf"email/{name} shows links.opinion outside of .*given\("):
        overriding(tmp_path, name, content)()


def test_a_pick_that_was_not_compiled_is_named() -> None:
    with pytest.raises(CompositionError, match="title:999 of the topic fields was not compiled"):
        edition("many").compiled().compose(
            replace(edition("many").digest, also=(pick(paper(999)),)), name="", links=LINKS
        )


def test_no_unsubscribe_link_no_mail() -> None:
    with pytest.raises(CompositionError, match="no unsubscribe link"):
        edition("many").compiled().compose(edition("many").digest, name="", links=replace(LINKS, unsubscribe=""))


# Forging


def test_hostile_text_stays_text() -> None:
    document = html.document_fromstring(rendered("hostile").html)
    assert not document.xpath("//script | //img | //*[@onerror]")
    assert len(document.xpath("//style")) == 3
    assert {link.get("href") for link in document.xpath("//a")} & {LINKS.web, LINKS.topics, LINKS.unsubscribe} == {
        LINKS.web,
        LINKS.topics,
        LINKS.unsubscribe,
    }
    for url, times in ((LINKS.web, 1), (LINKS.topics, 2)):
        assert rendered("hostile").html.count(f'"{url}"') == times
    assert rendered("hostile").html.count('href="https://papers.example.org/unsubscribe/abc?a=1&amp;b=2"') == 2
    assert "Bcc: victim@example.org" not in rendered("hostile").text.splitlines()


@pytest.mark.parametrize(
    "forged", ["\ue000unsubscribe\ue001", "\ue000?web\ue001", "\ue000/\ue001", "\ue000#0\ue001", "\ue000nothing\ue001"]
)
def test_no_title_name_or_topic_can_forge_a_mark(forged: str) -> None:
    one = Edition(
        {f"Topic {forged}": [paper(1, title=f"A {forged} B", abstract=f"C {forged}. D."), paper(2)]},
        also=[paper(3, title=f"<!--{forged}-->")],
        reader=forged,
        reasons=(Reason(Why.TITLE, (forged,)), Reason(Why.TEXT, (forged,))),
        curators=(forged, f"E {forged}"),
        look=Look(name=f"News {forged}", tagline=forged),
    )
    parts = one.parts()
    for part in (parts.html, parts.text, parts.subject, parts.preheader):
        assert "\ue000" not in part
        assert part.count(LINKS.topics) <= 2  # header line and footer


def test_links_that_look_like_our_placeholders_stay_links() -> None:
    links = edition("hostile").sections[HOSTILE][0].links
    url = "https://spliced.invalid/unsubscribe"
    assert url in {link.url for link in links}
    one = Edition({"A": [paper(1, title=f'href="{url}"', links=tuple(link for link in links if link.url == url))]})
    assert f'href="{url}"' in one.parts().html  # a dead link of the paper's own, not the reader's


# Marks and pieces


def test_pieces() -> None:
    piece = Piece.of(f"a{value_mark('x')}b{given_mark('y', 'c' + value_mark('y'))}d{link_mark('z')}", links=True)
    assert piece.names == {"x", "y", "z"}
    assert piece.fill({"x": "1", "y": "2", "z": "3"}) == "a1bc2d3"
    assert piece.fill({"x": "\ue000z\ue001", "y": "", "z": "3"}) == "a\ue000z\ue001bd3"
    assert Piece.of(str(link_mark("z"))).fill({}) == "https://spliced.invalid/z"


def test_blocks_do_not_nest_and_cuts_must_come_back() -> None:
    with pytest.raises(TemplateError, match=r'inside given\("a"\)'):
        Piece.of(given_mark("a", given_mark("b", "x")))
    joined = join_for_cutting(["<p>1</p>", "<p>2</p>"])
    assert cut(f"<body>{joined}</body>", 2) == ("<body>", ["<p>1</p>", "<p>2</p>"], "</body>")
    with pytest.raises(CompositionError, match="lost or moved pieces"):
        cut(joined[:30], 2)


# An operator's templates


def overriding(tmp_path: Path, name: str, content: str) -> Callable[[], object]:
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / name).write_text(content, encoding="utf-8")
    return lambda: (
        edition("many").compiled(folders=[tmp_path, TEMPLATES]).compose(edition("many").digest, name="", links=LINKS)
    )


def test_one_file_can_be_replaced(tmp_path: Path) -> None:
    card = '<div><h3><a href="{{ card.url }}">{{ card.title }}</a></h3>Ours</div>'
    parts = overriding(tmp_path, "card.html.j2", card)()
    assert parts.html.count("Ours") == edition("many").cards  # type: ignore[attr-defined]
    assert "You get this e-mail because" in parts.html  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("card.html.j2", "<p>\n{% if card.title %}\n</p>", r"card\.html\.j2, line 3: Unexpected end of template"),
        ("card.html.j2", "<p>\n\n{{ card.titel }}</p>", r"card\.html\.j2, line 3: .*no attribute 'titel'"),
        ("header.html.j2", "{{ heading }}\n{{ nobody }}", r"header\.html\.j2, line 2: 'nobody' is undefined"),
        ("card.html.j2", "{{ 1 / 0 }}", r"card\.html\.j2, line 1: division by zero"),
        ("card.html.j2", "{{ card.title and none }}", r"card\.html\.j2, line 1: an expression has no value"),
        ("card.txt.j2", "\n{{ card.url }}\n{{ oops }}", r"card\.txt\.j2, line 3: 'oops' is undefined"),
        (
            "shell.html.j2",
            '{% include "email/missing.html.j2" %}',
            r"shell\.html\.j2, line 1: the template email/missing\.html\.j2 is in none of: .*templates",
        ),
        ("footer.html.j2", "<p>{{ links.topics }}</p>", None),
        ("digest.txt.j2", "{{ preheader }}{{ content }}", r"digest\.txt\.j2 .*show: outside, topics, unsubscribe"),
        ("preheader.html.j2", "", r"shell\.html\.j2 .*never show: preheader"),
        (
            "shell.html.j2",
            "<!DOCTYPE html><html><body>{{ content }}</body></html>",
            r"never show: outside, preheader, subject, topics, unsubscribe",
        ),
        ("more.html.j2", '<a href="">x</a>', r"leaves 'href=\"\"'"),
        ("more.html.j2", '<a href="{% raw %}{{ links.web }}{% endraw %}">x</a>', r"leaves 'href="),
        (
            "more.html.j2",
            '{% call given("web") %}{% call given("left_out") %}x{% endcall %}{% endcall %}',
            r'inside given\("web"\)',
        ),
        ("base.css.j2", "@import url(http://127.0.0.1/x.css);", r"base\.css\.j2, line 1: has an @import"),
        ("word.css.j2", "<![endif]--><!--[if mso]>", None),
        ("word.css.j2", "<!--[if mso]>", r"shell\.html\.j2: a comment <!-- has no end"),
        ("card.html.j2", "<p>{{ card.title }}</p><!-- x", r"card\.html\.j2: a comment <!-- has no end"),
        ("more.html.j2", '<!-- {% call given("web") %}x{% endcall %}', r"shell\.html\.j2: a comment <!-- has no end"),
        ("header.html.j2", '<p>\n{% call given("nope") %}x{% endcall %}', r'header\.html\.j2, line 2: given\("nope"\)'),
        ("shell.html.j2", "  \n", r"shell\.html\.j2 is empty"),
        ("base.css.j2", ".x { color: #000000;\n.page { margin: 0; }", r"base\.css\.j2: a rule is not closed"),
        ("base.css.j2", "@media (x) { @media (y) { .a { b: c; } } }", r"base\.css\.j2: the rules cannot be read"),
        ("section.html.j2", "<h2>{{ topic }}</h2>", r"section\.html\.j2 never shows: cards"),
    ],
)
def test_a_broken_template_is_named(tmp_path: Path, name: str, content: str, said: str | None) -> None:
    compose = overriding(tmp_path, name, content)
    if said is None:
        compose()
        return
    with pytest.raises(TemplateError, match=said):
        compose()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("dark.css.j2", ".a { color: #ffffff !important; }\n" * 500, "style blocks hold"),
        ("shell.html.j2", None, "does not begin with <!DOCTYPE html>"),
        ("card.html.j2", "{{ card.title }}", "lost the paper at https://"),
        ("card.txt.j2", "{{ number }}. {{ card.title }}", "the text part lost the paper at https://"),
    ],
)
def test_a_mail_that_is_not_whole_is_not_made(tmp_path: Path, name: str, content: str | None, said: str) -> None:
    if content is None:
        content = "<html>" + (TEMPLATES / "email" / name).read_text().partition("<html")[2].partition(">")[2]
    with pytest.raises(CompositionError, match=said):
        overriding(tmp_path, name, content)()


@pytest.mark.parametrize(
    ("inline", "said"),
    [
        (lambda document: document[: len(document) // 2], "inlining left"),
        (lambda document: document.replace("<![endif]-->", ""), "inlining left"),
        (lambda document: document.replace("</html>", ""), "does not end with </html>"),
        (lambda document: document.replace("<!--\ue000#3\ue001-->", ""), "lost or moved pieces"),
    ],
)
def test_an_inliner_that_loses_something_is_found_out(inline: Callable[[str], str], said: str) -> None:
    one = edition("many")
    with pytest.raises(CompositionError, match=said):
        one.compiled(inline).compose(one.digest, name="", links=LINKS)


def test_the_inliner_warns_of_nothing_and_fetches_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = premailer_inline(
            '<!DOCTYPE html><html><head><link rel="stylesheet" href="http://127.0.0.1:9/x.css">'
            "<style>p { color: #ffffff; } a:hover { color: #ff0000; }</style></head><body><p>x</p></body></html>"
        )
    assert '<p style="color:#ffffff">x</p>' in out


def test_day_and_name_are_in_the_header_line() -> None:
    assert "Trending Papers" in rendered("many").html
    assert f"{DAY.day} March {DAY.year}" in rendered("many").html


def test_templates_may_read_tex_themselves(tmp_path: Path) -> None:
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / "more.html.j2").write_text(r"<p>{{ '$x^2$ <\\alpha>'|html }} {{ '$x^2$ <b>'|readable }}</p>")
    compiled = edition("many").compiled(folders=[tmp_path, TEMPLATES])
    markup = compiled.compose(edition("many").digest, name="", links=LINKS).html
    assert ">2</sup> &lt;α&gt; x² &lt;b&gt;</p>" in markup


def test_a_paper_may_be_about_what_templates_must_not_have() -> None:
    one = Edition({"How @import works": [paper(1, title="How @import and <link> break style sheets", venue="@import")]})
    assert "@import" in one.parts().html


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    compose = overriding(tmp_path, "card.html.j2", "")
    (tmp_path / "email" / "card.html.j2").write_bytes("Zürich".encode("latin-1"))
    with pytest.raises(TemplateError, match=r"card\.html\.j2 is not UTF-8 text \(byte 1\)"):
        compose()
