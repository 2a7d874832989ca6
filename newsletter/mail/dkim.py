"""DKIM signatures: made for what we send, and read as a receiver reads them (RFC 6376, RFC 8301, RFC 8463).

The signature covers the whole body (never `l=`, which lets anybody append) and every field that says whose message
this is and how to leave. The fields of `OVERSIGNED` are named once more than they occur: whoever adds a second From or
a second List-Unsubscribe on the way breaks the signature (RFC 6376 section 8.15). RFC 8058 section 4 asks for both
List-Unsubscribe fields.

Bodies are signed as they are (relaxed/simple, unless another form is asked for): ours are quoted-printable or base64,
without white space at the end of lines, so that relays leave them alone, and the relaxed form costs more than a
signature by Ed25519. What all messages have in common is made once and kept: the names of the fields, their relaxed
forms, the beginning of the signature.

The time in `t=` is handed in and both algorithms are deterministic, so the same message gets the same signature again.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from newsletter.errors import ConfigurationError, Fault, NewsletterError
from newsletter.mail import headers
from newsletter.mail.dkim_canonical import BODY_FORMS, CRLF, HEADER_FORMS, Field, header_fields, split

PrivateKey = RSAPrivateKey | Ed25519PrivateKey
PublicKey = RSAPublicKey | Ed25519PublicKey

CANONICALIZATIONS = ("relaxed/relaxed", "relaxed/simple", "simple/simple")
FIELD = "DKIM-Signature"
LINE = 78

RSA_BITS = 2048
SMALLEST_RSA_BITS = 1024
"""Below it a verifier must not believe a signature (RFC 8301 section 3.2)."""

OVERSIGNED = ("From", "To", "Subject", "Date", "Reply-To", "List-Unsubscribe", "List-Unsubscribe-Post")
SIGNED = (
    *OVERSIGNED,
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "List-Id",
    "List-Help",
    "List-Owner",
    "List-Archive",
    "List-Post",
    "Archived-At",
    "Feedback-ID",
)
"""The fields that are signed where they occur; Precedence and Auto-Submitted say nothing that is worth forging.

