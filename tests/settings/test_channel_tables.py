"""The `[[channels]]` tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from newsletter.errors import ConfigurationError
from newsletter.model import Rhythm
from newsletter.settings import Settings, configuration_folder, load

TOKEN = "s3cr3ttoken123"
LAB = {"name": "lab", "url": f"json://example.org/{TOKEN}"}


def faults(**flags: Any) -> list[str]:
    try:
        load(configuration_folder(), flags)
    except ConfigurationError as error:
        return [str(fault) for fault in error.faults]
    return []


def configured(**flags: Any) -> Settings:
    return load(configuration_folder(), flags).settings


def test_a_channel_is_daily_and_of_five_papers_unless_it_says_more() -> None:
    [lab] = configured(channels=[LAB]).channels
    assert (lab.topics, lab.rhythm, lab.papers) == ((), Rhythm.DAILY, 5)
    assert lab.url
    assert lab.url.get_secret_value() == LAB["url"]


def test_urls_come_from_the_environment_and_from_secret_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_CHANNELS", json.dumps([{"name": "lab"}, {"name": "club"}]))
    monkeypatch.setenv("NEWSLETTER_CHANNEL_URLS__LAB", "json://lab.example")
    (tmp_path / "channel_urls__club").write_text("json://club.example")
    monkeypatch.setenv("NEWSLETTER_SECRETS_DIR", str(tmp_path))
    found = {one.name: one.url.get_secret_value() for one in configured().channels if one.url}
    assert found == {"lab": "json://lab.example", "club": "json://club.example"}


def test_no_token_is_shown() -> None:
    settings = configured(channels=[LAB], channel_urls={"lab": f"json://x/{TOKEN}"})
    shown = repr(settings) + settings.model_dump_json()
    shown += "".join(str(one.value) for one in load(configuration_folder(), {"channels": [LAB]}).origins)
    assert TOKEN not in shown


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        ({"channels": [LAB, LAB]}, "two channels are named “lab”"),
        ({"channels": [{"name": "lab"}]}, "the channel “lab” needs a url, in its table or in channel_urls"),
        ({"channels": [LAB], "channel_urls": {"club": "json://x"}}, "channel_urls names “club”, and there is no"),
        ({"channels": [LAB | {"url": TOKEN}]}, "must be an Apprise URL like slack://... or discord://..."),
        ({"channels": [LAB | {"url": f"json://x/{TOKEN}\n"}]}, "must be an Apprise URL"),
        ({"channels": [LAB], "channel_urls": f"json://x/{TOKEN}"}, "channel_urls: must be a table"),
        ({"channels": [LAB | {"url": ""}]}, "the channel “lab” needs a url, in its table or in channel_urls"),
        ({"channels": [{"name": "lab"}], "channel_urls": {"lab": ""}}, "the channel “lab” needs a url"),
        ({"channels": [LAB | {"topics": ["neural-feilds"]}]}, "channels[1].topics: there is no topic “neural-feilds”"),
        ({"channels": [LAB | {"rhythm": "hourly"}]}, "channels[1].rhythm: must be one of"),
        ({"channels": [LAB | {"papers": 0}]}, "channels[1].papers: "),
        ({"channels": [LAB | {"name": "My Lab"}]}, "must be lower-case letters"),
        ({"channels": [LAB | {"colour": "red"}]}, "there is no such setting"),
        ({"channels": "lab"}, "channels: must be a list"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence_without_the_token(flags: dict[str, Any], why: str) -> None:
    [fault] = faults(**flags)
    assert why in fault
    assert TOKEN not in fault


TWO_CHANNELS = '[[channels]]\nname = "one"\n[[channels]]\nname = "two"\n[channel_urls]\none = "json://x"\n'


def folder_saying(text: str, folder: Path) -> Path:
    for name, said in (("newsletter.toml", text), ("topics.toml", ""), ("subscribers.toml", "")):
        (folder / name).write_text(said)
    return folder


def only_fault(folder: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(folder)
    [fault] = caught.value.faults
    return str(fault)


def test_a_url_that_is_none_is_named_by_its_key_where_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = f"json://x/{TOKEN}, json://y/{TOKEN}"
    sentence = "must be an Apprise URL like slack://... or discord://..., on one line"
    folder = folder_saying(f'{TWO_CHANNELS}two = "{wrong}"\n', tmp_path)
    assert only_fault(folder) == f"newsletter.toml: channel_urls.two: {sentence}"
    (folder / "secrets").mkdir()
    (folder / "secrets" / "channel_urls__two").write_text(wrong)
    assert only_fault(folder) == f"secret file: channel_urls.two: {sentence}"
    monkeypatch.setenv("NEWSLETTER_CHANNEL_URLS__TWO", wrong)
    assert only_fault(folder) == f"environment: NEWSLETTER_CHANNEL_URLS__TWO: {sentence}"


def test_an_empty_url_is_none_so_that_the_channels_own_counts() -> None:
    [lab] = configured(channels=[LAB], channel_urls={"lab": ""}).channels
    assert lab.url
    assert lab.url.get_secret_value() == LAB["url"]
