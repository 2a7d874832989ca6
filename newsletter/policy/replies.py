"""What a relay's words say, and what follows from an outcome besides the state of its delivery.

What follows (enhanced codes: RFC 3463, RFC 7505 for 5.1.10, the IANA registry; without one, the reply code and its
words decide). "Suppress" concerns the reader's address, "alert" the operator, "slow down" the connections::

    RCPT, DATA, dot   5.1.x                     suppress: there is no such address
                      5.1.7, 5.1.8              alert: it is the sender's address that is wrong
                      5.2.1                     suppress: the mailbox is disabled
                      5.2.2, other 5.2.x        nothing: a full mailbox is emptied again
                      5.7.x                     alert: policy or reputation, which is ours and not the reader's
    RCPT              550 551 553 556, no code  suppress, unless the words speak of us (sender, relaying, blocked, ...)
    any               other 5xx, words about us alert
    DATA, dot         5.3.4, 5.6.x, 552         alert: the message is too large or malformed, and so are the others
    any               421, 4.7.x, 4.3.2, 4.4.5  slow down, unless it is greylisting, which only wants patience
    any               other 4xx, no reply, 250  nothing

A wrongly suppressed reader is lost in silence, a wrongly kept one is refused again tomorrow: so in doubt we keep. One
recipient goes into a transaction, which is why 5.1.x after DATA still names the address.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from newsletter.model import Outcome, State, Step

LONGEST_WAIT = timedelta(days=1)
"""What a relay asks beyond this is not believed."""

_ENHANCED = re.compile(r"[#(]?([245])(\.\d{1,3}\.\d{1,3})(?!\d|\.\d)")
_ID = r"([A-Za-z0-9](?:[\w.=/+-]{0,98}[A-Za-z0-9=])?)"
_QUEUE_IDS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\bqueued as {_ID}",  # Postfix, and what stands in front of one
        rf"\bOK id={_ID}",  # Exim
        rf"(?:^|\s){_ID} Message accepted for delivery",  # Sendmail, OpenSMTPD
        rf"\bInternalId={_ID}",  # Exchange
        rf"(?i:\bok)\s+\d+ {_ID} - gsmtp",  # Google
        r"^(?i:ok) \d+ qp (\d{1,20})",  # qmail
        r"^(?i:ok) ([0-9a-f]{16}-[0-9a-f-]{20,60})",  # Amazon SES
    )
)

_MAY_NAME = re.compile(r"queued as|OK id=|Message accepted|InternalId=|(?i:\bok)\s")

_NUMBER = r"(?:(?P<number>\d{1,6})\s*|(?:an?|one)\s+(?=minute|hour))"
_UNIT = r"(?P<unit>s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:(?:ou)?rs?)?)"
_WAIT = re.compile(
    r"\b(?:try|retry|wait|again|back|gr[ea]y-?list\w*|delayed|deferred)\b[^\d]{0,40}?"
    rf"(?:\b(?P<h>\d{{1,2}}):(?P<m>\d\d):(?P<s>\d\d)\b|\b{_NUMBER}{_UNIT}\b)",
    re.IGNORECASE,
)
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_GREYLISTED = re.compile(r"gr[ea]y-?list", re.IGNORECASE)

_ADDRESS = re.compile(r"<[^<>]*>|\S+@\S+")  # quoted in the reply, and free to contain any word
_ABOUT_SENDER = re.compile(
    r"\bsender (?:address|verif|domain|denied|rejected|not|is|id\b)|\bclient host\b|\bhelo command\b", re.IGNORECASE
)
_ABOUT_US = re.compile(
    r"\bsender|\brelay|\bblock|\bblack|\bban(?:ned)?\b|\bspam|\bpolic|\breputation|\bdenied|\bdnsbl|\brbl|\bauth"
    r"|\bdmarc|\bdkim|\bspf\b|\bclient host|\bhelo\b|\brate\b|\blimit|\bvirus|\bcontent|\btls\b|\bencrypt"
    r"|\breverse|\bptr\b|\bprohibited|\bnot permitted",
    re.IGNORECASE,
)
_ABOUT_ROOM = re.compile(r"\bfull\b|\bquota\b|\bstorage\b|\bspace\b", re.IGNORECASE)

_NO_SUCH_ADDRESS = frozenset({550, 551, 553, 556})  # RFC 5321 section 4.2.3, RFC 7504 for 556
_SENDERS_ADDRESS = frozenset({"5.1.7", "5.1.8"})
_MAILBOX_DISABLED = "5.2.1"
_BUSY = frozenset({"4.3.2", "4.4.5"})
_TOO_LARGE, _TOO_LARGE_ENHANCED, _CLOSING = 552, "5.3.4", 421


def enhanced_code(code: int, text: str) -> str:
    """The enhanced status code at the front of a reply, `5.1.1`; empty where there is none.

    Its class has to be that of the reply code (RFC 2034 section 4); another one is not believed.
    """
    found = _ENHANCED.match(text)
    return f"{found[1]}{found[2]}" if found and found[1] == str(code)[:1] else ""


def queue_id(text: str) -> str:
    """The name the relay gave to a message that it accepted, as its log will have it; empty where it says none."""
    if not _MAY_NAME.search(text):  # one look instead of seven, at each message
        return ""
    return next((found[1] for pattern in _QUEUE_IDS if (found := pattern.search(text))), "")


def retry_after(text: str) -> timedelta | None:
    """The relay's own "try again in 5 minutes" (or 300 seconds, 1 hour, 00:05:00), at most a day; None without one."""
    found = _WAIT.search(text)
    if found is None:
        return None
    if found["h"]:
        wait = timedelta(hours=int(found["h"]), minutes=int(found["m"]), seconds=int(found["s"]))
    else:
        wait = timedelta(seconds=int(found["number"] or 1) * _SECONDS[found["unit"][0].lower()])
    return min(wait, LONGEST_WAIT) or None


