"""Signatures: an independent verifier believes ours, and nothing that they cover can be changed."""

from __future__ import annotations

import base64
import binascii
import random
import re
import stat
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import dkim as dkimpy
import pytest
import typer
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPrivateNumbers,
    RSAPublicNumbers,
    generate_private_key,
    rsa_crt_dmp1,
    rsa_crt_dmq1,
    rsa_crt_iqmp,
)
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from newsletter.errors import ConfigurationError, NewsletterError
from newsletter.mail import dkim, mime
from newsletter.mail.dkim import CANONICALIZATIONS, OVERSIGNED, Signer, dns_record, load_signer, sign, verify
from newsletter.mail.dkim_canonical import relaxed_body, relaxed_header, simple_body, split
from newsletter.model import Message, Parts, ReaderLinks

WHEN = datetime(2025, 3, 12, 7, tzinfo=UTC)
DOMAIN = "papers.example.org"
LINKS = ReaderLinks(
    unsubscribe="https://papers.example.org/unsubscribe/7.abc",
    topics="https://papers.example.org/preferences/7.abc",
    web="https://papers.example.org/editions/2025-03-12",
    unsubscribe_header=("https://papers.example.org/unsubscribe/7.abc", "mailto:leave@papers.example.org"),
)
LETTERHEAD = mime.Letterhead(
    "Tägliche Papers",
    "news@papers.example.org",
    "Daily papers",
    "daily.papers.example.org",
    reply_to="editor@papers.example.org",
    owner="mailto:owner@papers.example.org",
    help="https://papers.example.org/help",
    archive="https://papers.example.org/editions",
)
PARTS = Parts(
    "Zwölf Papers: Mamba halves the cost",
    "",
    "<!DOCTYPE html>\n<html>\n<p>Zwölf  \t Papers </p>\n</html>\n" * 40,
    "Zwölf Papers  \n\tand a tab\n" * 40 + "\n\n\n",
    (),
)


@cache
def rsa_key(bits: int = 2048) -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=bits)


@cache
def ed25519_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def signers(canonicalization: str = "relaxed/relaxed") -> list[Signer]:
    return [
        Signer(DOMAIN, "rsa", rsa_key(), canonicalization),
        Signer(DOMAIN, "ed.2025", ed25519_key(), canonicalization),
    ]


KEYS = {(one.selector, one.domain): one.public_key for one in signers()}


@cache
def signed(canonicalization: str = "relaxed/relaxed", recipient: str = "ann@example.org") -> Message:
    return mime.build(
        PARTS,
        LETTERHEAD,
        recipient=recipient,
        recipient_name="Jörg Ünal",
        links=LINKS,
        message_id="<1@papers.example.org>",
        date=WHEN,
        signers=signers(canonicalization),
        one_click=True,
    )


def txt_records(made: Sequence[Signer]) -> dict[bytes, bytes]:
    """What the DNS would hold: the quoted strings of each record, joined as a resolver joins them."""
    return {
        f"{one.selector}._domainkey.{one.domain}.".encode(): "".join(
            re.findall(r'"([^"]*)"', dns_record(one.public_key))
        ).encode()
        for one in made
    }


def believed(content: bytes, records: Mapping[bytes, bytes]) -> list[bool]:
    """What dkimpy says of each signature, the top one first."""
    count = len(re.findall(rb"(?im)^dkim-signature:", content.partition(b"\r\n\r\n")[0]))
    try:
        verifier = dkimpy.DKIM(content)
    except dkimpy.DKIMException:
        return [False] * count

    def one(index: int) -> bool:
        try:
            return bool(verifier.verify(idx=index, dnsfunc=lambda name, timeout=5: records[name]))
        except (dkimpy.DKIMException, KeyError, binascii.Error):  # KeyError: no such record
            return False

    return [one(index) for index in range(count)]


RECORDS = txt_records(signers())


def field_lines(content: bytes) -> list[bytes]:
    return content.partition(b"\r\n\r\n")[0].split(b"\r\n")


@pytest.mark.parametrize("recipient", ["ann@example.org", "jürgen@straße.example.org"])
@pytest.mark.parametrize("canonicalization", CANONICALIZATIONS)
def test_an_independent_verifier_believes_both_signatures(canonicalization: str, recipient: str) -> None:
    content = signed(canonicalization, recipient).content
    assert believed(content, RECORDS) == [True, True]
    assert verify(content, KEYS) == []
    assert dkim.unprotected(content) == []
    assert f"a=rsa-sha256; c={canonicalization};".encode() in content
    assert f"a=ed25519-sha256; c={canonicalization};".encode() in content


