"""Header fields, one at a time: encoded, folded, and deaf to whatever the text from outside tries.

We write the fields ourselves and do not assign them to an `EmailMessage`, for two measured reasons. On assignment the
email package *decodes* what looks like an encoded word, so that a paper called `=?utf-8?q?a=0D=0ABcc=3A_x?=` grows a
header of its own (CVE-2024-6923). And folding at 998 characters, which `List-Unsubscribe` needs, makes encoded words
far longer than the 75 characters that RFC 2047 section 2 allows. The encoding itself stays with `email.header.Header`.

Every function returns the field without its final CRLF and raises ValueError with a reason when it cannot be written.
"""

from __future__ import annotations

import re
import unicodedata
from binascii import b2a_base64
from email.header import Header
from string import ascii_letters, digits

from newsletter.policy.address import is_plain

CRLF = "\r\n"
LINE = 76
"""Characters on a line that holds encoded words (RFC 2047 section 2)."""

LONGEST_NAME = 64
"""Characters of a display name; nobody's is longer, and a longer one is an attack or a mistake."""

_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")  # RFC 5322 section 3.2.3, with the space between atoms
# The Q encoding of each octet (RFC 2047 section 4.2), where a phrase may hold it (section 5, rule 3).
_PLAIN = frozenset(f"{ascii_letters}{digits}!*+-/".encode())
_QUOTED = tuple("_" if one == 0x20 else chr(one) if one in _PLAIN else f"={one:02X}" for one in range(256))

_PRINTABLE = re.compile(r"[ -~]+")
_URI = re.compile(r"(?:https?|mailto):[!-;=?-~]+", re.IGNORECASE)  # printable ASCII without < and >
_WORD = "=?"  # how an encoded word begins (RFC 2047 section 2); some read one even where none may stand
_TARGET = re.compile(r"[^\x00-\x20\x7f<>]+")
_BREAKS = {"Cc", "Cs", "Zl", "Zp"}  # controls, lone surrogates, line and paragraph separators


def clean(text: str) -> str:
    """`text` as one line: control characters, separators and lone surrogates become spaces, runs of spaces one."""
    if text.isprintable() and "  " not in text:  # none of what is printable breaks a line
        return text.strip(" ")
    spaced = "".join(" " if unicodedata.category(char) in _BREAKS else char for char in text)
    return re.sub(" +", " ", spaced).strip(" ")


def text(name: str, value: str) -> str:
    """A field of free text (Subject), as plain ASCII where that is exact, else as encoded words."""
    return f"{name}: {_encoded(name, clean(value))}"


def verbatim(name: str, value: str) -> str:
    """A field that must stay on one line exactly as it is: printable ASCII only, and nothing that some decode."""
    if not _PRINTABLE.fullmatch(value) or _WORD in value:
        raise ValueError(f"{name} may hold printable ASCII only, without {_WORD!r}, and not {value!r}")
    return f"{name}: {value}"


def uris(name: str, *values: str) -> str:
    """A field of URIs in angle brackets, preferred first (RFC 2369 section 2), never folded."""
    for value in values:
        if not _URI.fullmatch(value):
            raise ValueError(f"{name} needs http, https or mailto links, not {value!r}")
    return verbatim(name, ", ".join(f"<{value}>" for value in values))


def phrase(name: str, words: str, target: str) -> str:
    """A field of the shape `words <target>`: a mailbox, or a list and its id. `words` may be empty."""
    if not _TARGET.fullmatch(target):
        raise ValueError(f"{name} cannot hold {target!r} in angle brackets")
    shown = clean(clean(words)[:LONGEST_NAME])
    field = f"{name}: {_quoted(name, shown)}".rstrip(" ")
    room = LINE - len(field.rpartition(CRLF)[2])
    return f"{field}{'' if len(target) + 3 <= room or not shown else CRLF} <{target}>"


def wire_address(address: str) -> str:
    """`address` as it goes over the wire: the domain as A-labels (RFC 5891), the local part as it is."""
    if _WORD in address:
        raise ValueError(f"{clean(address)[:LONGEST_NAME]!r} would be read as an encoded word")
    if is_plain(address):
        return address
    # Late: it takes 20 ms to import, and nearly every address is a plain one.
    from email_validator import EmailNotValidError, validate_email

    try:
        # Whether a domain may be mailed at all (localhost, .test) is the configuration's business, not the syntax's.
        checked = validate_email(address, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise ValueError(f"{clean(address)[:LONGEST_NAME]!r} is not a usable e-mail address: {error}") from error
    return f"{checked.local_part}@{checked.ascii_domain}"


def _encoded(name: str, value: str) -> str:
    """`value`, folded; encoded where ASCII would not do, would be read as encoded, or could not be folded."""
    plain = (
        value.isascii() and _WORD not in value and all(len(word) < LINE - len(name) - 2 for word in value.split(" "))
    )
    if plain:
        return Header(value, "us-ascii", LINE, header_name=name).encode(linesep=CRLF)
    return _encoded_words(name, value)


def _encoded_words(name: str, value: str) -> str:
    """`value` as encoded words, in the shorter of the two encodings. One that fits on the line is made here, the same
    as `Header` makes it and ten times as fast: most names are short, and every message has one."""
    octets = value.encode("utf-8", "replace")
    quoted = "".join(map(_QUOTED.__getitem__, octets))
    base64 = (len(octets) + 2) // 3 * 4
    if min(len(quoted), base64) > LINE - len(f"{name}: =?utf-8?q??=") or not value:
        return Header(value, "utf-8", LINE, header_name=name).encode(linesep=CRLF)
    if base64 < len(quoted):
        return f"=?utf-8?b?{b2a_base64(octets, newline=False).decode()}?="
    return f"=?utf-8?q?{quoted}?="


def _quoted(name: str, words: str) -> str:
    """`words` as an RFC 5322 phrase: atoms, a quoted string, or encoded words (RFC 2047 section 5, rule 3)."""
    if not words.isascii() or _WORD in words:
        return _encoded_words(name, words)
    if _ATOMS.fullmatch(words):
        return words
    return '"' + re.sub(r'(["\\])', r"\\\1", words) + '"'
