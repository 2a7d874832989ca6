"""H1 to H12: the document's shell; and D5, which stands there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import html

from newsletter.rendering.lint.cascade import View
from newsletter.rendering.lint.findings import Finding, error, warning
from newsletter.rendering.lint.mail import Mail
from newsletter.rendering.lint.page import Page, drawn

DOCTYPE = "<!DOCTYPE html>"

_CHARSET = re.compile(rb"""<meta\b[^>]*charset\s*=\s*["']?utf-8\b""", re.IGNORECASE)
_NO_ZOOM = re.compile(r"user-scalable\s*=\s*(?:no|0)\b|maximum-scale", re.IGNORECASE)


def check_shell(mail: Mail, page: Page) -> Iterator[Finding]:
    """H1 to H12, and D5."""
    yield from _source(mail, page)
    if page.root is None or page.body is None:
        yield error("H12", "There is no body in the HTML: check that the template is complete.")
        return
    yield from _languages(page, page.root, page.body)
    yield from _title(mail, page)
    yield from _metas(page)
    yield from _word(page)
    yield from _wrapper(mail, page)


def _source(mail: Mail, page: Page) -> Iterator[Finding]:
    source = page.source
    if not source.startswith(DOCTYPE) or source.lower().count("<!doctype") != 1:
        yield error(
            "H1", f"The HTML does not begin with one {DOCTYPE}: begin the shell with it, spelled so.", source[:80]
        )
    in_reach = _CHARSET.search(source.encode("utf-8", "replace")[:1024])
    if not in_reach:
        yield error(
            "H5", 'The first 1,024 bytes do not say <meta charset="utf-8">: make it the first line of the head.'
        )
    if mail.fields and "utf-8" not in mail.html_type.lower():
        yield error("H5", "The HTML part's Content-Type does not say charset=utf-8: add it.", mail.html_type)
    opened, closed = source.count("<!--[if"), source.count("<![endif]")
    if opened != closed:
        yield error(
            "H11", f"{opened} conditional comments are opened and {closed} closed: pair <!--[if ...]> and <![endif]."
        )
    if not source.rstrip().endswith("</html>"):
        yield error("H12", "The HTML does not end with </html>: something cut it off.", source[-80:])


def _languages(page: Page, root: html.HtmlElement, body: html.HtmlElement) -> Iterator[Finding]:
    children = [one for one in body if isinstance(one.tag, str) and (len(one) or (one.text or "").strip())]
    for element in (root, *children):
        if missing := [name for name in ("lang", "dir") if not (element.get(name) or "").strip()]:
            said = " and ".join(missing)
            yield error(
                "H2", f"<{element.tag}> has no {said}: set it, since mail programs strip what is above.", drawn(element)
            )
    if not body.get("xml:lang"):
        yield error("H3", "The body has no xml:lang: set it for Outlook on Windows.", drawn(body))


def _title(mail: Mail, page: Page) -> Iterator[Finding]:
    title = " ".join(" ".join(one.text or "" for one in page.tagged("title")[:1]).split())
    if not title:
        yield error("H4", "The document has no title: put the subject into <title>.")
    elif mail.subject and not _same(title, mail.subject):
        yield warning("H4", "The title is not the subject: print the subject in <title>.", title)


def _same(one: str, other: str) -> bool:
    """Whether two texts have the same letters and digits; a header cannot hold all that HTML can."""
    return [char for char in one if char.isalnum()] == [char for char in other if char.isalnum()]


def _metas(page: Page) -> Iterator[Finding]:
    metas = {(meta.get("name") or "").lower(): meta.get("content") or "" for meta in page.tagged("meta")}
    viewport = metas.get("viewport", "")
    if "width=device-width" not in "".join(viewport.split()):
        yield error("H6", 'There is no viewport meta: add content="width=device-width, initial-scale=1".', viewport)
    if _NO_ZOOM.search(viewport):
        yield error("H6", "The viewport forbids zooming: drop maximum-scale and user-scalable.", viewport)
    schemes = {f"The meta {name}": metas.get(name, "") for name in ("color-scheme", "supported-color-schemes")}
    schemes["The color-scheme of :root"] = page.shown(page.root, View.LIGHT).value("color-scheme")
    for what, scheme in schemes.items():
        if "only" in scheme.split() or scheme in {"light", "dark"}:
            yield warning("D5", f"{what} is “{scheme}”, and few programs honour that: say “light dark”.", scheme)
        elif sorted(scheme.split()) != ["dark", "light"]:
            yield warning("H7", f"{what} is not “light dark”: add it.", scheme)
    for name in ("x-apple-disable-message-reformatting", "format-detection"):
        if name not in metas:
            yield warning("H8", f"The meta {name} is missing: add it.")


def _word(page: Page) -> Iterator[Finding]:
    for_word = " ".join(inner for condition, inner in page.conditionals if "mso" in condition)
    if not re.search(r"<o:PixelsPerInch>\s*96\s*</o:PixelsPerInch>", for_word):
        yield warning(
            "H9", "Outlook on Windows is not told 96 pixels an inch: add the o:OfficeDocumentSettings comment."
        )
    elif page.root is not None and "xmlns:o" not in page.root.attrib:
        yield warning("H9", "The html element lacks xmlns:o, so o:OfficeDocumentSettings has no meaning: add it.")
    for element in page.tagged("table", "td", "th"):
        width = element.get("width") or ""
        if width.isdecimal() and "width" not in page.shown(element, View.BARE).own:
            yield warning(
                "H9", f'width="{width}" stands in the attribute alone: say it in the style too.', drawn(element)
            )


def _wrapper(mail: Mail, page: Page) -> Iterator[Finding]:
    wrapper = next((one for one in page.elements if one.get("role") == "article"), None)
    if wrapper is None:
        yield error("H10", 'No element has role="article": wrap the mail in one.')
        return
    wrong = [name for name in ("aria-label", "lang", "dir") if not (wrapper.get(name) or "").strip()]
    if wrapper.get("aria-roledescription") != "email":
        wrong.insert(0, 'aria-roledescription="email"')
    if wrong:
        yield error("H10", f"The wrapper with role=article lacks {', '.join(wrong)}: add it.", drawn(wrapper))
    elif mail.subject and not _same(wrapper.get("aria-label", ""), mail.subject):
        yield warning("H10", "The wrapper's aria-label is not the subject: print the subject in it.", drawn(wrapper))