def test_the_signature_names_what_matters_and_is_folded() -> None:
    content = signed().content
    for field in [field for name, field in split(content)[0] if name == "dkim-signature"]:
        lines = field.split(b"\r\n")
        assert max(map(len, lines)) <= 78
        assert all(line.startswith(b" ") for line in lines[1:])
        assert b"t=1741737600;" in field  # the beginning of the day: never in the future
        (listed,) = re.findall(rb"\sh=([^;]*);", field)
        names = re.sub(rb"\s", b"", listed).decode().split(":")
        present = [name for name, _ in split(content)[0]]
        for name in (
            *("From", "To", "Subject", "Date", "Reply-To", "Message-ID", "MIME-Version", "Content-Type", "List-Id"),
            *("List-Unsubscribe", "List-Unsubscribe-Post", "List-Help", "List-Owner", "List-Archive", "Archived-At"),
            *("List-Post", "Feedback-ID"),
        ):
            assert name.lower() in present
            assert names.count(name) == 1 + (name in OVERSIGNED)
        assert not re.search(rb"\bl=", field)
        assert not {"Precedence", "Return-Path", "Received"} & set(names)


def test_a_field_that_is_not_there_is_sealed_as_absent() -> None:
    plain = b"From: a@papers.example.org\r\nTo: b@example.org\r\n\r\nhello\r\n"
    content = sign(plain, signers(), WHEN)
    assert believed(content, RECORDS) == [True, True]
    assert believed(b"Reply-To: x@example.net\r\n" + content, RECORDS) == [False, False]
    assert believed(content.replace(b"\r\n\r\n", b"\r\nSubject: bought\r\n\r\n", 1), RECORDS) == [False, False]
    assert believed(b"X-Spam: no\r\n" + content, RECORDS) == [True, True]


def test_the_same_message_gets_the_same_signature() -> None:
    content = split_off_signatures(signed().content)
    dawn = WHEN.replace(hour=0)
    assert sign(content, signers(), dawn) == sign(content, signers(), dawn) == signed().content
    assert sign(content, [], WHEN) == content


def split_off_signatures(content: bytes) -> bytes:
    return re.sub(rb"\ADKIM-Signature:.*?\r\n(?=[!-~])", b"", re.sub(FIRST, b"", content), flags=re.DOTALL)


FIRST = re.compile(rb"\ADKIM-Signature:.*?\r\n(?=[!-~])", re.DOTALL)


@pytest.mark.parametrize("canonicalization", CANONICALIZATIONS)
@pytest.mark.parametrize("name", OVERSIGNED)
def test_a_second_field_breaks_the_signatures(name: str, canonicalization: str) -> None:
    content = signed(canonicalization).content
    forged = f"{name}: forged <x@example.net>\r\n".encode()
    for changed in (forged + content, content.replace(b"\r\n\r\n", b"\r\n" + forged + b"\r\n", 1)):
        assert believed(changed, RECORDS) == [False, False]
        assert len(verify(changed, KEYS)) == 2
        assert name in dkim.unprotected(changed)


@settings(deadline=None, max_examples=150)
@given(
    canonicalization=st.sampled_from(CANONICALIZATIONS),
    place=st.floats(min_value=0, max_value=1, exclude_max=True),
    octet=st.sampled_from(b"\x00\x01 \tAaz09=<>@;:\r\n\x7f\x80\xff"),
    insert=st.booleans(),
)
@example("relaxed/relaxed", 0.5, ord("A"), True)
def test_no_octet_that_is_signed_can_be_changed(canonicalization: str, place: float, octet: int, insert: bool) -> None:
    content = signed(canonicalization).content
    index = int(place * len(content))
    changed = content[:index] + bytes([octet]) + content[index + (not insert) :]
    if same_when_read(content, changed, canonicalization):
        return
    assert len(verify(changed, KEYS)) >= 1


