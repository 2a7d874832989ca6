"""The `[llm]` table."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.errors import ConfigurationError
from newsletter.settings import configuration_folder, load


def faults(tmp_path: Path, **tables: object) -> list[str]:
    try:
        load(configuration_folder(), {"state_dir": tmp_path, **tables})
    except ConfigurationError as error:
        return [str(fault) for fault in error.faults]
    return []


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:11434/v1",
        "http://127.0.0.1/v1",
        "http://[::1]:80/v1",
        "http://10.1.2.3/v1",
        "http://ollama:8000/v1",
    ],
)
def test_a_key_may_go_to_this_machine_and_its_neighbours(tmp_path: Path, url: str) -> None:
    llm = {"url": url, "model": "m", "key": "sk-secret"}
    assert faults(tmp_path, llm=llm, email={"summaries": "llm"}) == []


def test_the_endpoint_is_behind_the_url() -> None:
    for url in ("https://models.example/v1", "https://models.example/v1/"):
        settings = load(configuration_folder(), {"llm": {"url": url}}).settings
        assert settings.llm.endpoint == "https://models.example/v1/chat/completions"


@pytest.mark.parametrize(
    ("llm", "why"),
    [
        ({"url": "http://models.example/v1", "key": "sk-secret"}, "never goes over an open line"),
        ({"url": "http://8.8.8.8/v1", "key": "sk-secret"}, "never goes over an open line"),
        ({"url": "https://x.example/v1/chat/completions"}, "must end before /chat/completions"),
        ({"url": "https://me:sk-secret@x.example/v1"}, "the key has a setting of its own"),
        ({"url": "https://x.example/v1?key=sk-secret"}, "the key has a setting of its own"),
        ({"url": "ftp://x.example"}, "llm.url"),
        ({"key": "sk-secret\r\nX-Other: 1"}, "one word of plain ASCII"),
        ({"key": ["sk-secret"]}, "llm.key"),
        ({"seconds": 0}, "llm.seconds"),
        ({"budget": -1}, "llm.budget"),
        ({"tokens": 1}, "there is no such setting"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence_without_the_key(tmp_path: Path, llm: dict[str, object], why: str) -> None:
    [fault] = faults(tmp_path, llm=llm)
    assert why in fault
    assert "sk-secret" not in fault


def test_summaries_by_a_model_need_one(tmp_path: Path) -> None:
    for llm in ({}, {"url": "http://localhost/v1"}, {"model": "m"}):
        [fault] = faults(tmp_path, llm=llm, email={"summaries": "llm"})
        assert "email.summaries is “llm”, so [llm] needs url and model" in fault
