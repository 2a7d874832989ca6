"""One whole e-mail as it is meant to be, in files; and what a change of one template may change in it.

`golden/mail.html`, `.txt` and `.eml` are what the edition of `golden_edition` renders to. After a change that is meant:

    pytest tests/rendering/test_email_golden.py --update-golden

With the versions of constraints.txt the bytes are compared. Other versions of the libraries write the same document a
little differently (quotes, spaces, the order of attributes); there the meaning is compared: elements, attributes,
declarations and words, one a line.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from difflib import unified_diff
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import pytest
from golden_edition import GOLDEN
from inliners import declarations
from lxml import etree, html
from mail_builders import TEMPLATES, Edition, paper

from newsletter.mail.mime import Letterhead, build
from newsletter.model import Parts

FOLDER = Path(__file__).with_name("golden")
CONSTRAINTS = Path(__file__).resolve().parents[2] / "constraints.txt"
WRITERS = ("Jinja2", "MarkupSafe", "premailer", "cssutils", "lxml", "babel", "pylatexenc")
"""The libraries that have a hand in how an e-mail is written."""

HOW_TO_UPDATE = "If the change is meant: pytest tests/rendering/test_email_golden.py --update-golden"
LONGEST_DIFF = 40


def as_tested() -> bool:
    """Whether the libraries here are those that the golden files were written with."""
    pinned = dict(line.split("==") for line in CONSTRAINTS.read_text().split() if "==" in line)
    return all(version(name) == pinned[name] for name in WRITERS)


@cache
def parts() -> Parts:
    return GOLDEN.parts()


@cache
def rendered() -> dict[str, bytes]:
    """The golden files as they are rendered now. The message is not signed: its Message-ID and date are fixed."""
    message = build(
        parts(),
        Letterhead(
            name="Trending Papers",
            address="papers@example.org",
            list_name="Trending Papers",
            list_id="papers.example.org",
            reply_to="editors@example.org",
            owner="mailto:editors@example.org",
        ),
        recipient="ada@example.org",
        recipient_name="Ada Lovelace",
        links=GOLDEN.links,
        message_id="<2025-03-12.golden@papers.example.org>",
        date=datetime(2025, 3, 12, 6, 30, tzinfo=UTC),
    )
    return {
        "mail.html": parts().html.encode(),
        "mail.txt": parts().text.encode(),
        "mail.eml": message.content,
    }


@pytest.fixture(scope="module", autouse=True)
def _golden_files(request: pytest.FixtureRequest) -> None:
    """All at once: tests run in any order."""
    if request.config.getoption("--update-golden"):
        for name, content in rendered().items():
            (FOLDER / name).write_bytes(content)


def meaning(name: str, content: bytes) -> list[str]:
    """What the file says, line by line, however it is written."""
    if name.endswith(".html"):
        return outline(content.decode())
    if name.endswith(".txt"):
        return content.decode().splitlines()
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    text, markup = (part.get_content() for part in message.iter_parts())
    headers = content.partition(b"\r\n\r\n")[0].decode().splitlines()
    return [*headers, "", *text.splitlines(), "", *outline(markup)]


def outline(markup: str) -> list[str]:
    """A document as lines: an element's beginning with its attributes, its text, its end, comments."""
    lines = []
    root = html.document_fromstring(markup)
    for event, one in etree.iterwalk(root, events=("start", "end", "comment")):
        if event == "start":
            lines += [f"<{one.tag}{attributes(one)}>", squeezed(one.text)]
        else:
            lines += [f"<!--{squeezed(one.text)}-->" if event == "comment" else f"</{one.tag}>", squeezed(one.tail)]
    return list(filter(None, lines))


def attributes(one: html.HtmlElement) -> str:
    values = dict(one.attrib)
    if "style" in values:
        values["style"] = "; ".join(f"{key}: {value}" for key, value in declarations(values["style"]).items())
    return "".join(f' {key}="{value}"' for key, value in sorted(values.items()))


def squeezed(text: str | None) -> str:
    return " ".join((text or "").split())


def difference(name: str, golden: bytes, now: bytes, *, exact: bool) -> str:
    """The first lines of how two versions of a golden file differ in meaning, or with `exact` in bytes; "" if not."""
    before, after = meaning(name, golden), meaning(name, now)
    if before == after and exact:
        before, after = (repr(content)[2:-1].replace("\\n", "\\n\n").splitlines() for content in (golden, now))
    diff = list(unified_diff(before, after, f"golden/{name}", "rendered now", lineterm="", n=1))
    shown = [line if len(line) <= 200 else f"{line[:200]}…" for line in islice(diff, LONGEST_DIFF)]
    more = [f"... and {len(diff) - len(shown)} lines more"] if len(diff) > len(shown) else []
    return "\n".join([*shown, *more])


@pytest.mark.parametrize("name", ["mail.html", "mail.txt", "mail.eml"])
def test_the_mail_is_the_golden_one(name: str) -> None:
    path, now = FOLDER / name, rendered()[name]
    if not path.exists():
        pytest.fail(f"golden/{name} is not there. {HOW_TO_UPDATE}", pytrace=False)
    if found := difference(name, path.read_bytes(), now, exact=as_tested()):
        pytest.fail(f"{found}\n\n{HOW_TO_UPDATE}", pytrace=False)


