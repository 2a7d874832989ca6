"""What only some papers, operators and days have: details of a card, top pick, outside, words of one's own."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest
from lxml import html
from mail_builders import ABSTRACT, DAY, LINKS, MAIL_LINKS, PLACE, Edition, edition, paper, pick, rendered

from newsletter.languages import ENGLISH, language
from newsletter.model import Paper, Parts, Reason, Why
from newsletter.rendering import Look, words
from newsletter.rendering.card import LONGEST_SUMMARY, Card, Face

GERMAN = language("de")
WANTED = Look(thumbnails=True, machine_summaries=True)


def card(one: Paper, look: Look = WANTED, **changes: object) -> Card:
    return Face.of(replace(one, **changes), look, ENGLISH).card(pick(one), "Fields")  # type: ignore[arg-type]  # by name


def images(parts: Parts) -> list[html.HtmlElement]:
    return list(html.document_fromstring(parts.html).xpath("//img"))


def in_words(parts: Parts) -> list[str]:
    """The visible lines of both parts, the HTML part's by element."""
    body = html.document_fromstring(parts.html).body
    return [" ".join(element.text_content().split()) for element in body.iter("p", "h2", "td")] + parts.text.split("\n")


# Details of a card


def test_venue_date_version_and_votes_stand_before_the_place() -> None:
    known = {"venue": r"\textit{NeurIPS} 2025", "published": date(2025, 3, 3), "version": 2, "votes": 1_234}
    assert (
        card(paper(1), **known).place
        == "NeurIPS 2025 · 3 March 2025 · v2 · 1,234 votes · No. 1 on the page of 12 March"
    )
    assert card(paper(1, listings=()), **known).place == "NeurIPS 2025 · 3 March 2025 · v2 · 1,234 votes"
    assert card(paper(1), votes=1).place == "1 vote · No. 1 on the page of 12 March"
    for nothing in ({"version": 0}, {"version": 1}, {"votes": 0}, {"votes": -3}, {"votes": None}, {"venue": " $ $ "}):
        assert card(paper(1), **nothing).place == "No. 1 on the page of 12 March"
    assert len(card(paper(1, listings=()), venue="Proceedings of the " * 50).place) <= 80


@pytest.mark.parametrize("part", ["html", "text"])
def test_details_are_in_both_parts(part: str) -> None:
    shown = getattr(rendered("detailed"), part)
    for said in ("NeurIPS 2025", "3 March 2025", "v2", "1,234 votes"):
        assert said in shown


def test_machine_written_summaries_are_marked_and_only_where_wanted() -> None:
    ours = card(paper(1), WANTED).summary
    assert ours
    assert not card(paper(1), WANTED).machine
    theirs = card(paper(1), ai_summary=r"It is \emph{fast}.")
    assert (theirs.summary, theirs.machine) == ("It is fast.", True)
    unwanted = card(paper(1), Look(), ai_summary="It is fast.")
    assert (unwanted.summary, unwanted.machine) == (ours, False)
    assert not card(paper(1), ai_summary=" \x00\ue000 ").machine
    assert len(card(paper(1), ai_summary="Words and words. " * 900).summary) <= LONGEST_SUMMARY


def test_the_mark_stands_before_each_machine_written_summary_and_no_other() -> None:
    parts = rendered("detailed")
    summary = edition("detailed").sections["Neural fields"][0].ai_summary
    lines = [line for line in in_words(parts) if line.startswith("Machine-written:")]
    assert lines == [f"Machine-written: {summary}"] * 2
    said = "Those marked as machine-written come from where the papers were listed."
    assert said in parts.html
    assert said in parts.text
    plain = replace(edition("detailed"), look=Look()).parts()
    for part in (plain.html, plain.text):
        assert "achine-written" not in part
        assert summary not in part


def test_pictures_are_off_by_default() -> None:
    plain = replace(edition("detailed"), look=Look()).parts()
    assert images(plain) == []
    assert "papers.example.org/pictures" not in plain.html


def test_a_picture_has_its_address_an_alternative_and_a_width() -> None:
    parts = rendered("detailed")
    with_one = [one for one in edition("detailed").sections["Neural fields"] if one.thumbnail]
    assert [image.get("src") for image in images(parts)] == [one.thumbnail for one in with_one]
    for image, one in zip(images(parts), with_one, strict=True):
        assert one.title in image.get("alt")
        assert 0 < int(image.get("width")) <= 552
        assert {"max-width", "height"} <= {part.partition(":")[0].strip() for part in image.get("style").split(";")}
        [link] = image.xpath("ancestor::a")
        assert link.get("href") == card(one).url
    assert "papers.example.org/pictures" not in parts.text


