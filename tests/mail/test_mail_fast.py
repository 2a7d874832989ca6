"""What is made fast is made the same: against the library, or the plain form, that says what it has to be."""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from email.header import Header

import dkim as dkimpy
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from itsdangerous import Signer as LibrarySigner
from itsdangerous.encoding import base64_encode

from newsletter.mail import dkim, headers
from newsletter.mail.dkim import PrivateKey, Signer
from newsletter.mail.tokens import Tokens
from newsletter.policy.address import LONGEST, SPECIAL_USE, is_plain, normal_address

# Tokens


@settings(deadline=None, max_examples=200)
@given(
    key=st.text(min_size=1, max_size=150),
    subscriber_id=st.integers(1, 2**63 - 1),
    address=st.emails() | st.text(max_size=80),
    paper=st.text(max_size=40),
)
@example("k" * 64, 7, "ada@example.org", "arxiv:2303.1")
@example("k" * 65, 7, "", "arxiv:2303.1")
def test_tokens_are_what_itsdangerous_signs(key: str, subscriber_id: int, address: str, paper: str) -> None:
    tokens = Tokens([key, "another"])

    def signed(purpose: str, value: str) -> str:
        salt = f"newsletter.{purpose}\n{address}" if address else f"newsletter.{purpose}"
        return LibrarySigner(key, salt=salt, key_derivation="hmac", digest_method=hashlib.sha256).sign(value).decode()

    number = str(subscriber_id)
    assert tokens.leave(subscriber_id, address) == signed("leave", number)
    assert tokens.preferences(subscriber_id, address) == signed("preferences", number)
    assert tokens.opinions(subscriber_id, address) == signed("opinions", number)
    assert tokens.opinion(subscriber_id, address, paper) == signed(
        "opinion", f"{number}.{base64_encode(paper).decode()}"
    )


# Names and subjects


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(["To", "Subject", "List-Id"]), st.text(max_size=60) | st.text(alphabet="é 王a_?=", max_size=30))
@example("To", "=?utf-8?q?a?=")
@example("To", "José Ñandú")
def test_encoded_words_are_those_of_the_email_package(name: str, value: str) -> None:
    shown = headers.clean(value)
    made = Header(shown, "utf-8", headers.LINE, header_name=name).encode(linesep="\r\n")
    assert headers._encoded_words(name, shown) == made


# Addresses

LABELS = st.one_of(
    st.text(alphabet="abz09-", min_size=0, max_size=6),
    st.from_regex(r"[a-z0-9](-?[a-z0-9]){0,8}", fullmatch=True),
    st.integers(60, 66).map(lambda length: "a" * length),
    st.sampled_from(
        ["xn--strae-oqa", "xn--a", "axn--b", "ab--cd", "a--b", "A", "Ex", "_dmarc", "ü", "1", "١", "ﬁ", ""]
    ),
)
TOPS = st.one_of(
    st.sampled_from(
        ["org", "de", "com", "museum", "x", "123", "c0m", "0rg", "ORG", "xn--p1ai", "a" * 63, "a" * 64, ""]
    ),
    st.sampled_from([*SPECIAL_USE, *SPECIAL_USE_DOMAIN_NAMES, "tests", "locals", "mylocal"]),
    LABELS,
)
DOMAINS = st.builds(lambda labels, top: ".".join([*labels, top]), st.lists(LABELS, max_size=4), TOPS)
LOCALS = st.one_of(
    st.from_regex(r"[a-z0-9_+-]{1,12}(\.[a-z0-9]{1,5}){0,2}", fullmatch=True),
    st.text(alphabet="ab.Z-_+=?!#$%&'*/^`{|}~ \"\\(),:;<>@[]\n\0\x7fü", max_size=12),
    st.sampled_from(["info", "Info", "postmaster", "POSTMASTER", "=?utf-8?q?x?=", "a" * 64, "a" * 65, "a" * 250]),
)
ADDRESSES = st.builds(lambda local, domain: f"{local}@{domain}", LOCALS, DOMAINS) | st.emails() | st.text(max_size=20)


