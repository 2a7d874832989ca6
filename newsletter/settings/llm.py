"""The `[llm]` table: the language model that writes summaries, where `email.summaries` is "llm"."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Self

from pydantic import Field, HttpUrl, SecretStr, field_validator, model_validator

from newsletter.sources.options import Address, Line, Table


class LlmTable(Table):
    """An endpoint that speaks OpenAI's API, and what may be spent there."""

    url: Address | None = Field(
        None, description="an OpenAI-compatible endpoint up to /v1, like http://localhost:11434/v1; it may be private"
    )
    model: Line = Field("", max_length=200, description="the model's name there")
    key: SecretStr | None = Field(None, description="best given as a secret file or in the environment")
    max_papers: int = Field(
        40, ge=1, le=1000, description="papers of an edition that get a summary, the best of each topic first"
    )
    max_tokens: int = Field(300, ge=50, le=10_000, description="the most that one answer may have")
    seconds: float = Field(120, gt=0, le=3600, description="the most that an edition waits for all its summaries")
    budget: int = Field(2_000_000, ge=0, description="tokens a month, questions and answers; 0 is no limit")

    @field_validator("url")
    @classmethod
    def _base(cls, url: HttpUrl | None) -> HttpUrl | None:
        if url and (url.query or url.fragment or url.username or url.password):
            raise ValueError("must be an address without ?, # and login: the key has a setting of its own")
        if url and str(url).rstrip("/").endswith("/completions"):
            raise ValueError("must end before /chat/completions, which is put behind it")
        return url

    @field_validator("key")
    @classmethod
    def _in_a_header(cls, key: SecretStr | None) -> SecretStr | None:
        text = key.get_secret_value() if key else ""
        if not (text.isascii() and text.isprintable()) or " " in text:
            raise ValueError("must be one word of plain ASCII, as it stands in a header of HTTP")
        return key

    @model_validator(mode="after")
    def _no_key_in_clear(self) -> Self:
        if self.url and self.key and self.url.scheme == "http" and not _is_near(self.url.host or ""):
            raise ValueError("the key never goes over an open line: write url with https://, or drop the key")
        return self

    @property
    def endpoint(self) -> str:
        """Where questions are sent; only where there is a url."""
        return f"{str(self.url).rstrip('/')}/chat/completions"


def _is_near(host: str) -> bool:
    """Whether a host is this machine or one of a private network, as far as its name says."""
    if "." not in host and ":" not in host:
        return True
    try:
        return not ip_address(host.strip("[]")).is_global
    except ValueError:
        return host.endswith((".localhost", ".local", ".internal", ".lan"))
