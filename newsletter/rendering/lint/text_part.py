"""T: the text part, and how the two parts go together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from newsletter.rendering.lint.findings import Finding, error, warning
from newsletter.rendering.lint.leftovers import ADDRESS
from newsletter.rendering.lint.mail import Mail
from newsletter.rendering.lint.page import seen

LONGEST_LINE, GOOD_LINE = 998, 78
"""Octets of a line without its end (RFC 5322, section 2.1.1)."""

LONGEST_RAISED = 3

_RAISED = re.compile(rf"[\u2070-\u209c\u00b2\u00b3\u00b9\u1d2c-\u1d6a\u1d9b-\u1dbf]{{{LONGEST_RAISED + 1},}}")
_TRACKING = re.compile(r"[?&](?:utm_\w+|mc_[ce]id|fbclid|gclid)=", re.IGNORECASE)


def check_kind(mail: Mail) -> Iterator[Finding]:
    """T1 and T5: what kind of a message it is, and its lines on the wire."""
    if not mail.fields:
        said = "This is an HTML document and no message" if mail.page else "This is no e-mail message"
        yield error(
            "T1", f"{said}: give a whole message, with a header, a text part and an HTML part.", _beginning(mail)
        )
        return
    if mail.kinds != ("multipart/alternative", "text/plain", "text/html"):
        kinds = " with ".join(mail.kinds[:4])
        yield error("T1", f"The message is {kinds}: make it multipart/alternative of text/plain, then text/html.")
    if "text/html" in mail.kinds and (mail.page is None or not seen(mail.page.words)):
        yield error("T1", "The HTML part shows nothing: see whether its template was rendered.")
    longest = max((len(line) for line, _ in mail.octet_lines()), default=0)
    if longest > LONGEST_LINE:
        yield error("T5", f"A line on the wire has {longest:,} octets; {LONGEST_LINE} are allowed: encode the parts.")
    elif any(in_body and len(line) > GOOD_LINE for line, in_body in mail.octet_lines()):
        yield warning("T5", f"A line of a body has more than {GOOD_LINE} octets: use quoted-printable or base64.")


def _beginning(mail: Mail) -> str:
    return mail.content[:120].decode("utf-8", "replace")


def check_text(mail: Mail) -> Iterator[Finding]:
    """T1 and T3 to T7: what the text part says; `leftovers` has T2."""
    if mail.text is None:
        return
    if not mail.text.strip():
        yield error("T1", "The text part is empty: it is to say all that the HTML says.")
        return
    yield from _papers(mail)
    if "flowed" in mail.text_type.lower():
        yield warning(
            "T3", "The text part is format=flowed, which many programs show ragged: leave it out.", mail.text_type
        )
    for line in mail.lines:
        if line.rstrip("\r") == "-- ":
            yield warning("T6", 'A line is "-- ", after which programs hide what follows: use other signs.')
        if not ADDRESS.fullmatch(line.strip()):
            yield from _raised(mail, line)
            yield from _addresses(mail, line)
    yield from _own_addresses(mail)


def _papers(mail: Mail) -> Iterator[Finding]:
    """T1: the address of every paper's title, in the same order."""
    if mail.page is None:
        return
    lines = iter([line.strip() for line in mail.lines])
    for title in mail.page.titles:
        address = title.get("href", "").strip()
        if address not in mail.line_set:
            yield error(
                "T1",
                "A paper of the HTML is missing in the text part: print its address on a line of its own.",
                address,
            )
        elif address not in lines:  # reads on to where it stands
            yield error(
                "T1",
                "The text part has the papers in another order than the HTML: print both from the same list.",
                address,
            )
            return


def _raised(mail: Mail, line: str) -> Iterator[Finding]:
    for found in _RAISED.finditer(line):
        detail = "T7:words" if mail.said_in_both(found[0]) else "T7"
        yield warning(
            detail,
            f"More than {LONGEST_RAISED} raised or lowered characters in a row: write ^(...) or _(...).",
            found[0],
        )


def _addresses(mail: Mail, line: str) -> Iterator[Finding]:
    for found in ADDRESS.finditer(line):
        if not _host(found[0]):
            continue
        if mail.said_in_both(found[0]):
            yield warning("T4:words", "An address stands in a sentence, in both parts alike.", line)
        elif found[0] in mail.hrefs and found[0] not in mail.line_set:
            yield error("T4", "An address of the HTML never stands alone on a line of the text: give it its own.", line)
        else:
            yield warning("T4", "An address stands beside other text: give it a line of its own.", line)


def _host(address: str) -> str:
    """The host of an address, or what a mailto goes to; "" if it is none."""
    try:
        parts = urlsplit(address)
        return parts.netloc or parts.path
    except ValueError:
        return ""


def _own_addresses(mail: Mail) -> Iterator[Finding]:
    own = {_host(uri) for uri in mail.leaving if uri.startswith("http")} - {""}
    for address in sorted({*mail.line_set, *mail.hrefs}):
        if _TRACKING.search(address) and _host(address) in own:
            yield warning("T4", "An address of ours tracks who clicks: leave such parameters out.", address)
