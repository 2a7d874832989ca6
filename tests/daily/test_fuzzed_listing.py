"""Whatever a listing document holds: no exception, and no message that breaks."""

from __future__ import annotations

from datetime import UTC, date, datetime
from email import message_from_bytes, policy
from functools import cache

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from places import SEEDS

from newsletter.mail.mime import Letterhead, build
from newsletter.model import Edition, Paper, ReaderLinks, Topic
from newsletter.ranking import Candidates, Limits, background, digest, rank
from newsletter.rendering import Look, Renderer
from newsletter.settings import shipped
from newsletter.sources.listing.parser import parse_listing
from newsletter.text import readable

DAY = date(2025, 3, 12)
TOPIC = Topic("robots", "Robots & <b>brains</b>", keywords=("brain", "neural", "robot", "script"), min_score=0.1)
LINKS = ReaderLinks("mailto:a@example.org", "mailto:b@example.org", None, ("mailto:a@example.org",))
LETTERHEAD = Letterhead("Papers", "papers@example.org", "Papers", "papers.example.org")

HOSTILE = [
    "<script>alert(1)</script> Neural",
    "Neural\r\nBcc: victim@example.org",
    "=?utf-8?q?a=0D=0ABcc=3A_x?= neural brain",
    "\\textbf{Neural \\input{/etc/passwd} $\\frac{",
    "Neural </title></style></td></table>{{ look }} {% raw %}",
    "\u202eneural niarb\u2066",
    "\ue000name\ue001 https://spliced.invalid/unsubscribe neural",
]


@cache
def seed() -> list[str]:
    """The first dozen blocks of the second seed."""
    return (SEEDS / "004_05fc466f47678c8a.txt").read_text(encoding="utf-8").split("\n\n")[:16]


@cache
def renderer() -> Renderer:
    return Renderer([shipped("templates")], Look())


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """The seed, shuffled, with hostile titles put in, cut somewhere, with bytes flipped."""
    head, blocks = seed()[:5], list(seed()[5:])
    if draw(st.booleans()):
        blocks = draw(st.permutations(blocks))
    for text in draw(st.lists(st.sampled_from(HOSTILE) | st.text(min_size=1, max_size=60), max_size=4)):
        place = draw(st.integers(0, len(blocks) - 1))
        blocks[place] = text if draw(st.booleans()) else f"{text} {blocks[place]}"
    content = bytearray("\n\n".join([*head, *blocks]).encode("utf-8", "replace"))
    for place in draw(st.lists(st.integers(150, len(content) - 1), max_size=3)):
        content[place] = draw(st.integers(0, 255))
    cut = draw(st.none() | st.integers(0, len(content)))
    return bytes(content[:cut])


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(documents())
def test_any_document_becomes_whole_messages_or_reported_problems(content: bytes) -> None:
    batch = parse_listing(content, document="x.txt", source="x", year=2025, today=DAY)
    papers = {paper.id: paper for paper in batch.papers}
    for topics in ((), ("robots",)):
        _check_message(papers, topics)


def _check_message(papers: dict[str, Paper], topics: tuple[str, ...]) -> None:
    day = [readable(one) for one in papers.values()]
    rankings = {ranking.slug: ranking for ranking in rank(Candidates(day, background([], day)), [TOPIC])}
    edition = Edition(1, DAY, tuple(papers))
    made = digest(DAY, topics, [edition], rankings, Limits())
    compiled = renderer().compile(list(made.picks), papers, {"robots": TOPIC.name, "trending": "Trending"})
    parts = compiled.compose(made, name="Ada", links=LINKS)
    message = build(
        parts,
        LETTERHEAD,
        recipient="ada@example.org",
        recipient_name="Ada",
        links=LINKS,
        message_id="<a@example.org>",
        date=datetime(2025, 3, 12, 7, tzinfo=UTC),
    )
    parsed = message_from_bytes(message.content, policy=policy.default)
    assert not [defect for part in parsed.walk() for defect in part.defects]
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]
    assert parsed["Bcc"] is None
    assert len(parsed.get_all("Subject")) == 1
    assert "<script" not in parts.html
    assert parts.html.rstrip().endswith("</html>")
    assert all(b"\r" not in line and b"\n" not in line for line in message.content.split(b"\r\n"))
    assert len(set(parts.papers)) == len(parts.papers)
