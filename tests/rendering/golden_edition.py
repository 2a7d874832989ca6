"""One edition with everything in it that an e-mail can show, written out so that every machine renders it alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from mail_builders import LINKS, Edition

from newsletter.model import Link, LinkKind, Listing, Paper, Reason, Why
from newsletter.rendering import Look

DAY = date(2025, 3, 12)


def _paper(number: int, title: str, abstract: str, **changes: object) -> Paper:
    values: dict[str, object] = {
        "id": f"arxiv:2503.{number:05}",
        "title": title,
        "abstract": abstract,
        "authors": ("Ada Lovelace", "Alan Turing"),
        "links": (
            Link(LinkKind.ABSTRACT, f"https://arxiv.org/abs/2503.{number:05}"),
            Link(LinkKind.PDF, f"https://arxiv.org/pdf/2503.{number:05}"),
        ),
        "listings": (Listing(DAY, "listing", number),),
    } | changes
    return Paper(**values)  # type: ignore[arg-type]  # a builder with changes by name


_SPEECH = _paper(
    1,
    "SpeakField: Speech Decoded from $O(N^2)$ Brain Maps at 90\\% of the Speed of Talk",
    "Decoding speech from brain signals needs hours of calibration. We present SpeakField, which needs four minutes "
    "because it shares one map among 31 speakers. Word errors fall from 24% to 9.1% on two benchmarks.",
    authors=("Emmy Noether", 'Erwin Schr\\"odinger', "Grace Hopper", "Kurt Gödel", "Alan Turing"),
    links=(
        Link(LinkKind.ABSTRACT, "https://arxiv.org/abs/2503.00001"),
        Link(LinkKind.PDF, "https://arxiv.org/pdf/2503.00001"),
        Link(LinkKind.CODE, "https://github.com/example/speakfield"),
        Link(LinkKind.PROJECT, "https://speakfield.example.org/?a=1&b=2"),
        Link(LinkKind.VIDEO, "https://www.youtube.com/watch?v=abcDEF12345"),
    ),
    venue="ICLR 2025",
    published=date(2025, 3, 10),
    version=2,
    votes=41,
    thumbnail="https://pictures.example.org/2503.00001.png",
)

GOLDEN = Edition(
    sections={
        "Brain decoding": [
            _SPEECH,
            _paper(
                2,
                "MindTrack: Which Picture Was It?",
                "Pictures can be told apart from brain scans. We find that 20 minutes of scans suffice.",
                ai_summary="MindTrack names the picture a person looks at from 20 minutes of scans, in 0.4 s.",
                votes=1,
            ),
            _paper(
                3,
                "从脑信号到语言：一种新方法",
                "我们提出一种新的方法。它比以前的方法快三倍。",
                authors=("李雷", "韩梅梅"),
            ),
        ],
        "Fields & surfaces": [
            _paper(
                4,
                "Few Views Are Enough: Neural Fields for $x < 3$ Photographs",
                "Neural fields need many views of a scene. We show that a prior learned from 20,000 objects makes "
                "three views enough. Error falls by 41% on four benchmarks.",
                links=(Link(LinkKind.CODE, "https://github.com/example/few-views"),),
                thumbnail="https://pictures.example.org/2503.00004.png",
            ),
            _paper(5, "A Title and Nothing Else", "", authors=(), links=(), listings=(), id="title:nothing-else"),
        ],
    },
    also=[
        _paper(6, "Maps of Maps", "We draw maps of maps. They are 12% smaller.", venue="CHI"),
        _paper(7, "שדות עצביים לתמונה אחת", "אנו מציגים שיטה. היא מהירה."),
    ],
    outside=_paper(
        8,
        "A Protein Language Model Reads the Dark Genome",
        "Most of the genome has no known use. Our model finds 1,204 genes in it.",
    ),
    top=True,
    reader="Ada Lovelace",
    links=replace(LINKS, web="https://papers.example.org/editions/2025-03-12"),
    left_out=3,
    considered=107,
    reasons=(Reason(Why.TITLE, ("field",)), Reason(Why.ABSTRACT, ("prior", "scans"))),
    look=Look(
        name="Trending Papers",
        logo_text="Papers of the day",
        footer="Read by the institute’s Thursday circle.",
        contact="papers@example.org",
        postal_address="1 Main Street, 12345 Town",
        thumbnails=True,
        machine_summaries=True,
    ),
)
