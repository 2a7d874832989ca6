"""A language model over HTTP: a real server with every fault that those have."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest
from model_server import KEY, PATH, ModelServer, completion, failure
from web_server import Reply

from newsletter.errors import ModelError
from newsletter.sources.web import completions
from newsletter.sources.web.completions import LARGEST, Completions, opened_completions

QUESTION = json.dumps({"title": "T", "abstract": "A"})


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completions, "FIRST_WAIT", 0.0)


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with ModelServer() as model:
        yield model


@pytest.fixture
async def model(server: ModelServer) -> AsyncIterator[Completions]:
    async with opened(server) as made:
        yield made


def opened(server: ModelServer, key: str | None = KEY) -> AbstractAsyncContextManager[Completions]:
    url = f"{server.url}/chat/completions"
    return opened_completions(url=url, key=key, model="small", max_tokens=50, contact="mailto:me@x.org")


async def test_the_answer_and_what_it_cost(server: ModelServer, model: Completions) -> None:
    server.replies(completion("It works.", tokens=77))
    draft = await model.write("Do it.", QUESTION, 30)
    assert (draft.text, draft.tokens, draft.flaw) == ("It works.", 77, "")
    [request] = server.web.requests
    assert (request.method, request.headers["authorization"]) == ("POST", f"Bearer {KEY}")
    assert request.headers["user-agent"].endswith("(+mailto:me@x.org)")
    assert json.loads(request.body) == {
        "model": "small",
        "max_tokens": 50,
        "temperature": 0,
        "messages": [{"role": "system", "content": "Do it."}, {"role": "user", "content": QUESTION}],
    }


@pytest.mark.parametrize("tokens", [None, "many", -5, 10**12, True, 1.5])
async def test_tokens_that_cannot_be_are_guessed(server: ModelServer, model: Completions, tokens: object) -> None:
    server.replies(completion("It works.", tokens=tokens))
    assert (await model.write("Do it.", QUESTION, 30)).tokens == model.most("Do it.", QUESTION) > 50


@pytest.mark.parametrize(
    ("reply", "flaw"),
    [
        (completion("Half a sent", finish="length"), "cut off"),
        (completion("", finish="content_filter"), "refusal"),
        (completion(None, refusal="I will not."), "refusal"),
    ],
)
async def test_an_answer_without_a_summary_says_so(
    server: ModelServer, model: Completions, reply: Reply, flaw: str
) -> None:
    server.replies(reply)
    draft = await model.write("Do it.", QUESTION, 30)
    assert draft.text == ""
    assert flaw in draft.flaw
    assert len(server.web.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b"<html>proxy</html>"),
        Reply(body=b"[1, 2]"),
        Reply(body=b"{}"),
        Reply(body=b'"choices"'),
        Reply(body=b'{"choices": []}'),
        Reply(body=b'{"choices": [{"message": null}]}'),
        Reply(body=b"[" * 100_000),
        Reply(body=b" " * (LARGEST + 1)),
        Reply(body=b"\xff\xfe{}"),
        completion(None),
        completion([{"type": "text"}]),
    ],
)
async def test_what_is_not_in_the_form_of_the_api_is_no_answer(
    server: ModelServer, model: Completions, reply: Reply
) -> None:
    server.replies(reply)
    with pytest.raises(ModelError) as error:
        await model.write("Do it.", QUESTION, 30)
    assert str(error.value).startswith(
        f"the language model at {server.url}/chat/completions did not answer in the form"
    )
    assert str(error.value).endswith("; check llm.url and llm.model")
    assert not error.value.lasting
    assert len(server.web.requests) == 1


@pytest.mark.parametrize(
    "fault",
    [
        failure(500),
        failure(503),
        failure(429, **{"Retry-After": "0"}),
        Reply(body=b"x" * 100, cut=10),
        Reply(raw=b"nonsense\r\n\r\n"),
        Reply(body=b"not gzip", headers={"Content-Encoding": "gzip"}),
    ],
)
async def test_what_may_pass_is_asked_again(server: ModelServer, model: Completions, fault: Reply) -> None:
    server.replies(fault, fault, completion("At last."))
    assert (await model.write("Do it.", QUESTION, 30)).text == "At last."
    server.replies(fault)
    with pytest.raises(ModelError) as error:
        await model.write("Do it.", QUESTION, 30)
    assert len(server.web.requests) == 3 + 3
    assert str(error.value).startswith(f"the language model at {server.url}")
    assert KEY not in str(error.value)


async def test_it_is_not_waited_for_longer_than_there_is_time(server: ModelServer, model: Completions) -> None:
    server.replies(failure(429, **{"Retry-After": "3600"}))
    with pytest.raises(
        ModelError, match=r"answered 429 Too Many Requests, and asked us to wait for 3\d\d\d seconds"
    ) as error:
        await model.write("Do it.", QUESTION, 30)
    assert error.value.lasting
    assert len(server.web.requests) == 1


async def test_no_answer_in_time_is_an_error_of_this_question(server: ModelServer, model: Completions) -> None:
    server.replies(Reply(delay=300))
    with pytest.raises(ModelError, match=r"gave no answer within 0.2 seconds; see llm.seconds") as error:
        await model.write("Do it.", QUESTION, 0.2)
    assert not error.value.lasting


async def test_a_wrong_key_and_a_wrong_address_would_fail_with_every_question(server: ModelServer) -> None:
    server.replies(completion("It works."))
    async with opened(server, "sk-wrong-one") as wrong:
        with pytest.raises(ModelError, match=r"answered 401 Unauthorized; check llm.key$") as error:
            await wrong.write("Do it.", QUESTION, 30)
    assert error.value.lasting
    assert "sk-wrong" not in str(error.value)
    async with opened_completions(
        url=f"{server.web.url}/nothing", key=None, model="m", max_tokens=50, contact=""
    ) as lost:
        with pytest.raises(ModelError, match=r"answered 404 Not Found; check llm.url and llm.model$") as error:
            await lost.write("Do it.", QUESTION, 30)
    assert error.value.lasting


async def test_nobody_there_is_told_in_a_sentence() -> None:
    with socket.socket() as one:  # a port where nobody listens
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    async with opened_completions(
        url=f"http://127.0.0.1:{port}/v1", key=None, model="m", max_tokens=50, contact=""
    ) as nobody:
        with pytest.raises(ModelError, match=r"the connection is refused; check") as error:
            await nobody.write("Do it.", QUESTION, 30)
    assert error.value.lasting


async def test_parameters_that_a_newer_model_refuses_are_spelt_as_it_wants(
    server: ModelServer, model: Completions
) -> None:
    server.replies(failure(400, param="max_tokens"), failure(400, param="temperature"), completion("Fine."))
    assert (await model.write("Do it.", QUESTION, 30)).text == "Fine."
    last = json.loads(server.web.requests[-1].body)
    assert last["max_completion_tokens"] == 50
    assert not {"max_tokens", "temperature"} & last.keys()
    server.replies(failure(400, param="temperature"))  # which it has not got any more
    with pytest.raises(ModelError, match="answered 400 Bad Request") as error:
        await model.write("Do it.", QUESTION, 30)
    assert not error.value.lasting


async def test_a_redirect_takes_the_question_and_the_key_nowhere_else(server: ModelServer, model: Completions) -> None:
    async with ModelServer() as other:
        server.replies(Reply(307, headers={"Location": f"{other.url}/chat/completions"}))
        with pytest.raises(ModelError, match=r"redirects elsewhere, where the question is not sent; check llm.url$"):
            await model.write("Do it.", QUESTION, 30)
        assert other.web.requests == []
    server.web.answer("/v2", completion("Moved."))
    server.web.answer(PATH, Reply(308, headers={"Location": "/v2"}))
    assert (await model.write("Do it.", QUESTION, 30)).text == "Moved."
