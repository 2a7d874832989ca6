"""Whole e-mails in other languages: German, one made up of brackets, and one from right to left."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, reduce
from gettext import NullTranslations

import pytest
from babel import Locale
from babel.messages.pofile import read_po
from lxml import html
from mail_builders import DAY, EDITIONS, TEMPLATES, Edition, paper, rendered

from newsletter.languages import Language, language
from newsletter.languages.language import CATALOGUES
from newsletter.model import Parts, Reason, Why
from newsletter.rendering import Compiled, Look
from newsletter.rendering.card import Card

LOOK = Look(name="Zettelkasten", machine_summaries=True)
WITH_PAPERS = [name for name in EDITIONS if name not in {"none", "nothing at all"}]
every_edition = pytest.mark.parametrize("name", EDITIONS)


@cache
def german_edition(name: str) -> tuple[Edition, Compiled]:
    """The edition of that name in German, from somebody whose own words are German too."""
    one = EDITIONS[name]()
    footer = "Fragen Sie Ihre Bibliothek." if one.look.footer else ""
    look = replace(one.look, name="Zettelkasten", tagline=Look().tagline, footer=footer)
    one = replace(one, language=language("de"), curators=("Die Redaktion",), look=look)
    return one, one.compiled()


@cache
def german(name: str) -> Parts:
    one, compiled = german_edition(name)
    return compiled.compose(one.digest, name=one.reader, links=one.links)


@cache
def hebrew(name: str) -> Parts:
    return replace(EDITIONS[name](), language=Language("he")).parts()


def cards(name: str) -> list[Card]:
    return [entry.card for entry in german_edition(name)[1].entries.values()]


def _english_phrases() -> Iterator[str]:
    """The stretches of our English messages that stand between values, as far as German has other words."""
    with (CATALOGUES / "de" / "newsletter.po").open("rb") as file:
        messages = [one for one in read_po(file, locale="de") if one.id]
    in_german = " ".join(
        form for one in messages for form in ([one.string] if isinstance(one.string, str) else one.string)
    )
    for message in messages:
        for form in [message.id] if isinstance(message.id, str) else message.id:
            for stretch in re.split(r"%\(\w+\)s", form):
                phrase = stretch.strip(" .,;+–“”")
                if len(phrase) >= 4 and not re.fullmatch(r"[EMdy ]+", phrase) and phrase not in in_german:
                    yield phrase


_LONGEST_FIRST = sorted(map(re.escape, set(_english_phrases())), key=len, reverse=True)
PHRASES = re.compile(rf"(?<!\w)(?:{'|'.join(_LONGEST_FIRST)})(?!\w)")


def test_the_phrases_to_look_for_are_those_of_an_english_mail() -> None:
    assert len(set(_english_phrases())) > 50
    found = PHRASES.findall(rendered("many").text)
    assert {"Your papers for", "View in browser", "title says", "more papers on the web"} <= set(found)


def _without_papers(name: str, text: str) -> str:
    """`text` without the titles and summaries of the papers, whose words are English."""
    said = {part for card in cards(name) for part in (card.title, card.summary) if part}
    return reduce(lambda rest, part: rest.replace(part, ""), sorted(said, key=len, reverse=True), text)


def _shown(document: html.HtmlElement) -> str:
    """All that one can read or hear of a document. Changes it."""
    for style in document.xpath("//style"):
        style.clear(keep_tail=True)
    return "\n".join([document.text_content(), *document.xpath("//@alt|//@aria-label|//@title")]).replace("\u00a0", " ")


@every_edition
def test_nothing_of_ours_stays_english(name: str) -> None:
    parts = german(name)
    for text in (_shown(html.document_fromstring(parts.html)), parts.text, f"{parts.subject}\n{parts.preheader}"):
        assert PHRASES.findall(_without_papers(name, text)) == []


@every_edition
def test_the_document_says_that_it_is_german(name: str) -> None:
    document = html.document_fromstring(german(name).html)
    assert (document.get("lang"), document.get("dir")) == ("de", "ltr")
    assert [child.get("lang") for child in document.body if isinstance(child.tag, str)] == ["de", "de"]


@pytest.mark.parametrize("name", WITH_PAPERS)
def test_the_papers_own_words_and_only_they_are_marked_as_english(name: str) -> None:
    english = {text for card in cards(name) if card.language == "en" for text in (card.title, card.summary)}
    document = html.document_fromstring(german(name).html)
    for marked in document.xpath("//*[@lang='en']"):
        for own in marked.xpath(".//*[@lang='de']"):
            own.clear(keep_tail=True)
        # The title in HTML may have indices where the plain one has Unicode's.
        if not marked.xpath(".//sub|.//sup"):
            assert marked.text_content().strip() in english
    if name not in {"right to left", "chinese", "hostile"}:
        titles = document.xpath("//a[contains(@class, 'title')]/..")
        assert {title.get("lang") for title in titles} == {"en"}


def test_our_own_words_about_a_paper_are_not_marked_as_english() -> None:
    look = replace(LOOK, thumbnails=True)
    papers = [
        paper(1, ai_summary="A machine wrote this sentence about the paper."),
        paper(2, title="\ue000", abstract="The abstract of a paper that has no title."),
    ]
    made = Edition({"Neural fields": papers}, look=look, language=language("de")).parts()
    document = html.document_fromstring(made.html)
    [label] = document.xpath("//*[text()='Maschinell verfasst:']")
    [untitled] = document.xpath("//*[text()='Artikel ohne Titel']")
    for own in (label, untitled):
        nearest = own.xpath("ancestor-or-self::*[@lang][1]")
        assert nearest[0].get("lang") == "de"
    assert "Maschinell verfasst: A machine wrote" in made.text


@every_edition
def test_the_same_papers_in_the_same_order(name: str) -> None:
    ours, theirs = rendered(name), german(name)
    assert ours.papers == theirs.papers

    def addresses(parts: Parts) -> list[str]:
        found = map(str, html.document_fromstring(parts.html).xpath("//a[contains(@class, 'title')]/@href"))
        return [address for address in found if not re.search(r"=(?:Untitled|Artikel\+ohne)", address)]

    assert addresses(ours) == addresses(theirs)


@every_edition
def test_subject_and_preheader_keep_their_lengths(name: str) -> None:
    parts = german(name)
    assert 25 <= len(parts.subject) <= 60
    assert 60 <= len(parts.preheader) <= 130
    assert not re.search(r"[\r\n\x00-\x1f\ue000-\uf8ff]", parts.subject + parts.preheader)


def test_a_german_e_mail_reads_well() -> None:
    lines = german("many").text.splitlines()
    wanted = [
        "Zettelkasten",
        "12. März 2025",
        "Ihre Artikel vom Mittwoch, 12. März",
        "Guten Tag, Ada Lovelace. 18 Artikel aus 107 neuen, 2 Min.",
        "== NEURAL FIELDS · 4 Artikel ==",
        "Warum: „views“ im Titel; „prior“ im Abstract",
        "Und 7 weitere Artikel im Web:",
        "Kuratiert von Die Redaktion.",
        "Zettelkasten · Die Forschungsartikel des Tages, passend zu Ihren Themen · papers@example.org",
    ]
    assert [line for line in wanted if line not in lines] == []
    assert "Ihre Artikel vom Mittwoch, 12.\u00a0März</h1>" in german("many").html
    assert "\nIhre Artikel vom 6. bis 12. März\n" in german("several days").text
    assert "\nNichts Neues vom Mittwoch, 12. März\n" in german("none").text
    assert german("none").subject == "Nichts Neues zu Ihren Themen am 12. März"
    assert "Author 1, Author 2, Author 3 + 3.300 weitere\n" in german("many authors").text


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (Reason(Why.TITLE, ("views",)), "„views“ im Titel"),
        (Reason(Why.ABSTRACT, ("prior", "scene")), "„prior“ und „scene“ im Abstract"),
        (Reason(Why.BOTH, ("a", "b", "c")), "„a“, „b“ und „c“ in Titel und Abstract zusammen"),
        (Reason(Why.PLACE, (2, 53, DAY.isoformat())), "Nr. 2 von 53 auf der Seite vom 12. März"),
        (Reason(Why.AGAIN, (1,)), "an einem Tag gelistet"),
        (Reason(Why.AGAIN, (3,)), "an 3 Tagen gelistet"),
    ],
)
def test_german_reasons(reason: Reason, said: str) -> None:
    made = Edition({"Neural fields": [paper(1)]}, reasons=(reason,), language=language("de")).parts()
    assert f"\nWarum: {said}\n" in made.text


class Bracketed(NullTranslations):
    """A language in which everything that was given to it to translate stands in brackets."""

    def gettext(self, message: str) -> str:
        return message if re.fullmatch(r"[EMdy ]+", message) else f"⟦{message}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"


BRACKETED = Language("en", Bracketed())
INSIDE = re.compile(r"⟦[^⟦⟧]*⟧")
CALENDAR = {name for width in ("months", "days") for name in getattr(Locale("en"), width)["format"]["wide"].values()}


def _outside_brackets(text: str) -> set[str]:
    while INSIDE.search(text):
        text = INSIDE.sub(" ", text)
    return set(re.findall(r"[A-Za-z]{2,}", text)) - CALENDAR


def _in_no_known_letters(**changes: object) -> Edition:
    """An edition that shows all there is to show, with no Latin letter in what comes from outside."""
    values: dict[str, object] = {
        "abstract": "我们提出一种新的方法。",
        "ai_summary": "机器写的摘要。",
        "authors": tuple("甲乙丙丁"),
        "venue": "会议",
        "published": DAY,
        "version": 2,
        "votes": 7,
        "thumbnail": "https://x.example.org/1.png",
    }
    papers = [paper(n, title=f"神经场{n}", **values) for n in range(1, 10)]
    look = replace(LOOK, name="每日论文", thumbnails=True, tagline=Look().tagline, footer="谢谢", postal_address="北京")
    made = Edition(
        {"神经场": papers[:3], "大脑": papers[3:6]},
        also=[papers[6]],
        outside=papers[7],
        rising=papers[8:],
        top=True,
        reader="李雷",
        curators=("张三", "李四"),
        reasons=(Reason(Why.TITLE, ("场",)), Reason(Why.AGAIN, (3,))),
        left_out=3,
        look=look,
        language=BRACKETED,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # a builder with changes by name


NOTHING = {"sections": {}, "also": [], "outside": None, "rising": [], "top": False}


@pytest.mark.parametrize("changes", [{}, NOTHING], ids=["all there is", "nothing"])
def test_every_word_of_ours_can_be_translated(changes: dict[str, object]) -> None:
    """Whatever a template or a sentence says without asking for its translation stands outside the brackets."""
    parts = _in_no_known_letters(**changes).parts()
    shown = _shown(html.document_fromstring(parts.html))
    assert _outside_brackets(shown) == set()
    assert _outside_brackets("\n".join(line for line in parts.text.splitlines() if "://" not in line)) == set()
    assert _outside_brackets(parts.preheader) == set()


# -- from right to left


@every_edition
def test_a_language_from_right_to_left_turns_the_whole_document(name: str) -> None:
    document = html.document_fromstring(hebrew(name).html)
    assert (document.get("lang"), document.get("dir")) == ("he", "rtl")
    preheader, wrapper = (child for child in document.body if isinstance(child.tag, str))
    assert [(one.get("lang"), one.get("dir")) for one in (preheader, wrapper)] == [("he", "rtl")] * 2


def _style(element: html.HtmlElement) -> dict[str, str]:
    pairs = (rule.partition(":") for rule in (element.get("style") or "").split(";"))
    return {key.strip(): value.strip() for key, _, value in pairs}


@pytest.mark.parametrize("name", WITH_PAPERS)
def test_what_stands_at_the_beginning_of_lines_changes_sides(name: str) -> None:
    for parts, begin, end in ((hebrew(name), "right", "left"), (german(name), "left", "right")):
        document = html.document_fromstring(parts.html)
        reasons = document.xpath("//td[contains(@class, 'why')]")
        assert reasons
        assert all(f"border-{begin}" in _style(one) and f"border-{end}" not in _style(one) for one in reasons)
        [aside] = document.xpath("//td[contains(@class, 'aside')]")
        assert _style(aside)["text-align"] == end
        others = [one for one in document.xpath("//*[@style]") if one is not aside]
        assert [_style(one)["text-align"] for one in others if "text-align" in _style(one)] == []
        narrow = next(style.text for style in document.xpath("//style") if ".aside" in (style.text or ""))
        assert f"text-align: {begin} !important" in narrow


def test_no_template_names_a_side() -> None:
    """Sides are `start` and `end`; left and right together are the same in both directions."""
    named = re.compile(r"(?:text-align|float|align)\s*[:=]\s*\"?(?:left|right)|(?:border|margin|padding)-(left|right)")
    for template in sorted((TEMPLATES / "email").iterdir()):
        found = [match[1] for match in named.finditer(template.read_text(encoding="utf-8"))]
        assert found.count("left") == found.count("right"), template.name
        assert None not in found, template.name


def test_a_language_without_a_catalogue_has_its_own_dates_and_numbers() -> None:
    parts = hebrew("many")
    assert "מרץ" in parts.html
    assert "Your papers for" in parts.html
