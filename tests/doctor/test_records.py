"""What the doctor reads in the DNS, from a server with records of ours."""

from __future__ import annotations

import re
import time
from pathlib import Path

import dns.asyncresolver
import pytest
from names import Zone, resolving

from newsletter.doctor import records as module
from newsletter.doctor.findings import Finding, Health
from newsletter.doctor.records import records
from newsletter.mail.dkim import dns_record, new_keys
from newsletter.settings import Settings

GOOD: dict[tuple[str, str], list[str]] = {
    ("net", "NS"): ["a.nic.net."],
    ("papers.net", "MX"): ["10 mx.papers.net."],
    ("papers.net", "TXT"): ['"google-site=1"', '"v=spf1 include:relay.net " "-all"'],
    ("_dmarc.papers.net", "TXT"): ['"v=DMARC1; p=none; rua=mailto:d@papers.net"'],
}


def settings(**tables: dict[str, object]) -> Settings:
    return Settings.model_validate({"sender": {"address": "daily@papers.net"}, **tables})


async def found(zone: Zone | None, **tables: dict[str, object]) -> dict[str, Finding]:
    async with resolving(zone) as resolver:
        return {one.name: one for one in await records(settings(**tables), lambda: resolver)}


async def test_a_domain_as_it_should_be(tmp_path: Path) -> None:
    rsa, ed = new_keys(tmp_path)
    zone = GOOD | {
        ("rsa._domainkey.papers.net", "TXT"): [dns_record(rsa.public_key)],
        ("ed25519._domainkey.papers.net", "TXT"): [dns_record(ed.public_key)],
    }
    keys = {"rsa_key": rsa.path, "ed25519_key": ed.path}
    answers = await found(zone, dkim=keys)
    assert {name: one.health for name, one in answers.items()} == dict.fromkeys(answers, Health.OK), answers
    assert "v=spf1 include:relay.net -all" in answers["SPF"].sentence


async def test_keys_that_are_not_the_published_ones(tmp_path: Path) -> None:
    for name in ("mine", "others"):
        (tmp_path / name).mkdir()
    rsa, ed = new_keys(tmp_path / "mine")
    other, _ = new_keys(tmp_path / "others")
    answers = await found(GOOD, dkim={"rsa_key": rsa.path})
    assert answers["DKIM"].health is Health.FAIL
    assert "rsa._domainkey.papers.net has no key" in answers["DKIM"].sentence
    zone = GOOD | {("rsa._domainkey.papers.net", "TXT"): [dns_record(other.public_key)]}
    answers = await found(zone, dkim={"rsa_key": rsa.path})
    assert answers["DKIM"].health is Health.FAIL
    assert "another key than dkim.rsa_key" in answers["DKIM"].sentence
    zone = GOOD | {("s1._domainkey.mail.papers.net", "TXT"): [dns_record(ed.public_key)]}
    there = {"ed25519_key": ed.path, "ed25519_selector": "s1", "domain": "mail.papers.net"}
    assert (await found(zone, dkim=there))["DKIM"].health is Health.OK
    answers = await found(GOOD, dkim={"rsa_key": tmp_path / "nowhere.pem"})
    assert answers["DKIM"].health is Health.FAIL
    assert "dkim.rsa_key" in answers["DKIM"].sentence