A relay that writes Date and Message-ID anew (Amazon SES does) breaks our signature: there the relay has to sign.
"""

_SELECTOR = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*")
_TAG = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*=\s*(.*?)\s*", re.DOTALL)
_FOLDED = {"h", "b", "bh"}
_SIGNATURE_VALUE = re.compile(rb"([:;]\s*b\s*=)[^;]*")
_STRING = 255  # octets in one character-string of a TXT record (RFC 1035 section 3.3)


@dataclass(frozen=True)
class Signer:
    """A key, and the name under which its public half stands in the DNS: `selector`._domainkey.`domain`.

    `domain` is in its ASCII form. Raises ValueError with one sentence when a signature made with this would be worth
    nothing.
    """

    domain: str
    selector: str
    key: PrivateKey
    canonicalization: str = "relaxed/simple"

    def __post_init__(self) -> None:
        for name, value in (("domain", self.domain), ("selector", self.selector)):
            if not _SELECTOR.fullmatch(value):
                raise ValueError(f"{value!r} cannot be a DKIM {name}: it has letters, digits, hyphens and dots")
        if self.canonicalization not in CANONICALIZATIONS:
            raise ValueError(f"{self.canonicalization!r} is none of {', '.join(CANONICALIZATIONS)}")
        if isinstance(self.key, RSAPrivateKey) and self.key.key_size < SMALLEST_RSA_BITS:
            raise ValueError(f"the RSA key has {self.key.key_size} bits, and receivers believe {SMALLEST_RSA_BITS} up")

    @cached_property
    def public_key(self) -> PublicKey:
        """The half that goes into the DNS."""
        return self.key.public_key()

    @property
    def header_form(self) -> str:
        return self.canonicalization.partition("/")[0]

    @property
    def body_form(self) -> str:
        return self.canonicalization.partition("/")[2]

    @property
    def algorithm(self) -> str:
        """The value of `a=`."""
        return _algorithm(self.public_key)

    def field(self, fields: Sequence[Field], body_hash: bytes, at: datetime) -> bytes:
        """The DKIM-Signature of a message of `fields`, whose canonical body has `body_hash`, without its final CRLF."""
        names, places = _covered(tuple(name for name, _ in fields))
        opening = _opening(
            self.algorithm, self.canonicalization, self.domain, self.selector, int(at.timestamp()), names
        )
        unsigned = opening + body_hash + b";\r\n b="
        form = HEADER_FORMS[self.header_form]
        value = _base64(self._signed(CRLF.join([*(form(fields[place][1]) for place in places), form(unsigned)])))
        cuts = range(LINE - 3, len(value), LINE - 1)  # "b=" stands on the first line, and a space before each
        return b"\r\n ".join([unsigned + value[: LINE - 3], *(value[cut : cut + LINE - 1] for cut in cuts)])

    def _signed(self, octets: bytes) -> bytes:
        if isinstance(self.key, RSAPrivateKey):
            return self.key.sign(octets, PKCS1v15(), hashes.SHA256())
        return self.key.sign(sha256(octets).digest())  # the digest, not the octets: RFC 8463 section 3


def signatures(content: bytes, signers: Sequence[Signer], at: datetime) -> bytes:
    """The DKIM-Signature fields for `content` (CRLF line ends), one for each of `signers`, the first on top, to be put
    in front of it.

    `at` is aware and goes into `t=`. Raises ValueError when the header cannot be read.
    """
    fields, start = header_fields(content)
    body_hashes = {form: _body_hash(content, start, form) for form in {signer.body_form for signer in signers}}
    return b"".join(signer.field(fields, body_hashes[signer.body_form], at) + CRLF for signer in signers)


def sign(content: bytes, signers: Sequence[Signer], at: datetime) -> bytes:
    """`content` with its `signatures` in front."""
    return signatures(content, signers, at) + content


def verify(content: bytes, public_keys: Mapping[tuple[str, str], PublicKey]) -> list[str]:
    """What is wrong with the signatures of `content`, a sentence each; empty when all of them are good.

    `public_keys` are by (selector, domain); each has to have signed. Signatures that cover only a part of the body
    (`l=`) are not good. Reads no DNS and no clock, so `x=` says nothing here.
    """
    try:
        fields, body = split(content)
    except ValueError as error:
        return [f"the signatures cannot be looked for: {error}"]
    known = {_in_dns(*name): key for name, key in public_keys.items()}
    faults: list[str] = []
    seen: set[str] = set()
    for name, field in fields:
        if name != FIELD.lower():
            continue
        try:
            tags = _tags(field)
            seen.add(_in_dns(tags["s"], tags["d"]))
            _check(field, tags, fields, body, known)
        except ValueError as error:
            faults.append(str(error))
    return faults + [f"there is no DKIM signature of {name}" for name in known if name not in seen]


def unprotected(content: bytes) -> list[str]:
    """The fields of OVERSIGNED that somebody on the way could add, or change, without breaking every signature."""
    fields, _ = split(content)
    present = Counter(name for name, _ in fields)
    found: dict[str, None] = {}
    for field in (field for name, field in fields if name == FIELD.lower()):
        named = Counter(_tags(field)["h"].lower().split(":"))
        found |= dict.fromkeys(name for name in OVERSIGNED if named[name.lower()] <= present[name.lower()])
    return list(found)


def _check(
    field: bytes,
    tags: Mapping[str, str],
    fields: Sequence[Field],
    body: bytes,
    known: Mapping[str, PublicKey],
) -> None:
    """Section 6.1.3, for one signature. Raises ValueError with what is wrong."""
    place = _in_dns(tags["s"], tags["d"])
    which, key = f"the DKIM signature of {place}", known.get(place)
    header_form, _, body_form = tags.get("c", "simple").partition("/")
    body_form = body_form or "simple"
    names = tags["h"].split(":")
    if key is None:
        raise ValueError(f"{which} is by a key that is not ours")
    if tags["v"] != "1" or tags["a"] != _algorithm(key) or not {header_form, body_form} <= HEADER_FORMS.keys():
        raise ValueError(f"{which} is of a kind that its key cannot make (v={tags['v']}, a={tags['a']})")
    if isinstance(key, RSAPublicKey) and key.key_size < SMALLEST_RSA_BITS:
        raise ValueError(f"{which} is by an RSA key of only {key.key_size} bits")
    if "l" in tags:
        raise ValueError(f"{which} leaves the end of the body unsigned (l=)")
    if "from" not in [name.lower() for name in names]:
        raise ValueError(f"{which} does not cover From")
    if tags["bh"].encode() != _body_hash(body, 0, body_form):
        raise ValueError(f"{which} is for another body")
    form = HEADER_FORMS[header_form]
    covered = [form(fields[place][1]) for place in _places([name for name, _ in fields], names)]
    octets = CRLF.join([*covered, form(_SIGNATURE_VALUE.sub(rb"\1", field))])
    try:
        value = base64.b64decode(tags["b"], validate=True)
        if isinstance(key, RSAPublicKey):
            key.verify(value, octets, PKCS1v15(), hashes.SHA256())
        else:
            key.verify(value, sha256(octets).digest())
    except (InvalidSignature, binascii.Error):
        raise ValueError(f"{which} does not fit the header") from None


def _body_hash(content: bytes, start: int, form: str) -> bytes:
    """The value of `bh=` for the body of `content`, which begins at `start`."""
    return _base64(sha256(BODY_FORMS[form](content, start)).digest())


@lru_cache(64)
def _covered(present: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Of a header with fields called `present`: the names for `h=`, and the places of the fields they stand for."""
    counts = Counter(present)
    names = tuple(name for name in SIGNED for _ in range(counts[name.lower()] + (name in OVERSIGNED)))
    return names, tuple(_places(present, names))