@pytest.mark.parametrize(
    "url",
    [
        "http://papers.example.org/1.png",
        "data:image/png;base64,iVBORw0KGgo=",
        "javascript:alert(1)",
        "cid:1@example.org",
        "//papers.example.org/1.png",
        "/1.png",
        "1.png",
        "https://",
        "https:///1.png",
        "https://user@papers.example.org/1.png",
        "https://[::1/1.png",
        "https://papers.example.org/" + "x" * 2_000,
        "\ue000web\ue001",
        " ",
    ],
)
def test_addresses_that_are_no_pictures_address_are_dropped(url: str) -> None:
    parts = Edition({"A": [paper(1, thumbnail=url)]}, look=WANTED).parts()
    assert images(parts) == []
    assert "<img" not in parts.html


@pytest.mark.parametrize(
    "tail", ['"><script>alert(1)</script>', "' onerror='x", "\r\nBcc: x", "\ue000web\ue001", "{{ x }}"]
)
def test_no_address_of_a_picture_breaks_out_of_it(tail: str) -> None:
    hostile = paper(1, thumbnail=f"https://papers.example.org/1.png{tail}", title=f"A{tail}")
    parts = Edition({"A": [hostile]}, look=WANTED).parts()
    document = html.document_fromstring(parts.html)
    assert not document.xpath("//script | //*[@onerror]")
    for image in images(parts):
        assert re.fullmatch(r"https://papers\.example\.org/1\.png[\x21-\x7e]*", image.get("src"))
    assert not re.search("[\ue000-\uf8ff]|\r", parts.html)


# Words of the operator


def test_the_operators_words_are_in_both_parts() -> None:
    parts = rendered("detailed")
    document = html.document_fromstring(parts.html)
    look = edition("detailed").look
    assert [name.text_content() for name in document.xpath('//strong[@class="name"]')] == [look.logo_text]
    assert [text for text in in_words(parts) if text == look.footer] == [look.footer] * 2
    lines = parts.text.split("\n")
    assert look.logo_text in lines
    # The name itself is in the footer still, for it is the sender's.
    assert any(line.startswith(f"{look.name} · ") for line in lines)
    assert look.name in " ".join(document.body.text_content().split())


def test_without_words_of_ones_own_there_is_the_name_and_no_gap() -> None:
    parts = Edition({"A": [paper(1)]}, look=Look(tagline="", footer="", logo_text="")).parts()
    assert "\nTrending Papers\n12 March 2025\n" in parts.text
    assert not html.document_fromstring(parts.html).xpath("//p[not(normalize-space())]")


# Top pick and outside


def test_the_top_pick_comes_first_and_the_one_from_outside_last() -> None:
    one, parts = edition("many"), rendered("many")
    assert one.digest.top
    assert one.digest.outside
    assert parts.papers[0] == one.digest.top.paper
    assert parts.papers[-1] == one.digest.outside.paper
    heads = [" ".join(head.text_content().split()) for head in html.document_fromstring(parts.html).xpath("//h2")]
    assert [heads[0], heads[-1]] == ["Top pick Neural fields", "Outside your usual"]
    assert len(heads) == len(one.sections) + 3
    in_text = [head.casefold() for head in re.findall(r"^== (.*) ==$", parts.text, re.M)]
    assert [in_text[0], in_text[-1]] == ["top pick · neural fields", "outside your usual"]


def test_the_subject_is_the_top_picks_point() -> None:
    one = edition("many")
    assert one.digest.top
    best = one.papers[one.digest.top.paper]
    assert rendered("many").subject.startswith(best.title.split(":")[0])


def test_the_inbox_line_does_not_say_that_the_one_from_outside_is_on_the_readers_topics() -> None:
    stranger = paper(9, title="GenomeNet: A language model reads the dark genome")
    parts = Edition({"Neural fields": [paper(1)]}, outside=stranger).parts()
    assert "GenomeNet" not in parts.preheader
    assert "GenomeNet" in parts.text
    alone = Edition({"Neural fields": [paper(1)]}).parts()
    assert parts.preheader == alone.preheader


