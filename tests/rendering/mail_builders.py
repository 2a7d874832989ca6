"""Editions to render: one for each way in which papers, readers and the world can be awkward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path

from newsletter.languages import ENGLISH, Language
from newsletter.model import (
    TRENDING,
    Answered,
    Digest,
    Link,
    LinkKind,
    Listing,
    Paper,
    Parts,
    Pick,
    ReaderLinks,
    Reason,
    Section,
    Verdict,
    Why,
)
from newsletter.rendering import Compiled, Look, Renderer
from newsletter.rendering.inlining import premailer_inline

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
DAY = date(2025, 3, 12)
LINKS = ReaderLinks(
    unsubscribe="https://papers.example.org/unsubscribe/abc?a=1&b=2",
    topics="https://papers.example.org/preferences/abc",
    web="https://papers.example.org/editions/2025-03-12",
    unsubscribe_header=("https://papers.example.org/unsubscribe/abc?a=1&b=2",),
    opinions="https://papers.example.org/opinions/7.abc",
)
MAIL_LINKS = ReaderLinks(
    unsubscribe="mailto:leave@example.org?subject=unsubscribe%20abc",
    topics="mailto:leave@example.org?subject=change%20my%20topics",
    web=None,
    unsubscribe_header=("mailto:leave@example.org?subject=unsubscribe%20abc",),
)
ABSTRACT = (
    "Neural fields map coordinates to values and need many views of a scene. We show that a prior learned from "
    "20,000 objects makes three views enough. Error falls by 41% on four benchmarks."
)
HOSTILE = (
    '</title></style></td></table><script>alert("x")</script><img src=x onerror=alert(1)>\r\n'
    "Bcc: victim@example.org\r\n\r\n{{ 7*7 }} {% include 'x' %} \ue000unsubscribe\ue001 \ue000?web\ue001 "
    "\ue000#0\ue001 "
    'https://spliced.invalid/unsubscribe href="https://spliced.invalid/web" <!--[if mso]> --> ]]> &amp; \ud800 \x00 '
    "\u202etxet None undefined"
)


def paper(number: int, title: str = "", abstract: str = ABSTRACT, **changes: object) -> Paper:
    values: dict[str, object] = {
        "id": f"title:{number}",
        "title": title or f"FieldNet-{number}: Few views are enough for scene number {number}",
        "abstract": abstract,
        "listings": (Listing(DAY, "listing", number),),
        "links": (Link(LinkKind.CODE, f"https://github.com/example/fieldnet-{number}"),),
    } | changes
    return Paper(**values)  # type: ignore[arg-type]  # a builder with changes by name


PLACE = (Reason(Why.PLACE, (2, 53, "2025-03-12")),)
ROSE = (Reason(Why.ROSE, (12, 140, 4, 97)), Reason(Why.TITLE, ("views",)))
REASONS = (Reason(Why.TITLE, ("views",)), Reason(Why.ABSTRACT, ("prior",)))


def pick(one: Paper, topic: str = "fields", reasons: Sequence[Reason] = REASONS) -> Pick:
    return Pick(one.id, topic, 2.0, (("title", 1.5), ("trend", 0.5)), tuple(reasons))


@dataclass
class Edition:
    """Papers by section (topic name to papers), in the compact list and from outside, and who reads them.

    With `top` the first of all is set apart.
    """

    sections: dict[str, list[Paper]]
    also: list[Paper] = field(default_factory=list)
    reader: str = "Ada Lovelace"
    links: ReaderLinks = LINKS
    look: Look = field(default_factory=Look)
    days: tuple[date, ...] = (DAY,)
    left_out: int = 0
    considered: int = 107
    curators: tuple[str, ...] = ("AK and the research community",)
    answered: tuple[Answered, ...] = (Answered("daily-papers", Verdict.NEW, 107), Answered("q-bio", Verdict.QUIET, 0))
    reasons: tuple[Reason, ...] = REASONS
    language: Language = ENGLISH
    outside: Paper | None = None
    top: bool = False
    rising: list[Paper] = field(default_factory=list)

    @property
    def names(self) -> dict[str, str]:
        return {
            (TRENDING if name == "Trending" else f"topic-{place}"): name for place, name in enumerate(self.sections)
        }

    @property
    def papers(self) -> dict[str, Paper]:
        apart = [*self.rising, *([self.outside] if self.outside else [])]
        return {one.id: one for papers in (*self.sections.values(), self.also, apart) for one in papers}

    @property
    def cards(self) -> int:
        """How many papers are shown in full."""
        return sum(map(len, self.sections.values())) + len(self.rising) + bool(self.outside)

    @property
    def digest(self) -> Digest:
        slugs = list(self.names)
        sections = [
            Section(slug, name, tuple(pick(one, slug, self.reasons) for one in papers))
            for slug, (name, papers) in zip(slugs, self.sections.items(), strict=True)
        ]
        top = None
        if self.top:
            top, *others = sections[0].picks
            sections[0] = replace(sections[0], picks=tuple(others))
        return Digest(
            day=DAY,
            days=self.days,
            top=top,
            sections=tuple(sections),
            outside=pick(self.outside, TRENDING, PLACE) if self.outside else None,
            also=tuple(pick(one, slugs[0], self.reasons) for one in self.also),
            rising=tuple(pick(one, slugs[0], ROSE) for one in self.rising),
            left_out=self.left_out,
            considered=self.considered,
            curators=self.curators,
            answered=self.answered,
        )

    def compiled(
        self, inline: Callable[[str], str] = premailer_inline, folders: Sequence[Path] = (TEMPLATES,)
    ) -> Compiled:
        return Renderer(folders, self.look, inline).compile(self.digest.picks, self.papers, self.names, self.language)

    def parts(self) -> Parts:
        return self.compiled().compose(self.digest, name=self.reader, links=self.links)


def _many() -> Edition:
    papers = [paper(number) for number in range(1, 19)]
    return Edition(
        {"Neural fields": papers[:5], "Brain decoding": papers[5:9], "Embodied AI": papers[9:12]},
        also=papers[12:],
        outside=paper(19, title="A protein language model reads the dark genome"),
        top=True,
        left_out=7,
        look=Look(contact="papers@example.org", postal_address="1 Main Street, 12345 Town"),
    )


def _detailed() -> Edition:
    """With all that only some sources know, and all that an operator may add."""
    known = paper(
        1,
        venue="NeurIPS 2025",
        published=date(2025, 3, 3),
        version=2,
        votes=1_234,
        ai_summary="A prior makes three views of a scene enough.",
        thumbnail="https://papers.example.org/pictures/1.png?size=2&dark",
    )
    pictured = paper(2, thumbnail="https://papers.example.org/pictures/2.png", title='A title with "quotes" & 2 < 3')
    look = Look(
        thumbnails=True,
        machine_summaries=True,
        logo_text="The Daily <P>",
        footer="Ask the library for access & more.",
    )
    return Edition({"Neural fields": [known, pictured, paper(3)]}, look=look)


def _linked() -> Edition:
    every_kind = (
        Link(LinkKind.ABSTRACT, "https://arxiv.org/abs/2503.01234"),
        Link(LinkKind.PDF, "https://arxiv.org/pdf/2503.01234"),
        Link(LinkKind.CODE, "https://github.com/hardyho/ultrametric_feature_fields"),
        Link(LinkKind.PROJECT, "https://robonerf.github.io"),
        Link(LinkKind.VIDEO, "https://www.youtube.com/watch?v=nLRt6OoDGq0&t=1"),
    )
    return Edition(
        {
            "Neural fields": [
                paper(1, links=every_kind, authors=("Ada Lovelace", "Alan Turing", "Grace Hopper", "Kurt Gödel")),
                paper(2, links=(Link(LinkKind.DOI, "https://doi.org/10.1000/182"),), authors=("Emmy Noether",)),
                paper(3, links=(Link(LinkKind.PDF, "https://example.org/papers/three.pdf"),)),
                paper(4, links=(), keys=("arxiv:2503.05678",)),
                paper(5, links=(Link(LinkKind.PROJECT, f"https://example.org/{'long/' * 60}"),)),
            ]
        }
    )


def _hostile() -> Edition:
    links = tuple(
        Link(kind, url)
        for kind in LinkKind
        for url in (
            f"https://{kind}.example.org/{HOSTILE}",
            "https://spliced.invalid/unsubscribe",
            "javascript:alert(1)",
            "https://good.example.org@bad.example.org/",
            "https://[::1/",
            "https:///",
            f'https://example.org/{{{{x}}}}?"><script>{kind}',
        )
    )
    papers = [
        paper(number, title=HOSTILE * repeats, abstract=HOSTILE * 3, authors=(HOSTILE, "\ue000name\ue001"), links=links)
        for number, repeats in ((1, 1), (2, 2), (3, 9))
    ]
    empty = paper(4, title="\ue000\ue001\x00\ud800", abstract="", listings=(), links=())
    return Edition(
        {HOSTILE: papers, "\ue000unsubscribe\ue001 topic": [empty]},
        reader=HOSTILE,
        curators=(HOSTILE, "\ue000"),
        answered=(Answered(HOSTILE, Verdict.PARTIAL, 3), Answered(f"{HOSTILE} ", Verdict.STALE, 0)),
        reasons=(Reason(Why.TITLE, (HOSTILE, HOSTILE)), Reason(Why.TEXT, (HOSTILE,))),
        look=Look(name="Papers & <Friends>", tagline='"quoted" <b>', contact="<x@example.org>", postal_address="A & B"),
    )


LONG_TITLE = ("On the " + "very long and winding road to a title of many words " * 5)[:226].strip()

EDITIONS: dict[str, Callable[[], Edition]] = {
    "many": _many,
    "one": lambda: Edition({"Neural fields": [paper(1)]}, reader="", links=MAIL_LINKS),
    "none": lambda: Edition({}),
    "nothing at all": lambda: Edition({}, considered=0, curators=(), answered=(), days=(), links=MAIL_LINKS),
    "trending": lambda: Edition({"Trending": [paper(n) for n in range(1, 8)]}, also=[paper(8)]),
    "several days": lambda: Edition(
        {"Neural fields": [paper(n, listings=(Listing(date(2025, 3, n), "listing", n),)) for n in range(6, 13)]},
        days=tuple(date(2025, 3, n) for n in range(6, 13)),
        rising=[paper(20, votes=140), paper(21, title="What Everybody Talks About")],
    ),
    "linked": _linked,
    "detailed": _detailed,
    "long title": lambda: Edition(
        {"Neural fields": [paper(1, title=LONG_TITLE)]}, also=[paper(2, title=LONG_TITLE + "!")]
    ),
    "one long word": lambda: Edition({"N" * 300: [paper(1, title="W" * 300, abstract="x" * 5_000 + ".")]}),
    "many authors": lambda: Edition(
        {
            "Physics": [
                paper(1, authors=tuple(f"Author {n}" for n in range(1, 3_304))),
                paper(2, authors=("Z" * 40_000,)),
            ]
        }
    ),
    "long abstract": lambda: Edition(
        {"Neural fields": [paper(1, abstract="All work and no play makes a dull day. " * 1_000)]}
    ),
    "right to left": lambda: Edition(
        {
            "שדות": [
                paper(1, title="שדות עצביים לתמונה אחת", abstract="אנו מציגים שיטה. היא מהירה."),
                paper(2, title="نماذج اللغة الكبيرة"),
            ]
        },
        reader="שרה",
    ),
    "chinese": lambda: Edition(
        {
            "神经场": [
                paper(
                    n, title=f"用于三维场景的神经场表示{n}：一种新方法", abstract="我们提出一种新的方法。它很快。" * 30
                )
                for n in range(1, 13)
            ]
        },
        reader="李雷",
    ),
    "latex": lambda: Edition(
        {
            "Neural fields": [
                paper(
                    1,
                    title=r"$O(N^2)$ \textbf{Mamba} with L_{1} over 360{\deg}: \emph{all} you need at 90\%",
                    abstract=r"We use \texttt{</think>} and $\alpha$-divergence, \ie, `it'. Gains 20% at $x_{t+1}$.",
                )
            ]
        }
    ),
    "hostile": _hostile,
}


@cache
def edition(name: str) -> Edition:
    return EDITIONS[name]()


@cache
def rendered(name: str) -> Parts:
    """The parts of the edition of that name, rendered once for all tests."""
    return edition(name).parts()
