"""The lint: a message as bytes, judged offline against what mail programs and people need.

bytes ── mail (header, parts) ── page (elements, stylesheets, cascade) ── checks ──> findings ── allowances

Each check has an id and one sentence in CHECKS; docs/lint.md says more. Nothing here knows how a message was made.
Errors stop an edition, so nothing that a paper says or links to may cause one: what looks like a left-over of a
template but stands in both parts is a paper's own words (see `leftovers`), and what only depends on them is a warning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from newsletter.rendering.lint.accessibility import check_accessibility
from newsletter.rendering.lint.allowances import ALLOWED
from newsletter.rendering.lint.catalogue import CHECKS, place
from newsletter.rendering.lint.css import check_css
from newsletter.rendering.lint.findings import Finding, Severity
from newsletter.rendering.lint.inbox import check_header, check_inbox
from newsletter.rendering.lint.leftovers import check_left_overs
from newsletter.rendering.lint.legibility import check_legibility
from newsletter.rendering.lint.mail import Mail
from newsletter.rendering.lint.shell import check_shell
from newsletter.rendering.lint.support import check_support
from newsletter.rendering.lint.text_part import check_kind, check_text

__all__ = ["CHECKS", "Finding", "Severity", "lint"]

_OF_PAGES = (check_shell, check_accessibility, check_legibility, check_css, check_inbox, check_support)
_ORDER = list(Severity)


def lint(content: bytes) -> list[Finding]:
    """The findings for a whole message, errors first, then in the order of CHECKS; deterministic.

    `content` may be anything: a bare HTML document is judged as far as it goes, and nonsense is called so. What is
    found in several places is told once. Warnings on the written list come with the reason. About 50 ms for 30 kB.
    """
    told = {(finding.check, finding.message): finding for finding in reversed(list(_findings(Mail.of(content))))}
    found = [
        replace(finding, allowed=ALLOWED.get(finding.check, "")) if finding.severity is Severity.WARNING else finding
        for finding in reversed(told.values())
    ]
    return sorted(found, key=lambda finding: (_ORDER.index(finding.severity), place(finding.check)))


def _findings(mail: Mail) -> Iterator[Finding]:
    yield from check_kind(mail)
    if mail.fields:
        yield from check_header(mail)
    yield from check_text(mail)
    yield from check_left_overs(mail)
    if mail.page is not None:
        for check in _OF_PAGES:
            yield from check(mail, mail.page)