def _places(present: Sequence[str], names: Sequence[str]) -> list[int]:
    """Which fields are signed, in order (section 3.7 and 5.4.2): for each of `names` one, those of one name from the
    bottom up. A name without a (further) field stands for nothing."""
    left: dict[str, list[int]] = {}
    for place, name in enumerate(present):
        left.setdefault(name, []).append(place)
    return [places.pop() for name in names if (places := left.get(name.lower()))]


@lru_cache(64)
def _opening(
    algorithm: str, canonicalization: str, domain: str, selector: str, second: int, names: Sequence[str]
) -> bytes:
    """A DKIM-Signature up to the value of `bh=`."""
    lines = [
        f"{FIELD}: v=1; a={algorithm}; c={canonicalization}; t={second};",
        f"d={domain};",
        f"s={selector};",
        *_packed([f"h={names[0]}", *(f":{name}" for name in names[1:])], ";"),
        "bh=",
    ]
    return "\r\n ".join(lines).encode("ascii")


def _tags(field: bytes) -> dict[str, str]:
    """The tags of a DKIM-Signature field (section 3.2), without the white space that folds some of the values.

    Raises ValueError when one that has to be there is not, or one is there twice.
    """
    tags: dict[str, str] = {}
    value = field.partition(b":")[2].decode("ascii", "replace")
    for part in value.rstrip("; \t\r\n").split(";"):
        match = _TAG.fullmatch(part)
        if match is None or match[1] in tags:
            raise ValueError(f"a DKIM-Signature cannot be read at {part.strip()[:40]!r}")
        tags[match[1]] = re.sub(r"\s+", "", match[2]) if match[1] in _FOLDED else match[2]
    if missing := [name for name in ("v", "a", "d", "s", "h", "bh", "b") if not tags.get(name)]:
        raise ValueError(f"a DKIM-Signature lacks {missing[0]}=")
    return tags


def _in_dns(selector: str, domain: str) -> str:
    """Where a public key stands (section 3.6.2.1); the DNS knows no case."""
    return f"{selector}._domainkey.{domain}".lower()


