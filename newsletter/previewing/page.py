"""One self-contained HTML page that shows a composed message as every client will.

The page fetches nothing and runs nothing: its policy allows its own styles and drawn images, and, if the page is to
follow changes, exactly one script. Frames made from the message inherit that policy and are sandboxed besides.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from newsletter.daily import Preview
from newsletter.previewing.anatomy import Anatomy, dissect, links
from newsletter.previewing.frames import frames
from newsletter.previewing.inbox import Line, lines
from newsletter.previewing.markup import parse, text_of
from newsletter.previewing.weighing import CLIPPED_AT, bars
from newsletter.rendering.lint import Finding, Severity
from newsletter.settings import shipped


def page(made: Preview, findings: Sequence[Finding], *, live: str = "") -> str:
    """The page for the message `made`, with what the lint found in it.

    `live` is the path, on the server that hands out the page, of a stream of server-sent events: the page loads itself
    again on each event `changed`. Without it the page has no script at all and may be kept as a file. It is private
    either way: it holds its reader's links.
    """
    content = made.message.content
    anatomy = dissect(content)
    script = _environment().get_template("preview/live.js.j2").render() if live else ""
    template = _environment().get_template("preview/page.html.j2")
    written = template.render(
        made=made,
        anatomy=anatomy,
        live=live,
        script=script,
        policy=_policy(script),
        inbox=_inbox(made, anatomy),
        frames=frames(anatomy.html),
        bars=bars(anatomy, len(content)),
        limit=CLIPPED_AT,
        lint=_grouped(findings),
        links=links(anatomy.html, anatomy.text),
        eml=base64.b64encode(content).decode(),
    )
    # A lone surrogate, wherever it came from, must not be what the page fails at when it is written to a file.
    return written.encode("utf-8", "replace").decode()


def _policy(script: str) -> str:
    """The Content-Security-Policy of the page and, by inheritance, of its frames."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    if not script:
        return policy
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"{policy}; script-src 'sha256-{digest}'; connect-src 'self'"


def _inbox(made: Preview, anatomy: Anatomy) -> list[Line]:
    """The inbox lines, from the message itself: a client knows nothing of what was meant to be the preheader."""
    return lines(anatomy.field("Subject"), made.parts.preheader, text_of(parse(anatomy.html).body), anatomy.text)


@dataclass(frozen=True, slots=True)
class Lint:
    """Findings by severity, worst first, and apart from them those that are allowed for a written reason."""

    groups: dict[str, list[Finding]]
    allowed: list[Finding]


def _grouped(findings: Sequence[Finding]) -> Lint:
    open_ones = [one for one in findings if not one.allowed]
    return Lint(
        {severity.value: [one for one in open_ones if one.severity == severity] for severity in Severity},
        [one for one in findings if one.allowed],
    )


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(shipped("templates")),
        undefined=StrictUndefined,
        autoescape=select_autoescape(enabled_extensions=("html", "html.j2"), default=False),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"grouped": "{:,}".format, "kilobytes": lambda size: f"{size / 1000:.1f} kB", "counted": _counted}
    return made


def _counted(number: int, word: str) -> str:
    """ "1 paper", "2 papers"."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"
