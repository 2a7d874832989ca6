"""Several relays in `newsletter.toml`: what they take from `[smtp]`, where their passwords come from, what is wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from newsletter.errors import ConfigurationError
from newsletter.settings import Configuration, load, shipped

TWO = """
[[smtp.relays]]
name = "own"
host = "mail.example.org"
weight = 3

[[smtp.relays]]
name = "hired"
host = "smtp.example.net"
port = 465
security = "tls"
username = "us"
password = "of the table"
per_second = 0
"""
SHARED = 'username = "papers"\npassword = "of all"\nper_second = 20\nper_domain = 2.5\nport = 2525\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("newsletter.toml", "topics.toml", "subscribers.toml"):
        shutil.copyfile(shipped("config") / name, tmp_path / name)
    return tmp_path


def loaded(folder: Path, smtp: str, relays: str = TWO) -> Configuration:
    (folder / "newsletter.toml").write_text(f"[smtp]\n{smtp}\n{relays}", encoding="utf-8")
    return load(folder)


def faults(folder: Path, smtp: str, relays: str = TWO) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        loaded(folder, smtp, relays)
    return [str(fault) for fault in caught.value.faults]


def passwords(configuration: Configuration) -> dict[str, str | None]:
    relays = configuration.settings.smtp.each()
    return {one.name: one.password.get_secret_value() if one.password else None for one in relays}


def test_a_relay_has_of_smtp_what_it_does_not_say_itself(folder: Path) -> None:
    own, hired = loaded(folder, SHARED).settings.smtp.each()
    assert (own.name, own.host, own.port, own.security, own.weight) == ("own", "mail.example.org", 2525, "starttls", 3)
    assert (own.username, own.per_second, own.per_domain, own.connections) == ("papers", 20, 2.5, 5)
    assert (hired.name, hired.host, hired.port, hired.security, hired.weight) == (
        "hired",
        "smtp.example.net",
        465,
        "tls",
        1,
    )
    assert (hired.username, hired.per_second, hired.per_domain) == ("us", 0, 2.5)


def test_one_host_is_one_relay_and_none_is_none(folder: Path) -> None:
    [one] = loaded(folder, f'host = "smtp.example.org"\n{SHARED}', "").settings.smtp.each()
    assert (one.name, one.host, one.port, one.username, one.per_second) == (
        "smtp.example.org",
        "smtp.example.org",
        2525,
        "papers",
        20,
    )
    assert loaded(folder, SHARED, "").settings.smtp.each() == ()


def test_passwords_by_name_come_from_everywhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert passwords(loaded(folder, SHARED)) == {"own": "of all", "hired": "of the table"}
    by_name = f'{SHARED}passwords = {{ hired = "by name" }}'
    assert passwords(loaded(folder, by_name)) == {"own": "of all", "hired": "by name"}
    (folder / "secrets").mkdir()
    (folder / "secrets" / "smtp__passwords__hired").write_text("from the secret file\n")
    assert passwords(loaded(folder, by_name)) == {"own": "of all", "hired": "from the secret file"}
    monkeypatch.setenv("NEWSLETTER_SMTP__PASSWORDS__HIRED", "from the environment")
    monkeypatch.setenv("NEWSLETTER_SMTP__PASSWORDS__OWN", "own")
    configuration = loaded(folder, by_name)
    assert passwords(configuration) == {"own": "own", "hired": "from the environment"}
    assert not any(secret in str(configuration.origins) for secret in ("from the", "of the table", "of all", "by name"))


@pytest.mark.parametrize(
    ("smtp", "relays", "said"),
    [
        ('host = "x"', TWO, "newsletter.toml: smtp: host and relays exclude each other"),
        ("", TWO.replace('"hired"', '"own"'), "newsletter.toml: smtp.relays: two relays are named “own”"),
        ("", TWO.replace('"hired"', '"Hired One"'), "newsletter.toml: smtp.relays[2].name: must be lower-case"),
        ("", TWO.replace("port", "prt"), "newsletter.toml: smtp.relays[2].prt: there is no such setting; did you mean"),
        ("", TWO.replace('host = "mail.example.org"\n', ""), "newsletter.toml: smtp.relays[1].host: is missing"),
        ("", TWO.replace("weight = 3", "weight = 0"), "newsletter.toml: smtp.relays[1].weight: must be greater than 0"),
        ('passwords = { other = "x" }', TWO, "newsletter.toml: smtp: passwords names “other”"),
        ("passwords = { own = 3 }", TWO, "newsletter.toml: smtp.passwords.own: must be text in quotes"),
        ("", TWO.replace('"tls"', '"none"'), "newsletter.toml: smtp.relays[2]: a login never goes over an open line"),
        (
            'security = "none"',
            TWO.replace('security = "tls"\n', ""),
            "newsletter.toml: smtp.relays: the login of hired",
        ),
    ],
)
def test_what_is_wrong_with_relays_is_one_sentence(folder: Path, smtp: str, relays: str, said: str) -> None:
    [fault] = faults(folder, smtp, relays)
    assert fault.startswith(said)
