"""Whatever happens to a listing document, reading it never raises and what it yields is whole."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from newsletter.model import Batch, Verdict
from newsletter.sources.bounds import MAX_PROBLEMS
from newsletter.sources.listing.parser import parse_listing

SEEDS = sorted((Path(__file__).parents[2] / "seeds").glob("*.txt"))
CONTENTS = [path.read_bytes() for path in SEEDS]
LINES = CONTENTS[0].splitlines(keepends=True)
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "Title\r\nBcc: victim@example.org",
    "Title\r\n\r\n<html>",
    "{{ 7 * 7 }}{% raw %}",
    "=?utf-8?q?Subject?=",
    "\\textbf{$\\frac{1}{",
    "\u202eright to left\u2066",
    "zero\x00byte",
    "\x1b[2Jscreen",
    "a" * 5_000,
    "Feb 30",
    "Mar 12",
    "new",
]


def read(content: bytes) -> Batch:
    """The batch, after the promises that hold for every input were checked on it."""
    batch = parse_listing(content, document="page.txt", source="fuzz", year=2025, today=date(2026, 8, 3))
    ranks = [paper.listings[0].rank for paper in batch.papers]
    assert ranks == sorted(set(ranks))
    assert all(rank >= 1 for rank in ranks)
    ids = [paper.id for paper in batch.papers]
    assert len(set(ids)) == len(ids)
    for paper in batch.papers:
        for text in (paper.title, paper.abstract):
            assert text == text.strip() != ""
            assert not set(text) & set("\r\n\0")
            text.encode("utf-8")
        assert paper.id == paper.keys[0]
        assert paper.listings[0].day == paper.first_seen == batch.day
    expected = {
        (True, False): Verdict.NEW,
        (True, True): Verdict.PARTIAL,
        (False, True): Verdict.BROKEN,
        (False, False): Verdict.QUIET,
    }
    assert batch.verdict is expected[bool(batch.papers), bool(batch.problems)]
    assert len(batch.problems) <= MAX_PROBLEMS + 1
    assert batch.why
    for problem in batch.problems:
        assert 0 <= problem.line <= content.count(b"\n") + content.count(b"\r") + 1
        assert problem.why.isprintable()
    return batch


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(CONTENTS), st.data())
def test_cut_anywhere(content: bytes, data: st.DataObject) -> None:
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(content))] * 2)))
    whole = {paper.title: paper.abstract for paper in read(content).papers}
    kept = read(content[:end]).papers
    assert all(whole[paper.title] == paper.abstract for paper in kept[:-1])  # only the last one can be cut short
    assert len(kept) >= content[:end].count(b"\n\n") // 2 - 4  # five blocks stand above the first title
    read(content[start:end])
    rest = read(b"Mar 11\n\n" + content[start:])
    assert all(whole[paper.title] == paper.abstract for paper in rest.papers[1:])


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(CONTENTS), st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=200))
def test_bytes_changed(content: bytes, changes: list[tuple[int, int]]) -> None:
    changed = bytearray(content)
    for where, byte in changes:
        changed[where % len(changed)] = byte
    read(bytes(changed))


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_lines_shuffled_doubled_and_dropped(data: st.DataObject) -> None:
    indices = st.integers(0, len(LINES) - 1)
    shuffled = data.draw(st.one_of(st.permutations(range(len(LINES))), st.lists(indices, max_size=400)))
    read(b"".join(LINES[index] for index in shuffled))


@settings(deadline=None, max_examples=80)
@given(st.sets(st.integers(0, 59), max_size=6), st.sets(st.integers(0, 59), max_size=6))
def test_every_paper_whose_two_blocks_stand_survives_the_loss_of_others(
    lost_titles: set[int], lost_abstracts: set[int]
) -> None:
    lost = {2 * number for number in lost_titles} | {2 * number + 1 for number in lost_abstracts}
    kept = [index for index in range(120) if index not in lost]
    # A title and the abstract of another, with nothing left between them, look like a paper to anyone.
    assume(not any(one % 2 == 0 and two % 2 == 1 and two != one + 1 for one, two in pairwise(kept)))
    blocks = [line.strip() for line in LINES[10:] if line.strip()]
    batch = read(b"Mar 11\n\n" + b"\n\n".join(blocks[index] for index in kept))
    whole = [number for number in range(60) if not {2 * number, 2 * number + 1} & lost]
    assert [paper.title.encode() for paper in batch.papers] == [blocks[2 * number] for number in whole]
    assert [paper.abstract.encode() for paper in batch.papers] == [blocks[2 * number + 1] for number in whole]
    assert len(batch.problems) == len(kept) - 2 * len(whole)


@settings(deadline=None, max_examples=80)
@given(st.sampled_from(HOSTILE), st.integers(0, len(LINES)), st.booleans())
def test_hostile_lines(hostile: str, where: int, inside: bool) -> None:
    lines = list(LINES)
    if inside and where < len(lines):
        lines[where] = lines[where].rstrip(b"\n") + hostile.encode() + b"\n"
    else:
        lines.insert(where, hostile.encode() + b"\n")
    read(b"".join(lines))


@settings(deadline=None, max_examples=300)
@given(
    st.one_of(st.binary(max_size=400), st.text(max_size=400).map(lambda text: text.encode("utf-8", "surrogatepass")))
)
def test_random_bytes(content: bytes) -> None:
    read(content)
    read(b"Mar 11\n\n" + content)
    read(b"Mar 11\n\nA title\n\n" + content)