def thorough(address: str) -> tuple[str, str]:
    """The address over the wire, and the normal one, as the library has them."""
    checked = validate_email(address, check_deliverability=False, globally_deliverable=False)
    return f"{checked.local_part}@{checked.ascii_domain}", checked.normalized.lower()


@settings(deadline=None, max_examples=1000)
@given(ADDRESSES)
@example("a@b.c--d.org")
@example("a@b.org\n")
@example("a@-b.org")
@example("a@b-.org")
@example("a..b@c.org")
@example(f"{'a' * 242}@example.org")
@example(f"{'a' * 243}@example.org")
def test_what_is_plain_is_what_the_library_leaves_alone(address: str) -> None:
    if is_plain(address):
        assert thorough(address) == (address, address)
        assert normal_address(address) == address


@settings(deadline=None, max_examples=300)
@given(ADDRESSES)
def test_an_address_goes_over_the_wire_as_the_library_says(address: str) -> None:
    try:
        expected = None if "=?" in address else thorough(address)
    except EmailNotValidError:
        expected = None
    try:
        found = headers.wire_address(address)
    except ValueError:
        assert expected is None
    else:
        assert expected is not None
        assert found == expected[0]


@settings(deadline=None, max_examples=100)
@given(
    st.from_regex(r"[a-z0-9_+]{1,20}(\.[a-z0-9-]{1,10}){0,3}", fullmatch=True),
    st.from_regex(r"([a-z0-9](-?[a-z0-9]){0,20}\.){1,3}[a-z]{2,20}", fullmatch=True),
)
def test_most_addresses_are_plain(local: str, domain: str) -> None:
    assume(domain.rpartition(".")[2] not in SPECIAL_USE)
    address = f"{local}@{domain}"
    assert is_plain(address)
    assert thorough(address) == (address, address)


def test_the_limits_are_the_librarys() -> None:
    assert {name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES} <= set(SPECIAL_USE)
    longest = f"{'a' * (LONGEST - len('@example.org'))}@example.org"
    assert is_plain(longest)
    assert not is_plain(f"a{longest}")
    assert is_plain(f"a@{'b' * 63}.org")
    assert not is_plain(f"a@{'b' * 64}.org")


# Header fields


def plainly_clean(text: str) -> str:
    """`headers.clean` without its short way."""
    breaks = {"Cc", "Cs", "Zl", "Zp"}
    spaced = "".join(" " if unicodedata.category(char) in breaks else char for char in text)
    return re.sub(" +", " ", spaced).strip(" ")


@settings(deadline=None, max_examples=500)
@given(
    st.text(alphabet=st.characters(codec=None), max_size=30)
    | st.text(alphabet=" aü\t\r\n\0\x85\xa0\xad\u2028\u2029\u200b\ud800", max_size=12)
)
def test_a_line_is_clean_by_the_short_way_too(text: str) -> None:
    assert headers.clean(text) == plainly_clean(text)


# Signatures

KEYS: tuple[PrivateKey, PrivateKey] = (
    generate_private_key(public_exponent=65537, key_size=1024),
    Ed25519PrivateKey.generate(),
)
RECORDS = {
    f"{name}._domainkey.example.org.".encode(): "".join(
        re.findall(r'"([^"]*)"', dkim.dns_record(key.public_key()))
    ).encode()
    for name, key in zip("re", KEYS, strict=True)
}


