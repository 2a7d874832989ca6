"""Values of the three files that look like another kind of value: what they mean, or the sentence that refuses them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from newsletter.errors import ConfigurationError
from newsletter.settings import Configuration, load

PLAIN = {"newsletter.toml": "sources = []\n", "topics.toml": "", "subscribers.toml": ""}


def loaded(folder: Path, **texts: str) -> Configuration:
    for name, text in PLAIN.items():
        (folder / name).write_text(texts.get(name.removesuffix(".toml"), text), encoding="utf-8")
    return load(folder)


def said(folder: Path, **texts: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        loaded(folder, **texts)
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[keeping]\noutbox = true", "keeping.outbox: must be a whole number, not true"),
        ("[schedule]\nevery = true", "schedule.every: must be a whole number, not true"),
        ("[operator]\nsilence = false", "operator.silence: must be a number, not false"),
        ("[[smtp.relays]]\nname='a'\nhost='b'\nweight=true", "weight: must be a number, not true"),
        ("[[sources]]\nkind = 'listing'\nname = 'a'\nyear = true", "sources[1].year: must be a whole number, not true"),
        ("[schedule]\ngrace = nan", "schedule.grace: must be a finite number, not nan"),
        ("[smtp]\nper_second = inf", "smtp.per_second: must be a finite number, not inf"),
        ("[schedule]\ndays = []", 'schedule.days: must name at least one day, like ["mon"]'),
        ("[schedule]\ndays = ['mon', 'tue', 'mon']", "schedule.days: names “mon” twice"),
        ("[heartbeat]\nurl = 'hb.example'", "heartbeat.url: write an address with https:// or http://"),
        ("[llm]\nurl = 'localhost:11434/v1'", "llm.url: write an address with https:// or http://"),
        ("[site]\nurl = 'papers.example.org'", "site.url: write an address with https:// or http://"),
    ],
)
def test_a_value_of_another_kind_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    [fault] = said(tmp_path, newsletter=text)
    assert fault.startswith("newsletter.toml: ")
    assert sentence in fault


def test_a_reader_has_no_hour_named_true(tmp_path: Path) -> None:
    [fault] = said(tmp_path, subscribers="[[subscribers]]\naddress = 'a@example.org'\nhour = true")
    assert fault == "subscribers.toml: subscribers[1].hour: must be a whole number, not true"


@pytest.mark.parametrize(
    ("table", "key", "none"),
    [
        ("heartbeat", "url", None),
        ("operator", "address", None),
        ("llm", "url", None),
        ("site", "url", None),
        ("site", "operator_token", None),
        ("sender", "reply_to", None),
        ("bounces", "address", None),
        ("smtp", "host", None),
        ("email", "templates", None),
        ("dkim", "rsa_key", None),
        ("email", "postal_address", ""),
    ],
)
def test_an_empty_text_is_no_value(tmp_path: Path, table: str, key: str, none: Any) -> None:
    settings = loaded(tmp_path, newsletter=f'sources = []\n[{table}]\n{key} = ""').settings
    assert getattr(getattr(settings, table), key) == none


def test_without_a_host_mail_goes_to_the_local_mailbox(tmp_path: Path) -> None:
    assert loaded(tmp_path, newsletter='sources = []\n[smtp]\nhost = ""').settings.smtp.each() == ()


def test_the_environment_says_numbers_as_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {"KEEPING__OUTBOX": "3", "SCHEDULE__GRACE": "2.5", "EMAIL__THUMBNAILS": "true"}.items():
        monkeypatch.setenv(f"NEWSLETTER_{name}", text)
    settings = loaded(tmp_path).settings
    assert (settings.keeping.outbox, settings.schedule.grace, settings.email.thumbnails) == (3, 2.5, True)
    monkeypatch.setenv("NEWSLETTER_KEEPING__OUTBOX", "true")
    [fault] = said(tmp_path)
    assert "KEEPING__OUTBOX: must be a whole number, not “true”" in fault
