"""A language model's server on this machine, as far as OpenAI's API of chat completions goes: real requests, no mocks.

async with ModelServer() as model:
    model.says("A summary.")                     # every answer from now on
    model.says(lambda paper: paper["abstract"])  # made from the question: {"title": ..., "abstract": ...}
    model.replies(Reply(429), completion("..."))  # in turn, the last one again and again
    settings = {"email": {"summaries": "llm"}, "llm": model.settings()}
    model.asked                                  # the papers that were asked about, in order
"""

from __future__ import annotations

import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from web_server import Reply, Request, WebServer

PATH = "/v1/chat/completions"
KEY = "sk-of-the-tests-0123456789"
Paper = dict[str, str]


def completion(text: object, *, tokens: object = 100, finish: str = "stop", **message: object) -> Reply:
    """The answer of a model that says `text`."""
    said = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": tokens}
    body = {"id": "1", "object": "chat.completion", "model": "m", "choices": [said], "usage": usage}
    return Reply(body=json.dumps(body).encode(), headers={"Content-Type": "application/json"})


def failure(status: int, message: str = "no", param: str | None = None, **headers: str) -> Reply:
    """An error in the form of the API."""
    body = {"error": {"message": message, "type": "x", "param": param, "code": None}}
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})


class ModelServer:
    """See above. Whoever asks without the key is refused, as by the real ones."""

    def __init__(self) -> None:
        self.web = WebServer()
        self._made: list[Callable[[Request], Reply]] = []

    async def __aenter__(self) -> Self:
        await self.web.__aenter__()
        self.web.answer(PATH, self._answer)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.web.__aexit__(kind, error, trace)

    @property
    def url(self) -> str:
        return f"{self.web.url}/v1"

    def settings(self, **more: Any) -> dict[str, Any]:
        return {"url": self.url, "model": "small-one", "key": KEY, "seconds": 60} | more

    def says(self, text: str | Callable[[Paper], str]) -> None:
        self._made = [lambda request: completion(text(paper(request)) if callable(text) else text)]

    def replies(self, *replies: Reply) -> None:
        self._made = [lambda request, one=one: one for one in replies]  # type: ignore[misc]  # mypy cannot infer these

    @property
    def asked(self) -> list[Paper]:
        return [paper(one) for one in self.web.requests]

    def _answer(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return failure(401, "Incorrect API key provided")
        made = self._made.pop(0) if len(self._made) > 1 else self._made[0]
        return made(request)


def paper(request: Request) -> Paper:
    """The paper that a question is about."""
    found: Paper = json.loads(json.loads(request.body)["messages"][-1]["content"])
    return found