def same_when_read(content: bytes, changed: bytes, canonicalization: str) -> bool:
    """Whether only what signatures leave open differs: white space, unsigned fields, the case of names."""
    try:
        before, after = split(content), split(changed)
    except ValueError:
        return False
    relaxed_head, relaxed_text = (form == "relaxed" for form in canonicalization.split("/"))
    same_body = relaxed_body if relaxed_text else simple_body

    def shown(fields: list[tuple[str, bytes]]) -> list[bytes]:
        # How the tags of a signature are spaced means nothing, but with "simple" it is signed.
        signed_names = {name.lower() for name in dkim.SIGNED} | {"dkim-signature"}
        kept = [(name, field) for name, field in fields if name in signed_names]
        return [
            re.sub(rb"\s", b"", field) if name == "dkim-signature" else relaxed_header(field) if relaxed_head else field
            for name, field in kept
        ]

    return shown(before[0]) == shown(after[0]) and same_body(before[1]) == same_body(after[1])


@pytest.mark.parametrize("canonicalization", CANONICALIZATIONS)
def test_both_verifiers_judge_alike(canonicalization: str) -> None:
    content = signed(canonicalization).content
    chance = random.Random(7)
    outcomes = set()
    for _ in range(150):
        index = chance.randrange(len(content))
        changed = content[:index] + bytes([chance.choice(b"Aa =;:<\t")]) + content[index + chance.randrange(2) :]
        if re.search(rb"\r(?!\n)|(?<!\r)\n", changed):
            continue  # SMTP cannot carry it, and dkimpy repairs it
        ours, theirs = verify(changed, KEYS), believed(changed, RECORDS)
        assert (ours == []) == (theirs == [True, True]), (index, ours)
        outcomes.add(ours == [])
    assert outcomes == {True, False}  # some changes touch nothing that is signed


def refolded(content: bytes) -> bytes:
    """As a relay may hand it on: lines folded elsewhere, names in another case, white space at the ends."""
    head, _, body = content.partition(b"\r\n\r\n")
    lines = []
    for line in re.split(rb"\r\n(?![ \t])", head):
        name, _, value = line.partition(b":")
        if name != b"DKIM-Signature":
            value = re.sub(rb"\s+", b"\r\n\t  ", value.strip()) + b"  "
        lines.append(name.upper() + b":  " + value)
    body = body.replace(b"\r\n", b" \t\r\n").replace(b"text/plain; ", b"text/plain;\t ") + b"\r\n \r\n\t\r\n"
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def test_relaxed_survives_what_relays_do_to_white_space() -> None:
    content = refolded(signed().content)
    assert content != signed().content
    assert believed(content, RECORDS) == [True, True]
    assert verify(content, KEYS) == []


@pytest.mark.parametrize("canonicalization", ["relaxed/simple", "simple/simple"])
def test_simple_does_not(canonicalization: str) -> None:
    content = refolded(signed(canonicalization).content)
    assert believed(content, RECORDS) == [False, False]
    assert len(verify(content, KEYS)) == 2


@pytest.mark.parametrize(
    ("body", "simple", "relaxed"),
    [
        (b"", b"\r\n", b""),
        (b"\r\n", b"\r\n", b""),
        (b"\r\n\r\n\r\n", b"\r\n", b""),
        (b" \r\n\t\r\n", b" \r\n\t\r\n", b""),
        (b"a", b"a\r\n", b"a\r\n"),
        (b"a\r\n\r\n\r\n", b"a\r\n", b"a\r\n"),
        (b"a\r\n \r\n\r\n", b"a\r\n \r\n", b"a\r\n"),
        (b" C \r\nD \t E\r\n\r\n\r\n", b" C \r\nD \t E\r\n", b" C\r\nD E\r\n"),  # the example of section 3.4.6
        (b"\r\n\r\na  \t  b\t \r\nc  ", b"\r\n\r\na  \t  b\t \r\nc  \r\n", b"\r\n\r\na b\r\nc\r\n"),
        (b"\r\ra\n\n\r\n", b"\r\ra\n\n\r\n", b"\r\ra\n\n\r\n"),
    ],
)
def test_canonical_bodies(body: bytes, simple: bytes, relaxed: bytes) -> None:
    assert (simple_body(body), relaxed_body(body)) == (simple, relaxed)


