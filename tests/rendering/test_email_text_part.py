"""The text part: as good as the HTML part, in its own way."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from lxml import html
from mail_builders import EDITIONS, Edition, edition, paper, rendered

from newsletter.rendering import Look

every_edition = pytest.mark.parametrize("name", EDITIONS)
ADDRESS = re.compile(r"(?:https?://|mailto:)\S+")


@every_edition
def test_t1_same_papers_in_the_same_order(name: str) -> None:
    parts = rendered(name)
    links = html.document_fromstring(parts.html).xpath('//a[@class="title"]')
    numbered = re.findall(r"^(\d+)\. (.*)$", parts.text, re.M)
    assert [int(number) for number, _ in numbered] == list(range(1, len(parts.papers) + 1))
    plain = [" ".join(link.text_content().split()) for link in links]
    if name != "latex":  # there, HTML has real indices
        assert [title for _, title in numbered] == plain
    lines = parts.text.splitlines()
    at = [lines.index(unquote_as_shown(link.get("href"), lines)) for link in links]
    if len(set(at)) == len(at):
        assert at == sorted(at)
    ids = list(dict.fromkeys(parts.papers))
    assert ids == [pick.paper for pick in edition(name).digest.picks]


def unquote_as_shown(address: str, lines: list[str]) -> str:
    assert address in lines, address
    return address


@every_edition
def test_every_address_of_the_html_part_is_in_the_text_part(name: str) -> None:
    parts = rendered(name)
    lines = set(map(unquote, parts.text.splitlines()))
    for link in html.document_fromstring(parts.html).xpath("//a"):
        # Both links of an opinion lead to one page; what stands behind "?" only sorts its buttons.
        assert unquote(link.get("href").removesuffix("?say=dislike")) in lines


@every_edition
def test_t2_no_markup_and_no_tex(name: str) -> None:
    text = rendered(name).text
    assert not re.search("[\ue000-\uf8ff\x00-\x09\x0b-\x1f\ud800-\udfff]", text)
    if name != "hostile":  # which quotes markup, as its author wrote it
        assert not re.search(r"</?[a-z]|&[a-z]+;|&#|\*\*|\\|{{", text.replace("</think>", ""))


@every_edition
def test_t4_our_addresses_stand_alone(name: str) -> None:
    one, text = edition(name), rendered(name).text
    for address in (one.links.unsubscribe, one.links.topics, *filter(None, [one.links.web])):
        assert address in text.splitlines()
    ours = [line for line in text.splitlines() if ADDRESS.match(line)]
    assert all(ADDRESS.fullmatch(line) for line in ours)
    assert "utm_" not in text


@every_edition
def test_t6_no_signature_mark_and_tidy_lines(name: str) -> None:
    lines = rendered(name).text.split("\n")
    assert "-- " not in lines
    assert all(line == line.rstrip() for line in lines)
    assert "\n\n\n" not in rendered(name).text
    assert rendered(name).text.endswith("\n")


@every_edition
def test_i5_t8_begins_with_the_preheader(name: str) -> None:
    parts = rendered(name)
    assert parts.text.startswith(f"{parts.preheader}\n\n")
    for section in edition(name).digest.sections:
        if name != "hostile":
            number = len(section.picks)
            count = f"{number} paper{'s' if number > 1 else ''}"
            assert f"\n== {section.name.upper()} · {count} ==\n" in parts.text


def test_t7_short_indices_only() -> None:
    assert "L₁" in rendered("latex").text
    assert "N²" in rendered("latex").text


def test_i7_ways_out() -> None:
    lines = rendered("many").text.splitlines()
    links = edition("many").links
    assert lines[lines.index("Unsubscribe:") + 1] == links.unsubscribe
    assert lines[lines.index("Change topics:") + 1] == links.topics


def test_one_paragraph_is_one_line_unless_a_width_is_set() -> None:
    one = Edition({"Neural fields": [paper(1), paper(2)]}, also=[paper(3)])
    flowing = one.parts().text
    assert max(len(line) for line in flowing.splitlines() if not ADDRESS.fullmatch(line)) > 90
    one.look = Look(text_width=72)
    wrapped = one.parts().text
    assert all(len(line) <= 72 or ADDRESS.fullmatch(line) for line in wrapped.splitlines())
    assert wrapped.split() == flowing.split()
    assert [line for line in flowing.splitlines() if ADDRESS.fullmatch(line)] == [
        line for line in wrapped.splitlines() if ADDRESS.fullmatch(line)
    ]
