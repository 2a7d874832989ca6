"""When two addresses are one, and which are none."""

from __future__ import annotations

import re
from urllib.parse import quote

LONGEST = 254
"""Octets of an address (RFC 5321 section 4.5.3.1.3, RFC 3696 erratum 1690)."""

SPECIAL_USE = ("arpa", "invalid", "local", "localhost", "onion", "test")
"""Top-level domains that nobody has mail in; email_validator refuses them (IANA's special-use domain names)."""

_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"  # RFC 5322 section 3.2.3, in lower case
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"  # RFC 1035 section 2.3.1
_TOP = rf"(?!(?:{'|'.join(SPECIAL_USE)})\Z)[a-z]{{2,63}}"
_PLAIN = re.compile(rf"{_ATOM}(?:\.{_ATOM})*+@(?!.*--)(?:{_LABEL}\.)+{_TOP}")  # "--" is for A-labels (RFC 5890)


def is_plain(address: str) -> bool:
    """Whether email_validator would take `address` and change nothing in it, told in a hundredth of the time.

    Most are so: ASCII in lower case, with a domain of two labels or more that ends in letters. False says nothing.
    """
    return len(address) <= LONGEST and _PLAIN.fullmatch(address) is not None


def normal_address(text: str) -> str:
    """`text` as the address it is kept under: the domain normalised (RFC 5891), all in lower case.

    Mailboxes that differ only in case are one reader in practice, though RFC 5321 section 2.4 would allow two. A domain
    without a dot is allowed: a lab's own host is one (but not localhost, which is everybody's). Raises ValueError with
    one sentence when it is not an address.
    """
    stripped = text.strip()
    if is_plain(stripped):
        return stripped
    # Imported here: it costs 30 ms, and only the reading of addresses needs it.
    from email_validator import EmailNotValidError, validate_email

    try:
        checked = validate_email(stripped, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise ValueError(f"“{text}” is not an e-mail address: {error}") from None
    return checked.normalized.lower()


def mention(address: str) -> str:
    """A regular expression, for text in lower case, that finds where `address` is named, as it is, in a URL or in a
    mail that is encoded as quoted-printable; and not where it is the end, or the beginning, of another one."""
    local, _, domain = address.lower().rpartition("@")
    spelt = {f"{local}@{one}" for one in (domain, _wire(domain))}
    forms = {form for one in spelt for form in (one, quote(one).lower())}
    named = "|".join(re.escape(form).replace("@", "(?:@|=40|&#64;)") for form in sorted(forms))
    # What ends in a letter and begins no address: an encoded < > : = " / and the like.
    begin = r"(?:(?<![a-z0-9._+-])|(?<=[%=]3[a-f])|(?<=[%=]2[027cf]))"
    return f"{begin}(?:{named})(?![a-z0-9-]|\\.[a-z0-9])"


def _wire(domain: str) -> str:
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return domain