@dataclass(frozen=True, slots=True)
class Consequences:
    """What follows from an outcome.

    `suppress` is the reason for which the address is suppressed and `alert` a sentence for the operator, empty when
    there is none; `slow_down` says that the relay wants fewer messages at a time.
    """

    suppress: str = ""
    alert: str = ""
    slow_down: bool = False


def consequences(outcome: Outcome) -> Consequences:
    """What follows from `outcome`, as the table above says."""
    if outcome.state is State.DEFERRED:
        return Consequences(slow_down=_too_fast(outcome))
    if outcome.state is not State.REFUSED or outcome.code is None:
        return Consequences()  # what we refused ourselves says nothing about the address
    if _is_hard_bounce(outcome):
        return Consequences(suppress=f"hard bounce: {outcome.code} {outcome.text}")
    return Consequences(alert=_alert(outcome))


def _too_fast(outcome: Outcome) -> bool:
    if _GREYLISTED.search(outcome.text):
        return False
    return outcome.code == _CLOSING or outcome.enhanced.startswith("4.7.") or outcome.enhanced in _BUSY


def _is_hard_bounce(outcome: Outcome) -> bool:
    words = _ADDRESS.sub(" ", outcome.text)
    if outcome.enhanced:
        # Postfix says "5.1.0 ... Sender address rejected: User unknown" at RCPT; that must not cost a reader.
        about_address = outcome.enhanced.startswith("5.1.") and outcome.enhanced not in _SENDERS_ADDRESS
        return (about_address or outcome.enhanced == _MAILBOX_DISABLED) and not _ABOUT_SENDER.search(words)
    if outcome.step is not Step.RCPT or outcome.code not in _NO_SUCH_ADDRESS:
        return False
    return not _ABOUT_US.search(words) and not _ABOUT_ROOM.search(words)


def _alert(outcome: Outcome) -> str:
    said = f"{outcome.code} {outcome.text}"
    words = _ADDRESS.sub(" ", outcome.text)
    if outcome.enhanced in _SENDERS_ADDRESS or _ABOUT_SENDER.search(words):
        return f"The relay refuses the sender ({said}): check sender.address and its domain"
    if outcome.enhanced.startswith("5.7.") or (not outcome.enhanced and _ABOUT_US.search(words)):
        return (
            f"The relay refuses for reasons of policy or reputation ({said}): check smtp.username, the SPF, DKIM and "
            "DMARC records of the sender's domain, and block lists"
        )
    after_rcpt = outcome.step in (Step.DATA, Step.DOT)
    if outcome.code == _TOO_LARGE or outcome.enhanced == _TOO_LARGE_ENHANCED:
        return f"The relay finds a message too large ({said}): lower digest.max_papers"
    if after_rcpt and outcome.enhanced.startswith("5.6."):
        return f"The relay refuses the form of a message ({said}): ask its operator what it objects to"
    return ""