def plainly_signed(content: bytes, signers: Sequence[Signer], at: datetime) -> bytes:
    """`dkim.sign`, word for word as RFC 6376 has it, with nothing kept from one message to the next."""
    head, _, body = content.partition(b"\r\n\r\n")
    fields = [(line.partition(b":")[0].strip().lower().decode(), line) for line in re.split(rb"\r\n(?![ \t])", head)]

    def relaxed(field: bytes) -> bytes:
        name, _, value = field.partition(b":")
        return name.strip().lower() + b":" + re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip(b" ")

    def one(signer: Signer) -> bytes:
        header_form, body_form = signer.canonicalization.split("/")
        kept = re.sub(rb"[ \t]+(?=\r\n|\Z)", b"", body) if body_form == "relaxed" else body
        kept = re.sub(rb"[ \t]+", b" ", kept) if body_form == "relaxed" else kept
        kept = re.sub(rb"(\r\n)*\Z", b"", kept)
        hashed = kept + b"\r\n" if kept or body_form == "simple" else b""
        count = Counter(name for name, _ in fields)
        names = [name for name in dkim.SIGNED for _ in range(count[name.lower()] + (name in dkim.OVERSIGNED))]
        tags: list[str] = []
        line = ""
        for piece in [f"h={names[0]}", *(f":{name}" for name in names[1:])]:
            if line and len(line + piece) > 76:
                tags, line = [*tags, line], ""
            line += piece
        opening = f"DKIM-Signature: v=1; a={signer.algorithm}; c={signer.canonicalization}; t={int(at.timestamp())};"
        bh = base64.b64encode(hashlib.sha256(hashed).digest()).decode()
        lines = [opening, f"d={signer.domain};", f"s={signer.selector};", *tags, f"{line};", f"bh={bh};", "b="]
        unsigned = "\r\n ".join(lines).encode()
        left = list(fields)
        octets = b""
        for name in names:
            found = [number for number, field in enumerate(left) if field[0] == name.lower()]
            if found:
                field = left.pop(found[-1])[1]
                octets += (relaxed(field) if header_form == "relaxed" else field) + b"\r\n"
        octets += relaxed(unsigned) if header_form == "relaxed" else unsigned
        key = signer.key
        if isinstance(key, RSAPrivateKey):
            value = key.sign(octets, PKCS1v15(), SHA256())
        else:
            value = key.sign(hashlib.sha256(octets).digest())
        encoded = base64.b64encode(value).decode()
        rows = re.findall(".{1,77}", f"b={encoded}")
        return unsigned.removesuffix(b"b=") + "\r\n ".join(rows).encode() + b"\r\n"

    return b"".join(one(signer) for signer in signers) + content


VALUES = st.lists(
    st.sampled_from([b" ", b"  ", b"\t", b"\r\n ", b"\r\n\t", b"a", b"B=", b":", b"<x@y.org>", "ü".encode()]),
    max_size=8,
).map(lambda pieces: b"".join(pieces) + b".")
NAMES = st.sampled_from([*dkim.SIGNED[1:], "subject", "LIST-ID", "Precedence", "X-Odd"])
HEADERS = st.lists(st.builds(lambda name, value: name.encode() + b":" + value, NAMES, VALUES), max_size=12)
BODIES = st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"a", b"b=", b"=20", b"."]), max_size=30).map(
    lambda pieces: b"".join(pieces) + b"\r\n" * (len(pieces) % 4 > 0)
)


@settings(deadline=None, max_examples=150)
@given(
    HEADERS,
    BODIES,
    st.lists(st.tuples(st.sampled_from(range(2)), st.sampled_from(dkim.CANONICALIZATIONS)), max_size=3),
    st.integers(0, 1741737600).map(lambda second: datetime.fromtimestamp(second, UTC)),  # not in dkimpy's future
)
@example(
    [b"To: a@b.org", b"to: c@d.org"],
    b"",
    [(0, "relaxed/relaxed"), (1, "simple/simple")],
    datetime(2025, 3, 12, tzinfo=UTC),
)
def test_signatures_are_as_the_standard_writes_them(
    header: list[bytes], body: bytes, kinds: list[tuple[int, str]], at: datetime
) -> None:
    content = b"\r\n".join([b"From: a@example.org", *header, b"", body])
    signers = [Signer("example.org", "re"[which], KEYS[which], form) for which, form in kinds]
    found = dkim.signatures(content, signers, at)
    assert found + content == dkim.sign(content, signers, at) == plainly_signed(content, signers, at)
    verifier = dkimpy.DKIM(found + content)
    for number in range(len(signers) if body.endswith(b"\r\n") else 0):  # SMTP hands over no other
        assert verifier.verify(idx=number, dnsfunc=lambda name, timeout=5: RECORDS[name])