def _algorithm(key: PublicKey) -> str:
    return "rsa-sha256" if isinstance(key, RSAPublicKey) else "ed25519-sha256"


def _base64(octets: bytes) -> bytes:
    return binascii.b2a_base64(octets, newline=False)


def _packed(pieces: Sequence[str], end: str) -> list[str]:
    """`pieces` in a row on as few lines as hold them, each with room for the space that folds it."""
    lines = [""]
    for piece in pieces:
        if lines[-1] and len(lines[-1]) + len(piece) + len(end) > LINE - 1:
            lines.append("")
        lines[-1] += piece
    lines[-1] += end
    return lines


def load_signer(path: Path, domain: str, selector: str, canonicalization: str = "relaxed/simple") -> Signer:
    """The signer with the private key (PEM, not encrypted) at `path`. `domain` may hold any letters (IDN).

    Raises ConfigurationError, in one sentence, when there is no key that can sign.
    """
    try:
        ascii_domain = headers.wire_address(f"postmaster@{domain}").rpartition("@")[2]
        return Signer(ascii_domain, selector, _private_key(path), canonicalization)
    except ValueError as error:
        raise ConfigurationError([Fault(str(path), "", f"cannot sign for {domain}: {error}")]) from error


def readable_by_others(path: Path) -> bool:
    """Whether accounts other than the owner's can read the key at `path`: worth a warning."""
    return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))


def _private_key(path: Path) -> PrivateKey:
    """Raises ValueError with what is wrong and the remedy."""
    remedy = "`newsletter dkim new` makes one"
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except FileNotFoundError:
        raise ValueError(f"there is no such file; {remedy}") from None
    except OSError as error:
        raise ValueError(f"it cannot be read ({error.strerror}); check its permissions") from error
    except TypeError:
        raise ValueError("the key is encrypted; write it without a passphrase, with private permissions") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(f"it holds no private key in PEM form; {remedy}") from None
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise ValueError(f"the key is neither RSA nor Ed25519; {remedy}")
    return key


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made: `kind` is `rsa` or `ed25519`."""

    kind: str
    path: Path
    public_key: PublicKey


def new_keys(folder: Path) -> tuple[NewKey, NewKey]:
    """Make an RSA-2048 and an Ed25519 key, `rsa.pem` and `ed25519.pem` in `folder`, readable by the owner only.

    Raises NewsletterError when one is there already (nothing is ever overwritten) or cannot be written.
    """
    kinds: tuple[tuple[str, PrivateKey], ...] = (
        ("rsa", generate_private_key(public_exponent=65537, key_size=RSA_BITS)),
        ("ed25519", Ed25519PrivateKey.generate()),
    )
    made: list[NewKey] = []
    try:
        for missing in [one for one in reversed([folder, *folder.parents]) if not one.exists()]:
            missing.mkdir(mode=0o700)
        if there := [path for kind, _ in kinds if (path := folder / f"{kind}.pem").exists()]:
            raise NewsletterError(f"{there[0]} is there already and is kept; name another folder for new keys")
        for kind, key in kinds:
            path = folder / f"{kind}.pem"
            _write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            made.append(NewKey(kind, path, key.public_key()))
    except OSError as error:
        raise NewsletterError(f"{error.filename or folder} cannot be written: {error.strerror}") from error
    return made[0], made[1]


def _write_private(path: Path, content: bytes) -> None:
    """A new file that nobody else can read, not even for a moment."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def dns_record(key: PublicKey) -> str:
    """The value of the TXT record for `key` (RFC 6376 section 3.6.1, RFC 8463 section 4), as a zone file has it:
    strings of at most 255 octets in quotes."""
    if isinstance(key, RSAPublicKey):
        kind, octets = "rsa", key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        kind, octets = "ed25519", key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    value = f"v=DKIM1; k={kind}; p={_base64(octets).decode()}"
    return " ".join(f'"{value[start : start + _STRING]}"' for start in range(0, len(value), _STRING))
