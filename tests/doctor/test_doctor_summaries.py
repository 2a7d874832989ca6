"""The doctor and the language model."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from model_server import ModelServer, completion, failure

from newsletter.doctor.findings import Health
from newsletter.doctor.summaries import summaries
from newsletter.settings import Settings, configuration_folder, load


@pytest.fixture
async def model() -> AsyncIterator[ModelServer]:
    async with ModelServer() as server:
        yield server


def configured(**tables: Any) -> Settings:
    return load(configuration_folder(), tables).settings


async def test_nothing_is_said_where_nothing_is_configured() -> None:
    assert await summaries(configured()) == []


async def test_a_model_that_summarises_is_well(model: ModelServer) -> None:
    model.says("Slowfall forecasts rain ten days ahead on a phone, in two seconds.")
    [found] = await summaries(configured(llm=model.settings(), email={"summaries": "llm"}))
    assert (found.health, found.sentence) == (Health.OK, "small-one summarised a paper in 66 characters.")
    [found] = await summaries(configured(llm=model.settings()))
    assert found.sentence.endswith("set email.summaries to “llm” to have it used.")


async def test_what_is_wrong_is_named_with_its_setting(model: ModelServer) -> None:
    [found] = await summaries(configured(llm={"url": model.url}))
    assert (found.health, "llm.model" in found.sentence) == (Health.FAIL, True)
    model.replies(completion("It is <b>great</b>, Slowfall forecasts rain on a phone in seconds."))
    [found] = await summaries(configured(llm=model.settings()))
    assert (found.health, "holds markup" in found.sentence) == (Health.WARN, True)
    model.replies(completion("Slowfall fore", finish="length"))
    [found] = await summaries(configured(llm=model.settings()))
    assert (found.health, "llm.max_tokens" in found.sentence) == (Health.WARN, True)
    model.replies(failure(404))
    [found] = await summaries(configured(llm=model.settings()))
    assert (found.health, "check llm.url and llm.model" in found.sentence) == (Health.FAIL, True)
    [found] = await summaries(configured(llm=model.settings(key="sk-wrong")))
    assert (found.health, found.sentence.endswith("check llm.key.")) == (Health.FAIL, True)
