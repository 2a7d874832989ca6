"""Which picks are shown in full, which in a line, and which only counted, so that no client clips the message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import chain

from newsletter.model import Digest, Pick, Section
from newsletter.rendering.weight import BUDGET, Weight


def fit(
    digest: Digest,
    shell: Weight,
    card: Callable[[Pick], Weight],
    row: Callable[[Pick], Weight],
    head: Callable[[Section], Weight],
) -> Digest:
    """`digest` with as many full cards as BUDGET allows, then rows, then only a higher `left_out`.

    What rose goes first, the last of it before the others. Then what is too much is taken from the last places of the
    sections, so that every topic keeps its best papers; a section that keeps none goes, then the pick from outside,
    last the top pick. Rows come in the order of their sections, before the digest's own `also`. `shell` is the weight
    of everything around the sections, the heads of the compact list, of the top pick, of what rose and of the one from
    outside included. Returns `digest` itself if all of it fits.
    """
    set_apart = [pick for pick in (digest.top, digest.outside) if pick]
    sections = [list(section.picks) for section in digest.sections]
    weight = sum((card(pick) for pick in chain(set_apart, *sections)), shell)
    weight = sum((head(section) for section in digest.sections), weight)
    weight = sum((row(pick) for pick in digest.also), weight)
    weight = sum((card(pick) for pick in digest.rising), weight)
    if weight.total <= BUDGET:
        return digest
    rising = list(digest.rising)
    while rising and weight.total > BUDGET:
        weight -= card(rising.pop())
    demoted: set[Pick] = set()
    last_places_first = sorted(
        ((place, number) for number, picks in enumerate(sections) for place in range(len(picks))), reverse=True
    )
    for place, number in last_places_first:
        if weight.total <= BUDGET:
            break
        pick = sections[number].pop()
        demoted.add(pick)
        weight += row(pick) - card(pick)
        if place == 0:
            weight -= head(digest.sections[number])
    outside, top = digest.outside, digest.top
    if outside and weight.total > BUDGET:
        weight -= card(outside)
        outside = None
    if top and weight.total > BUDGET:
        demoted.add(top)
        weight += row(top) - card(top)
        top = None
    rows = [pick for pick in digest.picks if pick in demoted] + list(digest.also)
    left_out = digest.left_out
    while rows and weight.total > BUDGET:
        weight -= row(rows.pop())
        left_out += 1
    kept = (
        replace(section, picks=tuple(picks)) for section, picks in zip(digest.sections, sections, strict=True) if picks
    )
    return replace(
        digest,
        top=top,
        sections=tuple(kept),
        also=tuple(rows),
        left_out=left_out,
        outside=outside,
        rising=tuple(rising),
    )