@pytest.mark.parametrize(
    ("name", "change", "health", "says"),
    [
        ("domain", {("papers.net", "MX"): []}, Health.FAIL, "takes no mail"),
        ("domain", {("papers.net", "MX"): ["0 ."]}, Health.FAIL, "takes no mail"),
        ("domain", {("papers.net", "MX"): [], ("papers.net", "A"): ["192.0.2.1"]}, Health.OK, "takes mail"),
        ("SPF", {("papers.net", "TXT"): ['"v=spf10 x"']}, Health.WARN, "does not say who may send"),
        ("SPF", {("papers.net", "TXT"): ['"v=spf1 -all"', '"v=spf1 mx -all"']}, Health.FAIL, "2 SPF records"),
        ("SPF", {("papers.net", "TXT"): ['"v=spf1 mx +all"']}, Health.WARN, "everybody"),
        ("SPF", {("papers.net", "TXT"): ['"v=spf1 mx all"']}, Health.WARN, "everybody"),
        ("SPF", {("papers.net", "TXT"): ['"v=spf1 mx ~all"']}, Health.OK, "~all"),
        ("DKIM", {}, Health.WARN, "newsletter dkim new"),
        ("DMARC", {("_dmarc.papers.net", "TXT"): []}, Health.WARN, "no DMARC record"),
        ("DMARC", {("_dmarc.papers.net", "TXT"): ['"v=DMARC1; rua=x"']}, Health.WARN, "no policy"),
        ("DMARC", {("_dmarc.papers.net", "TXT"): ['"v=DMARC1; p=none"'] * 2}, Health.OK, "p=none"),
        (
            "DMARC",
            {("_dmarc.papers.net", "TXT"): ['"v=DMARC1; p=none"', '"v=DMARC1; p=reject"']},
            Health.FAIL,
            "2 records",
        ),
    ],
)
async def test_what_is_wrong_is_named(
    name: str, change: dict[tuple[str, str], list[str]], health: Health, says: str
) -> None:
    one = (await found({**GOOD, **change}))[name]
    assert one.health is health, one
    assert says in one.sentence


async def test_a_subdomain_has_the_dmarc_record_of_the_domain_above() -> None:
    answers = await found(GOOD, sender={"address": "daily@news.papers.net"})
    assert answers["DMARC"].health is Health.OK
    assert "_dmarc.papers.net" in answers["DMARC"].sentence


async def test_the_envelope_domain_is_what_spf_is_about() -> None:
    answers = await found(GOOD, bounces={"address": "b@bounces.papers.net"})
    assert "bounces.papers.net does not say who may send" in answers["SPF"].sentence
    assert "bounces.papers.net takes no mail" in answers["domain"].sentence


async def test_the_relay_signs() -> None:
    assert (await found(GOOD, dkim={"by_relay": True}))["DKIM"].health is Health.UNCHECKED


async def test_an_international_domain_is_asked_for_in_ascii() -> None:
    zone = {("net", "NS"): ["a.nic.net."], ("xn--bcher-kva.net", "MX"): ["1 mx.net."]}
    assert (await found(zone, sender={"address": "a@bücher.net"}))["domain"].health is Health.OK


async def test_a_sample_address_is_not_asked_for() -> None:
    answers = await found(None, sender={"address": "papers@example.org"})
    assert {one.health for one in answers.values()} == {Health.UNCHECKED}
    assert "sender.address" in answers["SPF"].sentence


async def test_silence_fails_nothing_and_takes_three_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.PATIENCE == 3.0
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    began = time.monotonic()
    answers = await found(None)
    assert time.monotonic() - began < 1.5
    assert {one.health for one in answers.values()} == {Health.UNCHECKED}
    assert {one.sentence for one in answers.values()} == {"DNS did not answer."}


async def test_a_machine_without_dns_servers_fails_nothing() -> None:
    answers = await records(settings(), lambda: dns.asyncresolver.Resolver(configure=False))
    assert {one.health for one in answers} == {Health.UNCHECKED}


async def test_a_server_that_denies_every_name_is_not_believed() -> None:
    answers = await found({})
    assert {one.health for one in answers.values()} == {Health.UNCHECKED}
    assert ".net" in answers["domain"].sentence


async def test_hostile_records_stay_on_one_short_line() -> None:
    zone = GOOD | {("papers.net", "TXT"): ['"v=spf1 \\027[31m\\010' + "x" * 120 + '" "' + "y" * 200 + '"']}
    sentence = (await found(zone))["SPF"].sentence
    assert len(sentence) < 200
    assert sentence.isprintable()
    assert not re.search(r"[\x00-\x1f]", sentence)