def test_the_golden_files_are_one_mail() -> None:
    message = message_from_bytes((FOLDER / "mail.eml").read_bytes(), policy=policy.default)
    assert isinstance(message, EmailMessage)
    sent = [part.get_payload(decode=True) for part in message.iter_parts()]
    files = [(FOLDER / name).read_bytes().replace(b"\n", b"\r\n") for name in ("mail.txt", "mail.html")]
    assert [content.rstrip() for content in sent if isinstance(content, bytes)] == [file.rstrip() for file in files]


def test_a_difference_is_shown_in_few_lines() -> None:
    markup = b'<!DOCTYPE html><html><body><p class="a" style="margin:0; color:#FFFFFF">x<br>y</p></body></html>'
    rewritten = b"<!doctype html><html><body><p style='margin: 0;color: #ffffff;' class=a>x<br>y </p></body></html>"
    assert difference("mail.html", markup, rewritten, exact=False) == ""
    assert "+<!doctype html>" in difference("mail.html", markup, rewritten, exact=True)
    assert difference("mail.html", markup, markup, exact=True) == ""
    found = difference("mail.html", markup, markup.replace(b"margin:0", b"margin:1px"), exact=False)
    assert [line for line in found.splitlines() if line.startswith(("-<", "+<"))] == [
        '-<p class="a" style="margin: 0; color: #ffffff">',
        '+<p class="a" style="margin: 1px; color: #ffffff">',
    ]
    long = difference("mail.txt", b"", b"x" * 500 + b"\ny" * 500, exact=True)
    assert len(long.splitlines()) == LONGEST_DIFF + 1
    assert max(map(len, long.splitlines())) <= 201
    assert difference("mail.txt", b"a\n", b"a\r\n", exact=True) != ""


# A change of one template

MARK = "Zanzibar"
HTML_MARK = re.compile(f"<div[^>]*>{MARK}</div>|<!--{MARK}-->")
CSS_MARK = "mso-zanzibar: 1"


def marked(name: str, source: str) -> str:
    """A template with a mark in its output that can be told from the rest: a word in text, a `div` or, in the head, a
    comment in HTML, a declaration in the first rule of CSS."""
    after_comment = re.match(r"(?s)(?:\{#.*?#\}\s*)?", source)
    assert after_comment
    begin = after_comment.end()
    if name.endswith(".css.j2"):
        return re.sub(r"(?m)^([^@{}\n]+\{ )", rf"\1{CSS_MARK}; ", source, count=1)
    if name.endswith(".txt.j2"):
        return f"{source[:begin]}{MARK} {source[begin:]}"
    if "<body" in source:
        return re.sub(r"<body[^>]*>", rf"\g<0><div>{MARK}</div>", source)
    mark = f"<!--{MARK}-->" if "<style" in source else f"<div>{MARK}</div>"
    return source[:begin] + mark + source[begin:]


def with_marked(name: str, folder: Path) -> Parts:
    """The golden edition from the shipped templates, but for `name`, which is marked."""
    changed = marked(name, (TEMPLATES / "email" / name).read_text())
    assert changed != (TEMPLATES / "email" / name).read_text(), f"{name} has no place for a mark"
    (folder / "email").mkdir()
    (folder / "email" / name).write_text(changed)
    shown = edition_of(name)
    compiled = shown.compiled(folders=[folder, TEMPLATES])
    return compiled.compose(shown.digest, name=shown.reader, links=shown.links)


def edition_of(name: str) -> Edition:
    """An edition that shows what the template `name` makes: few days have something that rose."""
    return replace(GOLDEN, rising=[paper(9)]) if name.startswith("rising.") else GOLDEN


def unstyled(markup: str) -> str:
    """A document without its style attributes and what is in its style blocks."""
    root = html.document_fromstring(markup)
    for one in root.iter():
        if one.tag == "style":
            one.text = ""
        elif one.tag is etree.Comment:
            one.text = re.sub(r"(?s)(<style[^>]*>).*?(</style>)", r"\1\2", one.text)
        elif one.get("style") is not None:
            del one.attrib["style"]
    return str(html.tostring(root, encoding="unicode"))


OF_A_DIGEST = sorted(path.name for path in (TEMPLATES / "email").glob("*.j2") if not path.name.startswith("confirm."))


@pytest.mark.parametrize("name", OF_A_DIGEST)
def test_a_changed_template_changes_only_what_is_its_own(name: str, tmp_path: Path) -> None:
    before, after = edition_of(name).parts(), with_marked(name, tmp_path)
    assert (after.subject, after.preheader, after.papers) == (before.subject, before.preheader, before.papers)
    match name.split(".")[1:]:
        case ["txt", "j2"]:
            assert after.html == before.html
            assert after.text != before.text
            assert after.text.replace(f"{MARK} ", "") == before.text
        case ["html", "j2"]:
            assert after.text == before.text
            assert HTML_MARK.search(after.html), f"{name} is shown nowhere"
            assert HTML_MARK.sub("", after.html) == before.html
        case ["css", "j2"]:
            assert after.text == before.text
            assert re.search("mso-zanzibar: ?1", after.html), f"{name} styles nothing"
            assert re.sub(r"mso-zanzibar: ?1(?:; ?)?", "", after.html) == before.html
            assert unstyled(after.html) == unstyled(before.html)
        case _:
            pytest.fail(f"{name} is of no known kind")
