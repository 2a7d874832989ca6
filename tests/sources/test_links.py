"""Links out of abstracts."""

from __future__ import annotations

import re
import time
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.model import LinkKind
from newsletter.sources.links import MAX_LENGTH, MAX_LINKS, links_in


@pytest.mark.parametrize(
    ("text", "kind", "url"),
    [
        ("Code: https://github.com/a/b.", LinkKind.CODE, "https://github.com/a/b"),
        ("Code: https://github.com/a/b.git.", LinkKind.CODE, "https://github.com/a/b"),
        ("Code: https://github.com/a/b.git/", LinkKind.CODE, "https://github.com/a/b"),
        ("at https://github.com/a/b/.", LinkKind.CODE, "https://github.com/a/b/"),
        ("at https://github.com/a/b.js, and", LinkKind.CODE, "https://github.com/a/b.js"),
        ("(https://github.com/a/b).", LinkKind.CODE, "https://github.com/a/b"),
        ("https://github.com/a/b(see", LinkKind.CODE, "https://github.com/a/b(see"),
        ("https://github.com/a/b(", LinkKind.CODE, "https://github.com/a/b"),
        ("[code](https://github.com/a/b)", LinkKind.CODE, "https://github.com/a/b"),
        ("“https://github.com/a/b”", LinkKind.CODE, "https://github.com/a/b"),
        ("'https://github.com/a/b'", LinkKind.CODE, "https://github.com/a/b"),
        ("<https://github.com/a/b>", LinkKind.CODE, "https://github.com/a/b"),
        ("code at github.com/a/b.", LinkKind.CODE, "https://github.com/a/b"),
        ("code:github.com/a/b", LinkKind.CODE, "https://github.com/a/b"),
        ("代码见github.com/a/b。", LinkKind.CODE, "https://github.com/a/b"),
        ("www.github.com/a/b", LinkKind.CODE, "https://www.github.com/a/b"),
        ("gist.github.com/a/b", LinkKind.CODE, "https://gist.github.com/a/b"),
        ("HTTPS://GitHub.com/A/b", LinkKind.CODE, "https://github.com/A/b"),
        ("http://gitlab.com/a/b", LinkKind.CODE, "http://gitlab.com/a/b"),
        ("https://bitbucket.org/a/b", LinkKind.CODE, "https://bitbucket.org/a/b"),
        ("huggingface.co/a/b", LinkKind.CODE, "https://huggingface.co/a/b"),
        ("https://codeberg.org/a/b", LinkKind.CODE, "https://codeberg.org/a/b"),
        ("https://youtu.be/nLRt6O?si=8yD6k-8", LinkKind.VIDEO, "https://youtu.be/nLRt6O?si=8yD6k-8"),
        ("https://www.youtube.com/watch?v=x", LinkKind.VIDEO, "https://www.youtube.com/watch?v=x"),
        ("https://vimeo.com/1", LinkKind.VIDEO, "https://vimeo.com/1"),
        ("see a-b.github.io.", LinkKind.PROJECT, "https://a-b.github.io"),
        ("see a-b.github.io: it", LinkKind.PROJECT, "https://a-b.github.io"),
        ("https://a.github.io/b.html.", LinkKind.PROJECT, "https://a.github.io/b.html"),
        ("https://sites.google.com/view/x", LinkKind.PROJECT, "https://sites.google.com/view/x"),
        ("www.mpg.de", LinkKind.PROJECT, "https://www.mpg.de"),
        ("https://x.org:8443/a", LinkKind.PROJECT, "https://x.org:8443/a"),
        ("https://github.com.evil.org/a", LinkKind.PROJECT, "https://github.com.evil.org/a"),
        ("https://en.wikipedia.org/wiki/A_(b).", LinkKind.PROJECT, "https://en.wikipedia.org/wiki/A_(b)"),
        ("https://arxiv.org/abs/2503.01234v2.", LinkKind.ABSTRACT, "https://arxiv.org/abs/2503.01234v2"),
        ("arxiv.org/pdf/2503.01234", LinkKind.PDF, "https://arxiv.org/pdf/2503.01234"),
        ("https://x.org/Paper.PDF", LinkKind.PDF, "https://x.org/Paper.PDF"),
        ("https://doi.org/10.1000/x(1)", LinkKind.DOI, "https://doi.org/10.1000/x(1)"),
        (r"\url{https://x.org/a\_b}.", LinkKind.PROJECT, "https://x.org/a_b"),
        (r"\href{https://x.org/a\%20b\#c}{here}", LinkKind.PROJECT, "https://x.org/a%20b#c"),
        (r"\url{https://x.org/\~me}", LinkKind.PROJECT, "https://x.org/~me"),
        ("<a href='https://x.org/a'>", LinkKind.PROJECT, "https://x.org/a"),
        ("$https://x.org/a$", LinkKind.PROJECT, "https://x.org/a"),
        ("see github.com/a/b.#", LinkKind.CODE, "https://github.com/a/b"),
        ("see github.com/a/b..git", LinkKind.CODE, "https://github.com/a/b"),
        ("https://x.org/a\r\nBcc: y@z.org", LinkKind.PROJECT, "https://x.org/a"),
    ],
)
def test_one_link(text: str, kind: LinkKind, url: str) -> None:
    assert [(link.kind, link.url) for link in links_in(text)] == [(kind, url)]


