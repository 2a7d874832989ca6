"""Subject, preheader, heading, opening, dates, button labels."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import date

import pytest
from mail_builders import DAY, EDITIONS, LINKS, LONG_TITLE, Edition, edition, paper, pick, rendered

from newsletter.languages import ENGLISH
from newsletter.model import TRENDING, Answered, Link, LinkKind, Listing, Paper, Reason, Verdict, Why
from newsletter.rendering import Look, words
from newsletter.rendering.card import Face, address, label

TITLES = [
    "NeRF-MAE: Masked AutoEncoders for Self-Supervised Learning of Fields",
    "EmerNeRF: Emergent Scenes",
    "Gaussian Maps",
]


@pytest.mark.parametrize("name", EDITIONS)
def test_i1_subject(name: str) -> None:
    subject = rendered(name).subject
    assert 25 <= len(subject) <= 70
    assert subject == unicodedata.normalize("NFC", subject)
    assert not re.search(r"[\r\n\\$\x00-\x1f\ue000-\uf8ff\u202a-\u202e]", subject)


def test_subject_is_the_first_papers_point() -> None:
    assert words.subject(ENGLISH, TITLES, DAY) == "NeRF-MAE: Masked AutoEncoders… + 2 papers"
    assert (
        words.subject(ENGLISH, ["Matryoshka Representation Learning"] * 12, DAY)
        == "Matryoshka Representation Learning + 11 papers"
    )
    assert words.subject(
        ENGLISH, ["Neural Fields in Robotics: A Long Survey of All the Work of Many Years", "B"], DAY
    ) == ("Neural Fields in Robotics + 1 paper")
    assert words.subject(ENGLISH, ["ReLU"], DAY) == "ReLU – your paper for 12 March"
    assert words.subject(ENGLISH, [], DAY) == "Nothing new for your topics on 12 March"
    assert words.subject(ENGLISH, [LONG_TITLE], DAY).endswith("… – your paper for 12 March")
    assert len(words.subject(ENGLISH, ["神" * 300, "x"], DAY)) == 60


@pytest.mark.parametrize("name", EDITIONS)
def test_i2_preheader(name: str) -> None:
    parts = rendered(name)
    assert 60 <= len(parts.preheader) <= 130
    assert parts.preheader != parts.subject
    assert parts.preheader not in parts.subject


@pytest.mark.parametrize("name", EDITIONS)
def test_i2_i3_preheader_comes_first_and_is_filled_only_if_short(name: str) -> None:
    parts = rendered(name)
    first = re.search(r"<body[^>]*>\s*<div([^>]*)>([^<]*)</div>", parts.html)
    assert first
    style = re.sub(r"\s", "", first[1])
    assert all(rule in style for rule in ("display:none", "max-height:0", "overflow:hidden", "mso-hide:all"))
    fillers = first[2].count("\u034f")
    assert fillers == min(max(0, 90 - len(parts.preheader)), 40)
    assert first[2].count("\u2007") == first[2].count("\ufeff") == fillers


def test_preheader_names_the_next_papers() -> None:
    many = [*TITLES, "D: d", "E: e", "F: f"]
    assert words.preheader(ENGLISH, many, ["Neural fields", "Brain decoding"], "", 107) == (
        "Also: EmerNeRF, Gaussian Maps and 3 more on Neural fields, Brain decoding."
    ).removesuffix(".")
    long = ["Neural fields and three dimensions", "Brain decoding and meaning", "Representation learning"]
    assert words.preheader(ENGLISH, many, long, "", 107) == (
        "Also: EmerNeRF, Gaussian Maps and 3 more on Neural fields and three dimensions, Brain decoding and meaning "
        "and more"
    )
    assert words.preheader(ENGLISH, TITLES, [], "", 107) == "Also: EmerNeRF and Gaussian Maps. From 107 new papers."[
        :60
    ] + (" With a summary, and with code and project pages where there are any.")
    summary = "A prior learned from 20,000 objects makes three views of a scene enough to see it from anywhere. " * 2
    assert words.preheader(ENGLISH, TITLES[:1], [], summary, 107).startswith("A prior learned from 20,000 objects")
    assert words.preheader(ENGLISH, [], [], "", 107).startswith(
        "107 new papers, but none that matches what you follow."
    )


def test_i4_heading_and_first_sentence() -> None:
    text = rendered("many").text
    assert "\nYour papers for Wednesday 12 March\nHello Ada Lovelace. 18 papers from 107 new, " in text
    assert "\nNeural fields (5) · Brain decoding (4) · Embodied AI (3) · Also new (6)\n" in text
    assert "\nYour papers for 6 to 12 March\n" in rendered("several days").text
    assert "\nNothing new for Wednesday 12 March\n" in rendered("none").text
    assert f"\nAnd 7 more papers on the web:\n{LINKS.web}\n" in text


@pytest.mark.parametrize(
    ("papers", "considered", "count", "said"),
    [
        (1, 1, 100, "1 paper, 1 min."),
        (1, 107, 0, "1 paper from 107 new, 1 min."),
        (14, 0, 1_840, "14 papers, 8 min."),
        (1_500, 2_000, 230 * 11, "1,500 papers from 2,000 new, 11 min."),
        (0, 1, 0, "1 new paper, but none that matches what you follow. The next e-mail comes with the next find."),
    ],
)
def test_opening_counts(papers: int, considered: int, count: int, said: str) -> None:
    assert words.opening(ENGLISH, papers, considered, count) == said


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ([12], "14 papers from 107 new, 8 min."),
        ([11, 12], "14 papers of 107 new ones in 2 days, 8 min."),
        ([6, 7, 10, 11, 12], "14 papers of 107 new ones in 7 days, 8 min."),  # none at the weekend
        ([7, 10], "14 papers of 107 new ones in 4 days, 8 min."),
    ],
)
def test_a_span_counts_its_days_and_not_its_editions(days: list[int], said: str) -> None:
    assert words.opening(ENGLISH, 14, 107, 1_840, [date(2025, 3, day) for day in days]) == said


@pytest.mark.parametrize(
    ("name", "natural"),
    [("Ada", True), ("Jean-Luc O’Neill", True), ("J. Doe", True), ("李雷", True), ("शांति", True), ("Łukasz Żak", True)]
    + [
        (name, False)
        for name in ("", " ", "-", "evil.com", "a@b", "http://x", "<b>", "R2D2", "x" * 41, "A\nB", "=cmd()")
    ],
)
def test_greets_only_by_a_natural_name(name: str, natural: bool) -> None:
    assert words.greetable(name) is natural
    assert words.greeting(ENGLISH, name, "1 paper").startswith("Hello") is natural


def test_a_name_from_right_to_left_does_not_turn_the_sentence_round() -> None:
    assert words.greeting(ENGLISH, "שרה", "1 paper").startswith("Hello שרה\u200e. 1 paper")


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ([date(2025, 3, 11)], "11 March"),
        ([date(2025, 3, 11), date(2025, 3, 12)], "11 and 12 March"),
        ([date(2025, 3, 6), date(2025, 3, 9), date(2025, 3, 12)], "6 to 12 March"),
        ([date(2024, 12, 31), date(2025, 1, 1)], "31 December and 1 January"),
        ([date(2024, 3, 31), date(2025, 3, 1)], "31 March and 1 March"),
    ],
)
def test_spans(days: list[date], said: str) -> None:
    assert words.span(ENGLISH, days) == said


def test_shortened() -> None:
    assert words.shortened("short", 5) == "short"
    assert words.shortened("one two three", 9) == "one two…"
    assert words.shortened("one two, three", 12) == "one two…"
    assert words.shortened("x" * 100, 10) == "x" * 9 + "…"
    assert words.shortened("a" * 8 + "e\u0301" * 4, 10) == "a" * 8 + "…"
    assert all(len(words.shortened(LONG_TITLE, length)) <= length for length in range(4, 230))


def face(one: Paper) -> Face:
    return Face.of(one, Look(), ENGLISH)


def test_places_on_the_page() -> None:
    def place(*listings: tuple[int, int]) -> str:
        return face(
            paper(1, listings=tuple(Listing(date(2025, 3, day), "listing", rank) for day, rank in listings))
        ).place

    assert place((11, 3)) == "No. 3 on the page of 11 March"
    assert place((11, 12), (12, 4)) == "Listed on 11 and 12 March, at best No. 4"
    assert place() == ""


def test_trending_says_the_place_once() -> None:
    one = face(paper(1))
    said = replace(pick(paper(1), TRENDING), reasons=(Reason(Why.PLACE, (1, 60, "2025-03-12")),))
    card = one.card(said, "Trending")
    assert (card.place, card.why) == ("", "no. 1 of 60 on the page of 12 March")
    assert one.card(replace(said, reasons=()), "Trending").place == "No. 1 on the page of 12 March"


def test_authors() -> None:
    def authors(*names: str) -> str:
        return face(paper(1, authors=names)).authors

    assert authors() == ""
    assert authors("A B", "C D") == "A B, C D"
    assert authors("A", "B", "C") == "A, B, C"
    assert authors("A", "B", "C", "D") == "A, B, C + 1 more"
    assert "Author 1, Author 2, Author 3 + 3,300 more" in rendered("many authors").html
    assert authors(r"J\"org M\"uller") == "Jörg Müller"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://github.com/hardyho/ultrametric_feature_fields", "hardyho/ultrametric_feature_fields"),
        ("https://github.com/TamashaM/NAPA-VQ.git", "TamashaM/NAPA-VQ"),
        ("https://robonerf.github.io/", "robonerf.github.io"),
        ("https://www.sites.google.com/view/myodex", "sites.google.com/view/myodex"),
        ("https://youtu.be/nLRt6OoDGq0?si=8yD6k-8MMBJInQPs", "youtu.be/nLRt6OoDGq0"),
        ("https://www.youtube.com/watch?v=nLRt6OoDGq0&t=1", "youtube.com/watch?v=nLRt6OoDGq0"),
        ("https://arxiv.org/abs/2503.01234v2", "arXiv 2503.01234v2"),
        ("https://arxiv.org/pdf/2503.01234.pdf", "arXiv 2503.01234"),
        ("https://doi.org/10.1000/182", "10.1000/182"),
        ("https://github.com", "github.com"),
        (
            "https://example.org/a/very/long/path/to/some/project/page.html",
            "example.org/a/very/l…ome/project/page.html"[:40],
        ),
    ],
)
def test_labels_of_links(url: str, said: str) -> None:
    assert len(label(url)) <= 40
    assert label(url)[:20] == said[:20]
    if len(said) < 40:
        assert label(url) == said


@pytest.mark.parametrize(
    "url",
    ["", "javascript:alert(1)", "data:text/html,x", "https://", "https:///x", "ftp://example.org", "//example.org", "https://[::1",
     "https://good.example.org@bad.example.org/", "https://example.org/" + "x" * 2_000],
)  # fmt: skip
def test_addresses_nobody_should_be_sent_to(url: str) -> None:
    assert address(url) == ""
    one = Edition({"Neural fields": [paper(1, links=(Link(LinkKind.CODE, url), Link(LinkKind.ABSTRACT, url)))]})
    assert "Code:" not in one.parts().html + one.parts().text


def test_addresses_become_plain_ascii() -> None:
    assert address("https://example.org/a b\"<ü>'{}\ue000") == "https://example.org/a%20b%22%3C%C3%BC%3E%27%7B%7D"
    assert address("https://example.org/%20?a=1&b=(2)#c") == "https://example.org/%20?a=1&b=(2)#c"


def test_where_the_title_leads() -> None:
    def leads(**changes: object) -> tuple[str, str]:
        first = face(paper(1, **changes)).actions[0]
        return first.label, first.url

    links = {kind: Link(kind, f"https://{kind}.example.org/x") for kind in LinkKind}
    assert leads(links=tuple(links.values())) == ("Paper: abstract.example.org/x", "https://abstract.example.org/x")
    assert leads(links=(links[LinkKind.PDF], links[LinkKind.DOI]))[1] == "https://doi.example.org/x"
    assert leads(links=(links[LinkKind.PDF], links[LinkKind.CODE])) == (
        "PDF: pdf.example.org/x",
        "https://pdf.example.org/x",
    )
    assert leads(id="arxiv:2503.01234") == ("Paper: arXiv 2503.01234", "https://arxiv.org/abs/2503.01234")
    assert leads(keys=("title:x", "doi:10.1000/182")) == ("Paper: 10.1000/182", "https://doi.org/10.1000/182")
    assert leads(title=r"NeRF++: $O(N^2)$ & more?") == (
        "Find on arXiv: NeRF++",
        "https://arxiv.org/search/?searchtype=title&query=NeRF%2B%2B%3A+O%28N%C2%B2%29+%26+more%3F",
    )


def test_all_links_of_a_paper_once() -> None:
    twice = Link(LinkKind.PROJECT, "https://robonerf.github.io")
    actions = face(paper(1, links=(twice, *edition("linked").sections["Neural fields"][0].links, twice))).actions
    assert [action.label for action in actions] == [
        "Paper: arXiv 2503.01234",
        "PDF: arXiv 2503.01234",
        "Code: hardyho/ultrametric_feature_fields",
        "Project: robonerf.github.io",
        "Video: youtube.com/watch?v=nLRt6OoDGq0",
    ]


@pytest.mark.parametrize("name", ["many", "several days"])
def test_footer_says_why_and_who(name: str) -> None:
    parts = rendered(name)
    for said in (
        "You get this e-mail because you follow: Neural fields",
        "Curated by AK and the research community.",
        "Thank you to arXiv for use of its open access interoperability.",
        "No tracking: no pixels, no redirect links.",
    ):
        assert said in parts.text
        assert said in parts.html
    assert "because you subscribed to Trending Papers." in rendered("trending").text
    assert "1 Main Street, 12345 Town" in rendered("many").html


ANSWERED = (
    Answered("daily-papers", Verdict.SAME, 1_045),
    Answered("arxiv", Verdict.PARTIAL, 12),
    Answered("biorxiv", Verdict.QUIET, 0),
    Answered("nature", Verdict.SAME, 0),
    Answered("science", Verdict.STALE, 0),
    Answered("secret-feed", Verdict.BROKEN, 0),
    Answered("was-there", Verdict.BROKEN, 2),
)


def test_where_papers_come_from() -> None:
    """What failed is for the operator; what it brought before it failed is there."""
    assert words.sources(ENGLISH, ANSWERED) == (
        "Papers from daily-papers (1,045), arxiv (12 so far) and was-there (2). "
        "Nothing new from biorxiv and nature. Still to come from science."
    )
    assert words.sources(ENGLISH, ()) == words.sources(ENGLISH, ANSWERED[5:6]) == ""


def test_a_footer_does_not_name_thirty_sources() -> None:
    many = [Answered(f"feed-{number}", Verdict.QUIET, 0) for number in range(30)]
    assert words.sources(ENGLISH, many).endswith("feed-9 and 20 more.")
    assert words.sources(ENGLISH, many[:11]).endswith("and feed-10.")