def test_canonical_headers() -> None:
    assert relaxed_header(b"A: X") == b"a:X"  # both are the examples of section 3.4.6
    assert relaxed_header(b"B : Y\t\r\n\tZ  ") == b"b:Y Z"
    fields, body = split(b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\n")
    assert (fields, body) == ([("a", b"A: X"), ("b", b"B : Y\t\r\n\tZ  ")], b" C \r\n")
    assert split(b"A: X\r\n") == ([("a", b"A: X")], b"")
    assert split(b"\r\nbody") == ([], b"body")
    with pytest.raises(ValueError, match="no field"):
        split(b"A: X\r\nno colon here\r\n\r\n")


@pytest.mark.parametrize("canonicalization", CANONICALIZATIONS)
@pytest.mark.parametrize("body", [b"", b"\r\n", b"\r\n\r\n", b"a\r\n\r\n\r\n", b" \r\n\t\r\n", b"a \t b \r\n"])
def test_odd_bodies_verify(body: bytes, canonicalization: str) -> None:
    content = sign(b"From: a@papers.example.org\r\n\r\n" + body, signers(canonicalization), WHEN)
    assert believed(content, RECORDS) == [True, True]
    assert verify(content, KEYS) == []
    assert believed(content + b"\r\n\r\n", RECORDS) == [True, True]  # empty lines at the end are never signed
    assert believed(content + b"x", RECORDS) == [False, False]


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"a", b"b=", b"\x85", "ü".encode()]), max_size=30),
    st.sampled_from(CANONICALIZATIONS),
)
def test_any_body_and_any_white_space_verifies(pieces: list[bytes], canonicalization: str) -> None:
    text = b"".join(pieces)
    subject = re.sub(rb"(\r\n)+", b"\r\n ", text).strip() + b"."
    content = b"From: a@papers.example.org\r\nSubject: " + subject + b"\r\n\r\n" + text + b"\r\n"
    content = sign(content, signers(canonicalization)[1:], WHEN)
    assert believed(content, RECORDS) == [True]
    assert [fault for fault in verify(content, KEYS) if "ed.2025" in fault] == []


@pytest.mark.parametrize("algorithm", [b"rsa-sha256", b"ed25519-sha256"])
@pytest.mark.parametrize("form", [b"relaxed", b"simple"])
def test_we_believe_what_others_sign(algorithm: bytes, form: bytes) -> None:
    content = split_off_signatures(signed().content)
    rsa = algorithm.startswith(b"rsa")
    one = signers()[0 if rsa else 1]
    private = (
        rsa_key().private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        if rsa
        else base64.b64encode(ed25519_key().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))
    )
    field = dkimpy.sign(
        content,
        one.selector.encode(),
        DOMAIN.encode(),
        private,
        canonicalize=(form, form),
        signature_algorithm=algorithm,
    )
    keys = {(one.selector, DOMAIN): one.public_key}
    assert verify(field + content, keys) == []
    assert len(verify(field + content.replace(b"Mamba", b"Mambo").replace(b"Subject: ", b"Subject: x"), keys)) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((b"v=1;", b"v=2;"), "of a kind"),
        ((b"a=rsa-sha256", b"a=rsa-sha1"), "of a kind"),
        ((b"a=rsa-sha256", b"a=ed25519-sha256"), "of a kind"),
        ((b"c=relaxed/relaxed", b"c=odd/relaxed"), "of a kind"),
        ((b"d=papers.example.org", b"d=example.net"), "not ours"),
        ((b"s=rsa;", b"s=none;"), "not ours"),
        ((b"s=rsa;", b"s=rsa; l=10;"), "unsigned"),
        ((b"s=rsa;", b"s=rsa; s=rsa;"), "cannot be read"),
        ((b"s=rsa;", b""), "lacks s="),
        ((b"h=From:From", b"h=To"), "does not cover From"),
        ((b"t=1741762800;", b"t=1741762801;"), "does not fit"),
        ((b" b=", b" b=!"), "does not fit"),
        ((b"</html>", b"</htmI>"), "another body"),
        ((b"<news@", b"<new@"), "does not fit"),
    ],
)
def test_what_is_wrong_is_named(change: tuple[bytes, bytes], said: str) -> None:
    content = split_off_signatures(signed().content)
    keys = {("rsa", DOMAIN): rsa_key().public_key()}
    content = sign(content, signers()[:1], WHEN)
    assert change[0] in content
    found = verify(content.replace(change[0], change[1], 1), keys)
    assert said in found[0]


def test_a_key_that_did_not_sign_is_missed() -> None:
    content = split_off_signatures(signed().content)
    assert verify(content, {}) == []
    assert verify(content, KEYS) == [
        "there is no DKIM signature of rsa._domainkey.papers.example.org",
        "there is no DKIM signature of ed.2025._domainkey.papers.example.org",
    ]
    assert "cannot be looked for" in verify(b"no header\r\n\r\n", KEYS)[0]