def test_an_e_mail_without_them_has_no_head_for_them() -> None:
    parts = rendered("linked")
    for said in ("Top pick", "Outside your usual"):
        assert said not in parts.html
        assert said.upper() not in parts.text


# What was left out


@pytest.mark.parametrize("number", [1, 7, 1_234])
def test_what_was_left_out_is_a_link_where_there_is_a_site_and_else_a_number(number: int) -> None:
    papers = f"{number:,} more paper{'s' if number > 1 else ''}"
    with_site = Edition({"A": [paper(1)]}, left_out=number).parts()
    [link] = html.document_fromstring(with_site.html).xpath(f'//a[contains(., "{papers}")]')
    assert (link.text_content(), link.get("href")) == (f"And {papers} on the web", LINKS.web)
    assert f"\nAnd {papers} on the web:\n{LINKS.web}\n" in with_site.text
    without = Edition({"A": [paper(1)]}, left_out=number, links=MAIL_LINKS).parts()
    assert f"And {papers} matched." in without.html
    assert f"\nAnd {papers} matched.\n" in without.text
    for part in (without.html, without.text):
        assert "on the web" not in part
    for part in (with_site.html, with_site.text):
        assert "matched." not in part


def test_nothing_left_out_nothing_said() -> None:
    for links in (LINKS, MAIL_LINKS):
        parts = Edition({"A": [paper(1)]}, links=links).parts()
        assert not [line for line in in_words(parts) if re.match(r"And \d", line)]


# Reasons


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (Reason(Why.TITLE, ("views",)), "title says “views”"),
        (Reason(Why.ABSTRACT, ("prior", "views")), "abstract says “prior” and “views”"),
        (Reason(Why.BOTH, ("a … b",)), "title and abstract together say “a … b”"),
        (Reason(Why.PLACE, (2, 53, "2025-03-11")), "no. 2 of 53 on the page of 11 March"),
        (Reason(Why.AGAIN, (2,)), "listed on 2 days"),
        (Reason(Why.TEXT, ("as it was said",)), "as it was said"),
    ],
)
def test_reasons_are_put_into_words(reason: Reason, said: str) -> None:
    assert words.reason(ENGLISH, reason) == said
    assert Edition({"A": [paper(1)]}, reasons=(reason,)).parts().text.count(f"Why: {said}\n") == 1
    assert (words.reason(GERMAN, reason) == said) is (reason.kind is Why.TEXT)


@pytest.mark.parametrize(
    "strange",
    [
        Reason(Why.PLACE, (1, 2)),
        Reason(Why.PLACE, (1, 2, "yesterday")),
        Reason(Why.AGAIN, ("twice",)),
        Reason(Why.TEXT, ()),
    ],
)
def test_values_that_are_none_of_a_reasons_kind_are_named(strange: Reason) -> None:
    with pytest.raises(ValueError, match=r"is no reason|Invalid isoformat"):
        words.reason(ENGLISH, strange)


def test_a_sentence_that_was_frozen_once_says_what_the_fact_says_now() -> None:
    """So that an edition from before reasons were facts gives the same e-mail, byte for byte."""
    facts = (Reason(Why.TITLE, ("views",)), PLACE[0])
    sentences = tuple(Reason(Why.TEXT, (words.reason(ENGLISH, one),)) for one in facts)
    both = [Edition({"A": [paper(1, abstract=ABSTRACT)]}, reasons=reasons).parts() for reasons in (facts, sentences)]
    assert both[0] == both[1]


# Languages


def test_the_same_edition_in_another_language_has_the_same_papers() -> None:
    english, german = rendered("many"), replace(edition("many"), language=GERMAN).parts()
    assert german.papers == english.papers
    document = html.document_fromstring(german.html)
    assert (document.get("lang"), document.get("dir")) == ("de", "ltr")
    assert {head.get("lang") for head in document.xpath("//h3")} == {"en"}
    hrefs = [
        [link.get("href") for link in html.document_fromstring(one.html).xpath("//a")] for one in (english, german)
    ]
    assert hrefs[0] == hrefs[1]
    assert GERMAN.date(DAY, "d MMMM y") in german.text
    for said in ("Your papers", "Unsubscribe:", "Top pick", "Also new", "You get this", "more papers", "Why:"):
        assert said.casefold() in english.text.casefold()
        assert said.casefold() not in german.text.casefold()
        assert said not in german.html
