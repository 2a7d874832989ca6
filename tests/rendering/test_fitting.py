"""The order in which a digest that is too heavy gives way, whatever its pieces weigh."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st
from mail_builders import DAY

from newsletter.model import TRENDING, Digest, Pick, Section
from newsletter.rendering.fitting import fit
from newsletter.rendering.weight import BUDGET, Weight

HEAD = 700
heavy = st.integers(1, 40_000)


def pick(number: int, topic: str = "a") -> Pick:
    return Pick(f"p{number}", topic, 1.0, (), ())


@st.composite
def digests(draw: st.DrawFn) -> Digest:
    sizes = draw(st.lists(st.integers(1, 5), max_size=4))
    top, outside = draw(st.booleans()), draw(st.booleans())
    numbers = iter(range(100))
    first = pick(next(numbers)) if top else None
    sections = tuple(
        Section(f"s{place}", "", tuple(pick(next(numbers), f"s{place}") for _ in range(size)))
        for place, size in enumerate(sizes)
    )
    also = tuple(pick(next(numbers)) for _ in range(draw(st.integers(0, 5))))
    last = pick(next(numbers), TRENDING) if outside else None
    return Digest(DAY, (DAY,), sections, also, left_out=draw(st.integers(0, 3)), top=first, outside=last)


def weighed(digest: Digest, shell: int, cards: dict[str, int], rows: dict[str, int]) -> int:
    """What `digest` weighs; the heads of top pick, compact list and outside are the shell's."""
    full = [pick for pick in digest.picks if pick not in digest.also]
    heads = HEAD * len(digest.sections)
    return shell + heads + sum(cards[pick.paper] for pick in full) + sum(rows[pick.paper] for pick in digest.also)


def ids(picks: Iterable[Pick | None]) -> list[str]:
    return [pick.paper for pick in picks if pick]


@settings(deadline=None, max_examples=300)
@given(digests(), st.data())
def test_it_gives_way_in_order_and_no_more_than_it_must(digest: Digest, data: st.DataObject) -> None:
    names = ids(digest.picks)
    shell = data.draw(st.integers(0, BUDGET))
    cards = {name: data.draw(heavy) for name in names}
    rows = {name: data.draw(st.integers(1, cards[name])) for name in names}

    def weight(number: int) -> Weight:
        return Weight(raw=number)

    def fitted_into(room: int) -> Digest:
        return fit(
            digest,
            weight(shell + BUDGET - room),
            lambda pick: weight(cards[pick.paper]),
            lambda pick: weight(rows[pick.paper]),
            lambda section: weight(HEAD),
        )

    fitted = fitted_into(BUDGET)
    assert weighed(fitted, shell, cards, rows) <= BUDGET
    if weighed(digest, shell, cards, rows) <= BUDGET:
        assert fitted is digest
        return
    assert fitted is not digest

    # Sections keep their first places, and the longest is cut first.
    before = {section.slug: section.picks for section in digest.sections}
    assert all(section.picks == before[section.slug][: len(section.picks)] for section in fitted.sections)
    assert all(section.picks for section in fitted.sections)
    kept = dict.fromkeys(before, 0) | {section.slug: len(section.picks) for section in fitted.sections}
    lost = {slug for slug, picks in before.items() if kept[slug] < len(picks)}
    assert all(kept[slug] <= kept[other] + 1 for slug in kept for other in lost)

    # A stage begins only when the one before it is through.
    if fitted.outside != digest.outside or fitted.top != digest.top or not fitted.also:
        assert not fitted.sections
    if fitted.top != digest.top:
        assert fitted.outside is None
    if fitted.left_out > digest.left_out:
        assert fitted.top is None
        assert fitted.outside is None

    # Everything is there or counted; only the paper that nobody asked for may go without a word.
    asked = [name for name in names if not digest.outside or name != digest.outside.paper]
    there = [name for name in ids(fitted.picks) if name in asked]
    assert len(there) + fitted.left_out == len(asked) + digest.left_out
    rowed = [name for name in asked if name not in ids([fitted.top, *(p for s in fitted.sections for p in s.picks)])]
    assert ids(fitted.also) == rowed[: len(fitted.also)]

    # With the room that its last row takes, there would have been one row more.
    if fitted.left_out > digest.left_out:
        again = fitted_into(BUDGET + rows[rowed[len(fitted.also)]])
        assert len(again.picks) >= len(fitted.picks) + 1
