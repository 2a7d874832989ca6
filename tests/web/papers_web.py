"""Papers for the pages: full ones as arXiv and Hugging Face have them, and those that attack whoever reads them."""

from __future__ import annotations

from datetime import date

import databases
from places import SEEDS

from newsletter.model import Link, LinkKind, Listing, Observation, Paper, Topic

DAY = date(2025, 3, 12)

FULL = Paper(
    id="arxiv:2503.01234",
    title=r"Mapping $O(N^2)$ Brains at 90\% of the Speed of \emph{Talk}",
    abstract="We map brains that nobody had mapped. On 31 of them, errors fall by 41%, and $x_1 < x_2$ still holds.",
    authors=("Ada Lovelace", r"Erwin Schr\"odinger", "Émilie du Châtelet", "Alan Turing"),
    links=(
        Link(LinkKind.ABSTRACT, "https://arxiv.org/abs/2503.01234"),
        Link(LinkKind.PDF, "https://arxiv.org/pdf/2503.01234"),
        Link(LinkKind.CODE, "https://github.com/example/brains"),
        Link(LinkKind.PROJECT, "https://brains.example.org/?a=1&b=2"),
        Link(LinkKind.VIDEO, "https://www.youtube.com/watch?v=abcDEF12345"),
    ),
    listings=(Listing(date(2025, 3, 11), "hugging-face", 4), Listing(DAY, "page", 1)),
    keys=("arxiv:2503.01234", "doi:10.1000/brains(1)", "title:0123456789abcdef0123"),
    first_seen=date(2025, 3, 11),
    venue="J. of Brains & Minds",
    published=date(2025, 3, 3),
    version=2,
    votes=41,
    categories=("q-bio.NC", "cs.CL"),
    institutions=("University of Bologna", "東京大学"),
    fields=("Neuroscience",),
    origins=(("title", "arxiv/arxiv"), ("abstract", "arxiv/arxiv"), ("votes", "huggingface/hugging-face")),
)
FULL_NUMBERS = (Observation(FULL.id, "votes", 41), Observation(FULL.id, "comments", 1_234))

FEED_PAPER = Paper(
    id="url:https://journal.example/a b/../c?d=1&e=%20#f",
    title="A Paper Known by an Address",
    abstract="Its identity holds everything that means something in an address.",
    listings=(Listing(DAY, "page", 2),),
    keys=("url:https://journal.example/a b/../c?d=1&e=%20#f",),
)

_NUL = "" if databases.ON_POSTGRESQL else "\x00"  # which no server keeps
_ATTACKS = (
    "<script>window.hacked=1;document.title='hacked'</script>",
    '"><img src=x onerror="window.hacked=1"><svg onload=\'window.hacked=1\'>',
    "</title></style></textarea><iframe srcdoc='<script>parent.hacked=1</script>'></iframe>",
    "{{ 7 * 191 }} {% raise %} ${7*191} <%= 7*191 %>",
    f"\u202eevitanretla\u202c \u2066isolated\u2069 {_NUL}\x08\x1b[31m control",
    "javascript:window.hacked=1 &lt;script&gt; &#60;b&#62; ]]> <!-- <![CDATA[ ",
    "x" * 2_000,
    r"\href{javascript:window.hacked=1}{click} \url{javascript:alert(1)} $\text{<b onclick=window.hacked=1>}$",
)


def _identity(attack: str) -> str:
    return f"id:feed:{attack[:300]}".replace("\x00", "")


def hostile() -> list[Paper]:
    """One attack for each paper, in every field there is."""
    return [
        Paper(
            id=_identity(attack),
            title=f"{number} {attack}",
            abstract=f"We attack whoever reads this: {attack}. It works in {number} of 9 programs.",
            authors=(attack, "Ada Lovelace"),
            links=(
                Link(LinkKind.ABSTRACT, "javascript:window.hacked=1"),
                Link(LinkKind.PDF, "data:text/html,<script>window.hacked=1</script>"),
                Link(LinkKind.CODE, f"https://evil.example/{attack[:200]}"),
                Link(LinkKind.PROJECT, "https://good.example@evil.example/"),
                Link(LinkKind.VIDEO, "//evil.example/x"),
            ),
            listings=(Listing(DAY, f"page {attack[:200]}", number),),
            keys=(_identity(attack),),
            venue=attack[:300],
            categories=(attack[:300],),
            institutions=(attack[:300],),
            fields=(attack[:300],),
            ai_summary=attack,
            thumbnail="https://evil.example/pixel.png",
            origins=(("title", f"feed/{attack[:100]}"),),
        )
        for number, attack in enumerate(_ATTACKS, start=1)
    ]


HOSTILE_TOPIC = Topic(
    "attacks",
    "<script>window.hacked=1</script> \u202eevil",
    '"><img src=x onerror=window.hacked=1> javascript:window.hacked=1',
    keywords=("attack",),
    min_score=-100.0,
    max_papers=20,
)


def sixty() -> list[Paper]:
    """Sixty papers as a full page has them: titles and abstracts of the seeds, with authors, four links, votes."""
    blocks = (SEEDS / "000_d0d376eaec1f9212.txt").read_text("utf-8").split("\n\n")
    blocks = blocks[blocks.index("Mar 11") + 1 :]
    words = list(zip(blocks[::2], blocks[1::2], strict=False))[:60]
    assert all(len(abstract) > len(title) for title, abstract in words)
    return [
        Paper(
            id=f"arxiv:2503.{number:05}",
            title=title,
            abstract=abstract,
            authors=("Christopher Longfellow", "Maria-Antonia Fernandez", "Wei Zhang", "Ada Lovelace", "Alan Turing"),
            links=(
                Link(LinkKind.ABSTRACT, f"https://arxiv.org/abs/2503.{number:05}"),
                Link(LinkKind.PDF, f"https://arxiv.org/pdf/2503.{number:05}"),
                Link(LinkKind.CODE, f"https://github.com/example-laboratory/repository-{number}"),
                Link(LinkKind.PROJECT, f"https://example-laboratory.github.io/project-{number}/"),
            ),
            listings=(Listing(DAY, "page", number),),
            keys=(f"arxiv:2503.{number:05}",),
            published=date(2025, 3, 10),
            venue="NeurIPS 2025" if number % 3 == 0 else "",
            version=2,
            votes=100 - number,
        )
        for number, (title, abstract) in enumerate(words, start=1)
    ]
