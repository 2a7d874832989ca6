"""The e-mail as a document: its shell, structure and styles, for every kind of edition.

H in a test name stands for the shell, A for accessibility, C for style rules.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache
from itertools import pairwise

import pytest
import tinycss2
from lxml import etree, html
from mail_builders import EDITIONS, TEMPLATES, edition, rendered

from newsletter.rendering.inlining import premailer_inline

WITH_PAPERS = [name for name in EDITIONS if name not in {"none", "nothing at all"}]
every_edition = pytest.mark.parametrize("name", EDITIONS)
HIDDEN = {"script", "style", "title", "head"}


@cache
def document(name: str) -> html.HtmlElement:
    return html.document_fromstring(rendered(name).html)


def elements(name: str, path: str) -> list[html.HtmlElement]:
    return list(document(name).xpath(path))


def styles(name: str) -> list[str]:
    return [style.text or "" for style in elements(name, "//style")]


def inline_styles(name: str) -> list[tuple[html.HtmlElement, dict[str, str]]]:
    found = []
    for element in elements(name, "//*[@style]"):
        pairs = (part.partition(":") for part in element.get("style").split(";") if part.strip())
        found.append((element, {key.strip(): value.strip() for key, _, value in pairs}))
    return found


def words(element: html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


@every_edition
def test_h1_begins_with_the_doctype_once(name: str) -> None:
    assert rendered(name).html.startswith("<!DOCTYPE html>")
    assert rendered(name).html.lower().count("<!doctype") == 1


@every_edition
def test_h2_h3_language_and_direction_survive_the_loss_of_html(name: str) -> None:
    root = document(name)
    assert (root.get("lang"), root.get("dir")) == ("en", "ltr")
    children = [child for child in root.body if isinstance(child.tag, str)]
    assert children
    assert {(child.get("lang"), child.get("dir")) for child in children} == {("en", "ltr")}
    assert re.search(r'<body[^>]* xml:lang="en"', rendered(name).html)


@every_edition
def test_h4_h10_title_and_label_are_the_subject(name: str) -> None:
    subject = rendered(name).subject
    assert subject
    assert document(name).findtext(".//title") == subject
    [article] = elements(name, '//div[@role="article"]')
    assert article.get("aria-label") == subject
    assert article.get("aria-roledescription") == "email"


@every_edition
def test_h5_h6_h7_h8_metas(name: str) -> None:
    assert b'<meta charset="utf-8">' in rendered(name).html.encode()[:1024]
    metas = {meta.get("name"): meta.get("content") for meta in elements(name, "//meta[@name]")}
    assert metas["viewport"] == "width=device-width, initial-scale=1"
    assert metas["color-scheme"] == metas["supported-color-schemes"] == "light dark"
    assert "x-apple-disable-message-reformatting" in metas
    assert "telephone=no" in metas["format-detection"]
    assert any(re.search(r":root\s*{[^}]*color-scheme:\s*light dark", style) for style in styles(name))


@every_edition
def test_h9_h11_conditional_comments(name: str) -> None:
    markup = rendered(name).html
    source = (TEMPLATES / "email" / "styles.html.j2").read_text()
    assert markup.count("<!--[if") == markup.count("<![endif]") == source.count("<!--[if") == 1
    assert "<o:PixelsPerInch>96</o:PixelsPerInch>" in markup
    assert 'xmlns:o="urn:schemas-microsoft-com:office:office"' in markup


@every_edition
def test_h12_whole(name: str) -> None:
    one, parts = edition(name), rendered(name)
    assert parts.html.rstrip().endswith("</html>")
    titles = elements(name, '//a[@class="title"]')
    assert len(titles) == len(parts.papers) == len(one.papers)
    assert len(elements(name, "//h3")) == one.cards
    leave = [link for link in elements(name, "//a") if link.get("href") == one.links.unsubscribe]
    assert [words(link) for link in leave] == ["Unsubscribe", "Unsubscribe"]


@every_edition
def test_h13_nothing_left_unrendered(name: str) -> None:
    markup = rendered(name).html
    assert not re.search("[\ue000-\uf8ff]", markup)
    for element in elements(name, "//*"):
        for attribute, value in element.attrib.items():
            assert value.strip() not in {"", "#", "None", "nan", "Undefined"}, (element.tag, attribute)
            assert attribute == "aria-label" or not re.search(r"{{|{%|%7B%7B", value) or "example.org" in value


@every_edition
def test_a1_tables_are_for_layout_only(name: str) -> None:
    tables = elements(name, "//table")
    assert tables
    for table in tables:
        assert table.get("role") == "presentation"
        assert [table.get(key) for key in ("border", "cellpadding", "cellspacing")] == ["0", "0", "0"]
    assert not elements(name, "//th | //thead | //caption")


@every_edition
def test_a2_headings_go_down_one_step_at_a_time(name: str) -> None:
    levels = [int(heading.tag[1]) for heading in elements(name, "//h1 | //h2 | //h3 | //h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


@every_edition
def test_a3_a4_i11_no_images_unless_wanted_and_every_link_says_something(name: str) -> None:
    wanted = [one.thumbnail for one in edition(name).papers.values() if one.thumbnail and edition(name).look.thumbnails]
    assert [image.get("src") for image in elements(name, "//img")] == wanted
    assert not elements(name, "//svg | //picture")
    assert all(words(link) or said(link) for link in elements(name, "//a"))
    for image in elements(name, "//img"):
        assert image.get("alt").strip()
        assert re.fullmatch("[0-9]+", image.get("width"))
        assert "max-width:" in image.get("style")


def said(link: html.HtmlElement) -> str:
    """What a link says that is a picture."""
    return " ".join(image.get("alt") for image in link.iter("img"))


@every_edition
def test_a5_links_say_where_they_lead(name: str) -> None:
    leads_to = defaultdict(set)
    for link in elements(name, "//a"):
        shown = words(link) or said(link)
        label = link.get("aria-label", shown)
        assert label.startswith(shown)  # who says what they see is understood (WCAG 2.2, 2.5.3)
        leads_to[label.casefold()].add(link.get("href"))
    assert not leads_to.keys() & {
        "click here",
        "here",
        "read more",
        "more",
        "link",
        "this",
        "learn more",
        "paper",
        "pdf",
    }
    assert {text: urls for text, urls in leads_to.items() if len(urls) > 3} == {}


@every_edition
def test_a7_links_in_text_are_underlined(name: str) -> None:
    for link in elements(name, '//a[not(@class="title") and not(@class="button") and not(img)]'):
        assert "text-decoration:underline" in link.get("style"), words(link)


@every_edition
def test_a9_type_is_large_enough(name: str) -> None:
    sizes = {
        style["font-size"]
        for element, style in inline_styles(name)
        if element.get("class") != "gap" and "font-size" in style
    }
    assert min(int(size.removesuffix("px")) for size in sizes if size.endswith("px")) >= 13
    summaries = elements(name, '//p[contains(@class, "summary")]')
    assert all("font-size" not in summary.get("style") for summary in summaries)  # 16 px, from the page
    assert "font-size:16px" in document(name).body.get("style")


@every_edition
def test_a10_c12_only_tags_that_clients_keep(name: str) -> None:
    known = "html head meta title style body div table tr td h1 h2 h3 p a span strong em code sub sup br".split()
    known += ["img"] if edition(name).look.thumbnails else []
    assert {element.tag for element in elements(name, "//*") if isinstance(element.tag, str)} <= set(known)
    for element in elements(name, "//*"):
        assert not [attribute for attribute in element.attrib if attribute.startswith("on")]
    for link in elements(name, "//a"):
        assert re.match(r"https?://[^\s/]|mailto:[^\s@]+@", link.get("href")), link.get("href")


@every_edition
def test_a11_no_ids_and_no_anchors(name: str) -> None:
    assert not elements(name, '//*[@id] | //a[starts-with(@href, "#")]')


@every_edition
def test_titles_and_summaries_choose_their_own_direction(name: str) -> None:
    for element in elements(name, '//h3 | //h2[@dir] | //p[contains(@class, "summary")] | //td[@class="why"]'):
        assert element.get("dir") == "auto"
    assert not elements(name, "//a[@dir] | //bdi")


# Styles


@every_edition
def test_c2_c4_small_style_blocks_in_the_head(name: str) -> None:
    assert len(styles(name)) == 3
    assert len(elements(name, "/html/head/style")) == 3
    assert (
        sum(len(style.encode()) for style in re.findall(r"<style[^>]*>(.*?)</style>", rendered(name).html, re.S))
        <= 8_192
    )


def rules(css: str) -> list[tinycss2.ast.Node]:
    parsed = tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True)
    assert not [rule for rule in parsed if rule.type == "error"]
    return list(parsed)


def test_c3_c8_at_rules() -> None:
    at_rules = [rule for css in styles("many") for rule in rules(css) if rule.type == "at-rule"]
    assert [(rule.at_keyword, tinycss2.serialize(rule.prelude).strip()) for rule in at_rules] == [
        ("media", "screen and (max-width: 480px)"),
        ("media", "(prefers-color-scheme: dark)"),
    ]
    for rule in at_rules:
        assert not [inner for inner in tinycss2.parse_rule_list(rule.content) if inner.type in {"at-rule", "error"}]


def test_c5_embedded_rules_win_and_inline_ones_give_way() -> None:
    for css in styles("many"):
        for declaration in re.findall(r"[{;]\s*([a-z-]+:[^;{}]+);", css.replace(":root {", "{ skip:1;", 1)):
            root = declaration.startswith(("skip", "color-scheme", "supported-color-schemes"))
            assert root or declaration.endswith(" !important"), declaration
    assert not [style for _, style in inline_styles("many") if any("important" in value for value in style.values())]


def test_c6_no_rule_that_outlook_or_gmail_do_not_know() -> None:
    unknown = r"\b(?:var|calc)\(|display:\s*(?:flex|grid)|\bgap:|position:|float:|\drem\b"
    for css in (*styles("many"), *(element.get("style") for element, _ in inline_styles("many"))):
        assert not re.search(unknown, css)


@every_edition
def test_c10_colours_have_six_digits(name: str) -> None:
    for css in (*styles(name), *(element.get("style") for element, _ in inline_styles(name))):
        assert not re.search(r"rgba?\(|hsl|#(?![0-9a-fA-F]{6}\b)[0-9a-fA-F]+\b", css)


def classes(name: str) -> set[str]:
    return {one for element in elements(name, "//*[@class]") for one in element.get("class").split()}


def test_every_class_of_the_embedded_rules_is_used() -> None:
    used = classes("many") | classes("detailed")
    ruled = {name for css in styles("many") for name in re.findall(r"\.([a-z]+)", css)}
    assert ruled <= used


def test_every_base_rule_finds_an_element() -> None:
    source = (TEMPLATES / "email" / "base.css.j2").read_text()
    used = classes("many") | classes("detailed")
    for selector in re.findall(r"^([^{}#]+) {", source, re.M):
        tag_or_class = selector.strip()
        known = (
            tag_or_class[1:] in used
            if tag_or_class.startswith(".")
            else tag_or_class in {"h1", "h2", "h3", "p", "sub", "sup", "code"}
        )
        assert known, f"{tag_or_class} is styled and never used"


def test_h8_h12_inlining_changes_styles_only() -> None:
    before: list[str] = []

    def spy(document: str) -> str:
        before.append(document)
        return premailer_inline(document)

    edition("many").compiled(spy)
    [specimen] = before
    after = premailer_inline(specimen)
    for tag in ("<a ", "<h3", "<table", "<!--[if", "<![endif]", "</html>"):
        assert specimen.count(tag) == after.count(tag)
    shown = [
        " ".join(etree.tostring(html.document_fromstring(text).body, method="text", encoding="unicode").split())
        for text in (specimen, after)
    ]
    assert shown[0] == shown[1]


@pytest.mark.parametrize("name", WITH_PAPERS)
def test_no_table_is_a_wrapper_of_everything(name: str) -> None:
    """Word splits a table of more than 23.7 inches: each paper has its own."""
    assert all(len(table.xpath('.//a[@class="title"]')) <= 1 for table in elements(name, "//table"))