def test_the_dns_knows_no_case() -> None:
    signer = Signer("Papers.Example.ORG", "Ed", ed25519_key())
    content = sign(b"From: a@papers.example.org\r\n\r\n", [signer], WHEN)
    for name in (("Ed", "Papers.Example.ORG"), ("ed", "papers.example.org")):
        assert verify(content, {name: signer.public_key}) == []


def test_a_weak_key_is_not_believed_and_not_used() -> None:
    with pytest.raises(ValueError, match="512 bits"):
        Signer(DOMAIN, "rsa", weak_key())
    content = sign(b"From: a@papers.example.org\r\n\r\n", signers()[:1], WHEN)
    assert "only 512 bits" in verify(content, {("rsa", DOMAIN): weak_key().public_key()})[0]


@cache
def weak_key() -> RSAPrivateKey:
    """512 bits, from numbers, because nothing makes such a key any more."""
    p, q, e = 2**255 + 95, 2**256 - 189, 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    public = RSAPublicNumbers(e, p * q)
    parts = (rsa_crt_dmp1(d, p), rsa_crt_dmq1(d, q), rsa_crt_iqmp(p, q))
    return RSAPrivateNumbers(p, q, d, *parts, public).private_key(unsafe_skip_rsa_key_validation=True)


@pytest.mark.parametrize(
    ("domain", "selector", "canonicalization"),
    [
        ("papers.example.org; x=1", "rsa", "relaxed/relaxed"),
        ("papers.example.org", "rsa\r\nBcc: x@y.org", "relaxed/relaxed"),
        ("", "rsa", "relaxed/relaxed"),
        ("papers.example.org", "", "relaxed/relaxed"),
        ("papers.example.org", "-rsa", "relaxed/relaxed"),
        ("straße.example.org", "rsa", "relaxed/relaxed"),
        ("papers.example.org", "rsa", "strict/strict"),
    ],
)
def test_a_signer_that_nobody_could_believe_is_not_made(domain: str, selector: str, canonicalization: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be a DKIM|is none of"):
        Signer(domain, selector, ed25519_key(), canonicalization)


def test_long_names_fold_as_far_as_they_can() -> None:
    signer = Signer(f"{'d' * 60}.{'e' * 60}.example.org", "selector." * 9 + "x", ed25519_key())
    content = sign(b"From: a@papers.example.org\r\n\r\nhello\r\n", [signer], WHEN)
    assert believed(content, txt_records([signer])) == [True]


def pem(key: RSAPrivateKey | Ed25519PrivateKey | ec.EllipticCurvePrivateKey, passphrase: bytes = b"") -> bytes:
    how: KeySerializationEncryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (pem(ed25519_key(), b"secret"), "encrypted"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "neither RSA nor Ed25519"),
        (
            ed25519_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "no private key in PEM",
        ),
        (b"", "no private key in PEM"),
        (b"\xff\x00 rubbish", "no private key in PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no private key in PEM"),
    ],
)
def test_a_file_that_is_no_key_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=said) as caught:
        load_signer(path, DOMAIN, "rsa")
    assert str(caught.value).startswith(f"{path}: cannot sign for {DOMAIN}: ")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no such file; `newsletter dkim new` makes one"):
        load_signer(tmp_path / "none.pem", DOMAIN, "rsa")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_signer(tmp_path, DOMAIN, "rsa")


def test_names_that_cannot_stand_in_the_dns_are_named(tmp_path: Path) -> None:
    path = dkim.new_keys(tmp_path)[1].path
    for domain, selector, said in (("no domain", "s", "e-mail address"), (DOMAIN, "s s", "cannot be a DKIM selector")):
        with pytest.raises(ConfigurationError, match=said):
            load_signer(path, domain, selector)


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_keys_of_other_programs_are_taken(tmp_path: Path, form: PrivateFormat) -> None:
    path = tmp_path / "mail.private"
    path.write_bytes(rsa_key(1024).private_bytes(Encoding.PEM, form, NoEncryption()))
    signer = load_signer(path, "Straße.Example.org", "mail", "simple/simple")
    assert signer.domain == "xn--strae-oqa.example.org"
    content = sign(b"From: a@b.org\r\n\r\nhello\r\n", [signer], WHEN)
    assert believed(content, txt_records([signer])) == [True]


