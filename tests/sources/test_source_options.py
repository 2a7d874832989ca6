"""What the options that several sources share refuse, in which words."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from newsletter.sources.arxiv.source import ArxivOptions
from newsletter.sources.options import NetworkOptions

ARXIV: dict[str, Any] = {"kind": "arxiv", "name": "papers", "categories": ["cs.CL"]}


@pytest.mark.parametrize("day", ["soon", "25.12.2026", "2026-13-01", "", None, [], 3.5])
def test_what_is_no_date(day: object) -> None:
    with pytest.raises(ValidationError) as caught:
        ArxivOptions.model_validate(ARXIV | {"holidays": ["2026-12-24", day]})
    (error,) = caught.value.errors()
    assert (error["loc"], error["msg"]) == (("holidays", 1), "Value error, write a date like 2026-12-25")


def test_dates_as_text_and_as_such() -> None:
    options = ArxivOptions.model_validate(ARXIV | {"holidays": ["2026-12-24", date(2026, 12, 25)]})
    assert options.holidays == (date(2026, 12, 24), date(2026, 12, 25))


@pytest.mark.parametrize("url", ["mirror.example", "ftp://mirror.example", "//mirror.example", "https://", "", 7, []])
@pytest.mark.parametrize("option", ["base_url", "api_url"])
def test_what_is_no_address(option: str, url: object) -> None:
    with pytest.raises(ValidationError) as caught:
        ArxivOptions.model_validate(ARXIV | {option: url})
    (error,) = caught.value.errors()
    assert error["loc"] == (option,)
    assert "write an address with https:// or http://" in error["msg"]


def test_a_mirror_has_no_question_in_its_address() -> None:
    with pytest.raises(ValidationError, match=r"without \? and #"):
        NetworkOptions(kind="x", name="x", base_url="https://mirror.example/?a=b")  # type: ignore[arg-type]  # text, as in the file


@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file or directory"), (b"\xff\xfe", "it is no UTF-8 text")]
)
def test_a_token_file_that_cannot_be_read_is_named_once(tmp_path: Path, content: bytes | None, why: str) -> None:
    file = tmp_path / "token"
    if content:
        file.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read") as caught:
        NetworkOptions(kind="x", name="x", token_file=file).secret()
    assert str(caught.value) == f"the token_file {file} cannot be read: {why}"
