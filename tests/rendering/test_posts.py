"""Posts: few words, every link, and nothing that a chat program would make more of."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest
from builders import paper
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from lxml.html import fragment_fromstring
from markdown_it import MarkdownIt

from newsletter.errors import CompositionError
from newsletter.languages import ENGLISH, language
from newsletter.model import Digest, Link, LinkKind, Paper, Pick, Reason, Section, Why
from newsletter.model.post import Form
from newsletter.rendering.look import Look
from newsletter.rendering.posts import LONGEST_TITLE, Composed, compose
from newsletter.text import clean

DAY = date(2025, 3, 12)
WEB = "https://papers.example.org/editions/2025-03-12"
JOINER = "\u2060"
REASON = (Reason(Why.TITLE, ("robot",)),)


def written(number: int, title: str = "", abstract: str = "") -> Paper:
    link = Link(LinkKind.ABSTRACT, f"https://arxiv.org/abs/2503.{number:05}?a=1&b=(x)&copy;=2")
    return replace(paper(number, title, abstract), links=(link,))


def post(
    papers: Sequence[Paper],
    form: Form = Form.TEXT,
    limit: int = 4_000,
    web: str | None = WEB,
    look: Look | None = None,
    topics: Sequence[str] = ("robots",),
) -> Composed:
    picks = [Pick(one.id, topics[place % len(topics)], 1.0, (), REASON) for place, one in enumerate(papers)]
    sections = [Section(slug, slug.title(), tuple(one for one in picks if one.topic == slug)) for slug in topics]
    digest = Digest(DAY, (DAY,), tuple(sections))
    known = {one.id: one for one in papers}
    return compose(digest, known, {slug: slug.title() for slug in topics}, look or Look(), ENGLISH, form, limit, web)


def test_a_post_has_title_link_summary_and_reason() -> None:
    made = post([written(1, "A Robot", "We built a robot that walks."), written(2, "Two Robots", "They run.")])
    assert made.body.replace(JOINER, "") == (
        "Trending Papers, 12 March 2025\n\n"
        "1. A Robot\nhttps://arxiv.org/abs/2503.00001?a=1&b=(x)&copy;=2\nWe built a robot that walks.\n"
        "title says “robot”\n\n"
        "2. Two Robots\nhttps://arxiv.org/abs/2503.00002?a=1&b=(x)&copy;=2\nThey run.\ntitle says “robot”\n\n"
        f"View in browser\n{WEB}"
    )
    assert len(made.papers) == 2


def test_where_there_are_several_topics_each_paper_names_its_own() -> None:
    body = post([written(1), written(2)], topics=("robots", "shells"), web=None).body
    assert "Robots: title says “robot”" in body
    assert "Shells: title says “robot”" in body
    assert "View in browser" not in body


def test_a_machine_written_summary_says_so() -> None:
    one = replace(written(1, "A Robot", "We walk."), llm_summary="It walks well.")
    assert "Machine-written: It walks well." in post([one], look=Look(llm_summaries=True)).body
    assert "Machine-written" not in post([one]).body
    made = compose(
        Digest(DAY, (DAY,), (Section("a", "A", (Pick(one.id, "a", 1.0, (), REASON),)),)),
        {one.id: one}, {}, Look(llm_summaries=True), language("de"), Form.TEXT, 4_000, WEB,
    )  # fmt: skip
    assert "Maschinell" in made.body


@pytest.mark.parametrize("form", Form)
def test_what_does_not_fit_is_left_out_and_the_rest_stays_whole(form: Form) -> None:
    papers = [written(number, f"Robot number {number} " + "walks " * 20, "It walks. " * 40) for number in range(1, 9)]
    before = 9
    for limit in (8_000, 3_000, 2_000, 1_400, 900, 500, 420):
        made = post(papers, form, limit)
        assert len(made.body) <= limit
        assert 0 < len(made.papers) <= before
        before = len(made.papers)
        for number in range(1, len(made.papers) + 1):
            assert f"2503.{number:05}" in made.body
        assert f"2503.{len(made.papers) + 1:05}" not in made.body
        assert WEB in made.body
    with pytest.raises(CompositionError, match="at most 100 characters, too few for one paper"):
        post(papers, form, 100)


def test_fewer_words_come_before_fewer_papers() -> None:
    papers = [
        written(number, f"Robot {number}", "It walks over hills and through the sea. " * 5) for number in (1, 2, 3)
    ]
    assert len(post(papers, limit=700).papers) == 3
    assert "It walks" not in post(papers, limit=400).body


ATTACKS = [
    "@everyone @here @channel <!here> <@U123> <#C1|x> <@&7>",
    "[Click](https://evil.example/pay) ![x](http://evil.example/p.png)",
    "<https://evil.example|arXiv> <a href='//evil.example'>x</a> <img src=x onerror=alert(1)>",
    "https://evil.example/x http://evil.example www.evil.example evil.example mailto:a@evil.example",
    "**bold** __bold__ *i* _i_ ~~s~~ `code` ```block``` ||spoiler|| # Title",
    "# Title\n> quote\n- item\n1. one\n---",
    "[x]: https://evil.example\n\n[x] [x][x] <https://evil.example>",
    "&lt;script&gt; &#60;b&#62; \\[x\\](y) \\",
    "- x",
    "> x",
    "/start",
]


PLAIN = {"inline", "text", "text_special", "softbreak"} | {
    f"{kind}_{end}" for kind in ("paragraph", "strong", "em", "link") for end in ("open", "close")
}
"""What Markdown may make of a post."""


def check(made: str, form: Form, said: str) -> None:
    """That a program which reads `form` finds our links, and all other words as they were."""
    assert not re.search(r"@\w|<[@!#]|\w\.example(?!\.org)|https?://(?!arxiv|papers\.example\.org)", said_only(made))
    if form is Form.MARKDOWN:
        tokens = [one for block in MarkdownIt().parse(made) for one in (block, *(block.children or ()))]
        kinds = {one.type for one in tokens}
        assert kinds <= PLAIN
        links = [str(one.attrGet("href")) for one in tokens if one.type == "link_open"]
        assert all(one.startswith(("https://arxiv.org/", WEB)) for one in links)
        text = "".join("\n" if one.type == "softbreak" else one.content for one in tokens if one.type != "inline")
    elif form is Form.HTML:
        root = fragment_fromstring(made, create_parent="div")
        assert {one.tag for one in root.iterdescendants(etree.Element)} <= {"b", "i", "a", "br"}
        assert all(set(one.attrib) <= {"href"} for one in root.iter())
        assert all(one.get("href").startswith(("https://arxiv.org/", WEB)) for one in root.iter("a"))
        text = root.text_content()
    else:
        return
    assert said in re.sub(r"\s+", " ", text.replace(JOINER, ""))


def said_only(made: str) -> str:
    """Without the addresses that are ours."""
    return html.unescape(re.sub(r"https://(?:arxiv\.org|papers\.example\.org)/[^\s>\"]*", "", made)).replace("\\", "")


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_title_is_nothing_but_words(form: Form, attack: str) -> None:
    made = post([written(1, f"Robot {attack}", f"{attack} We walk."), written(2, attack, attack)], form).body
    check(made, form, "")


_BITS = st.sampled_from(
    [
        *"@*_`~|[](){}<>#&;:!\\/.-+=1a \n\"'",
        "everyone",
        "http://",
        "evil.example",
        "](",
        "<!",
        "&lt;",
        "**",
        "```",
        "||",
        "\u2060",
    ]
)


@given(st.lists(_BITS, min_size=1, max_size=25).map("".join), st.sampled_from(Form))
@settings(max_examples=200, deadline=None)
def test_whatever_a_title_holds_it_stays_words(title: str, form: Form) -> None:
    if not clean(title):
        return
    made = post([written(1, f"Robot {title} end", "We walk."), written(2)], form).body
    check(made, form, "")
    assert len(made) < 2 * LONGEST_TITLE + 1_000