@pytest.mark.parametrize(
    "text",
    [
        "e.g. 3.5x faster, i.e. in the U.S. (cf. Sec. 2.1) on ImageNet.1k and Node.js",
        "hosted on github.com, huggingface.co and GitHub.",
        "https://github.com/ and https://github.com",
        "ftp://x.org/a javascript:alert(1) data:text/html,x file:///etc/passwd",
        "me@github.com/a you@www.x.org",
        "https://user:pass@github.com/a/b https://github.com@evil.org/",
        "http://127.0.0.1/a http://127.1/ http://2130706433/ http://0x7f.0x1/ http://[::1]/a http://1.2.3.4:80/",
        "http://localhost/a http://x.localhost/ http://printer.local/ http://intranet/",
        "http://x..org/ http://-x.org/ http://x-.org/ http://x_y.org/ http://.org/ http://a%2eb.org/",
        "http://x.org:99999/ http://x.org:port/ http:// https:// https://.",
        "https://münchen.example.org/a https://exa.mü https://example.comü",
        "x.github.io.evil.com notgithub.com/a evil-github.com/a github.com.evil.org/a",
        "https://x.org/" + "a" * MAX_LENGTH,
        "https://" + "a" * 64 + ".org/",
    ],
)
def test_no_link(text: str) -> None:
    assert links_in(text) == ()


def test_each_page_once_in_the_order_of_the_text() -> None:
    text = "https://x.org/ then github.com/a/b and https://github.com/a/b, https://github.com/a/b.git, http://www.x.org"
    assert [link.url for link in links_in(text)] == ["https://x.org/", "https://github.com/a/b"]


def test_two_links_glued_together_are_two() -> None:
    urls = ["https://github.com/a/b", "https://x.org/c"]
    for glue in (",", ";", "),(", ", ", '","', "','", "}{"):
        assert [link.url for link in links_in(glue.join(urls))] == urls


def test_at_most_eight() -> None:
    links = links_in(" ".join(f"https://x.org/{number}" for number in range(50)))
    assert [link.url for link in links] == [f"https://x.org/{number}" for number in range(MAX_LINKS)]


NAMES = "https:// http:// HTTP:// www. github.com x.github.io a é 字 1 ..".split()
SIGNS = "/ . ) ( , @ : % \\_ \\ { } [ ] ? # & ' \" < > -".split()
TEXTS = st.lists(st.sampled_from([*NAMES, *SIGNS, " ", "\n", "\0", "\u2028"]), max_size=40).map("".join)


@settings(deadline=None, max_examples=600)
@given(st.one_of(TEXTS, st.text(max_size=200)))
def test_whatever_the_text_a_link_is_a_plain_public_web_address(text: str) -> None:
    links = links_in(text)
    assert len(links) <= MAX_LINKS
    assert len({link.url for link in links}) == len(links)
    for link in links:
        assert re.fullmatch(r"https?://[a-z0-9.-]+\.[a-z0-9-]+(:\d+)?([/?#][!-~]*)?", link.url)
        assert not set(link.url) & set("<>\"'\\{}[]^` ")
        assert not link.url.endswith((".", ",", ";", ":"))
        assert urlsplit(link.url).hostname
        assert len(link.url) <= MAX_LENGTH


@settings(deadline=None, max_examples=200)
@given(st.from_regex(r"https://[a-z]{1,9}\.(org|edu)(/[A-Za-z0-9_~-]{1,9}){0,4}", fullmatch=True))
def test_a_plain_address_comes_out_as_it_went_in(url: str) -> None:
    for text in (f"Code: {url}.", f"({url})", f"see {url}, or", f"\\url{{{url}}}"):
        assert [link.url for link in links_in(text)] == [url]


@pytest.mark.parametrize(
    "text",
    [
        "https://x.org/" + ")" * 50_000,
        "https://" * 6_000,
        "www." * 12_000,
        "www." + "a." * 25_000 + "_",
        "a." * 25_000 + "github.com/x",
        "a" * 50_000 + ".github.io_",
        "https://x.org/" + ",h" * 25_000,
        "https://x.y " * 4_000,
    ],
)
def test_hostile_text_takes_no_time(text: str) -> None:
    start = time.process_time()
    links_in(text)
    assert time.process_time() - start < 1  # a tenth of a second would be slow; quadratic is ten and more