def test_new_keys_are_private_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "dkim"
    rsa, ed25519 = dkim.new_keys(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    made = [load_signer(key.path, DOMAIN, key.kind) for key in (rsa, ed25519)]
    for key, signer in zip((rsa, ed25519), made, strict=True):
        assert stat.S_IMODE(key.path.stat().st_mode) == 0o600
        assert not dkim.readable_by_others(key.path)
        assert dns_record(key.public_key) == dns_record(signer.public_key)
    assert [signer.algorithm for signer in made] == ["rsa-sha256", "ed25519-sha256"]
    assert isinstance(made[0].key, RSAPrivateKey)
    assert made[0].key.key_size == 2048
    content = sign(b"From: a@b.org\r\n\r\nhello\r\n", made, WHEN)
    assert believed(content, txt_records(made)) == [True, True]
    before = [key.path.read_bytes() for key in (rsa, ed25519)]
    rsa.path.unlink()
    with pytest.raises(NewsletterError, match=r"ed25519\.pem is there already"):
        dkim.new_keys(folder)
    assert not rsa.path.exists()
    assert ed25519.path.read_bytes() == before[1]
    ed25519.path.chmod(0o640)
    assert dkim.readable_by_others(ed25519.path)


def test_keys_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NewsletterError, match="cannot be written"):
        dkim.new_keys(tmp_path / "file" / "dkim")


def test_dns_records() -> None:
    for one, kind in zip(signers(), ("rsa", "ed25519"), strict=True):
        strings = re.findall(r'"([^"]*)"', dns_record(one.public_key))
        assert " ".join(f'"{string}"' for string in strings) == dns_record(one.public_key)
        assert all(0 < len(string) <= 255 for string in strings)
        assert "".join(strings).startswith(f"v=DKIM1; k={kind}; p=")
    assert len(dns_record(signers()[1].public_key)) < 80


def command_line(*arguments: str, folder: Path) -> tuple[int, str]:
    from newsletter.cli import dkim as dkim_command

    app = typer.Typer()
    app.add_typer(dkim_command.app, name="dkim")
    result = CliRunner().invoke(app, ["dkim", "new", *arguments], obj=folder)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration of one's own."""
    files = {
        "newsletter.toml": '[sender]\naddress = "news@straße.example.org"\n',
        "topics.toml": "",
        "subscribers.toml": "",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_what_the_command_prints_is_what_makes_the_mail_signed(folder: Path) -> None:
    from newsletter.settings import load

    code, output = command_line(folder=folder)
    assert code == 0
    records = dict(re.findall(r"^(\S+) TXT (.+)$", output, re.MULTILINE))
    assert set(records) == {f"{name}._domainkey.xn--strae-oqa.example.org." for name in ("rsa", "ed25519")}
    file = folder / "newsletter.toml"
    file.write_text(file.read_text(encoding="utf-8") + "\n" + output[output.index("[dkim]") :], encoding="utf-8")
    table = load(folder).settings.dkim
    assert (table.rsa_key, table.ed25519_key) == (folder / "var/dkim/rsa.pem", folder / "var/dkim/ed25519.pem")
    pairs = ((table.rsa_key, table.rsa_selector), (table.ed25519_key, table.ed25519_selector))
    made = [load_signer(path, table.domain, selector) for path, selector in pairs if path]
    content = sign(b"From: a@b.org\r\n\r\nhello\r\n", made, WHEN)
    published = {name.encode(): "".join(re.findall(r'"([^"]*)"', text)).encode() for name, text in records.items()}
    assert believed(content, published) == [True, True]


def test_the_command_never_overwrites(folder: Path) -> None:
    command_line("--folder", str(folder / "a 'b' keys"), "--domain", "papers.example.org", folder=folder)
    before = (folder / "a 'b' keys" / "rsa.pem").read_bytes()
    with pytest.raises(NewsletterError, match="is there already"):
        command_line("--folder", str(folder / "a 'b' keys"), folder=folder)
    assert (folder / "a 'b' keys" / "rsa.pem").read_bytes() == before


def test_the_command_refuses_what_is_no_domain(folder: Path) -> None:
    code, output = command_line("--domain", "not a domain", folder=folder)
    assert code == 2
    assert "is not a domain" in output
    assert not (folder / "var").exists()
