"""What every `[[sources]]` table can say. Each kind of source adds its own options in its own file."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticKnownError

DEFAULT_TIMEOUT = 30.0


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of printable text")
    return text


def _day(given: object, read: ValidatorFunctionWrapHandler) -> object:
    return _read(given, read, "write a date like 2026-12-25")


def _address(given: object, read: ValidatorFunctionWrapHandler) -> object:
    return _read(given, read, "write an address with https:// or http://, like https://example.org/feed")


def _read(given: object, read: ValidatorFunctionWrapHandler, remedy: str) -> object:
    """What pydantic reads, or ValueError with the remedy instead of its own words."""
    try:
        return read(given)
    except ValidationError:
        raise ValueError(remedy) from None


class Table(BaseModel):
    """A table of the file: unknown keys are errors, values do not change. Numbers are finite ones and neither true nor
    false; an empty text is no value where a setting may have none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _as_meant(cls, given: object, info: ValidationInfo) -> object:
        annotation = cls.model_fields[str(info.field_name)].annotation
        kinds = {annotation, *get_args(annotation)}
        if given is True or given is False:  # which pydantic would read as 1 and 0
            if int in kinds:
                raise PydanticKnownError("int_type")
            if float in kinds:
                raise PydanticKnownError("float_type")
        return None if given == "" and type(None) in kinds else given


def _cron(text: str) -> str:
    """Five fields of cron, as APScheduler reads them: there a number of a weekday is one less than elsewhere."""
    if not text:
        return text
    from apscheduler.triggers.cron import CronTrigger  # late: few sources say so

    fields = text.split()
    try:
        if len(fields) != 5 or any(one.isdigit() for one in re.split(r"[,/-]", fields[4])):
            raise ValueError
        CronTrigger.from_crontab(text, timezone="UTC")
    except ValueError:
        remedy = "minute, hour, day, month and weekday by name, like “15 6,18 * * mon-fri”"
        raise ValueError(f"“{text[:50]}” is no time of cron: write {remedy}") from None
    return text


Cron = Annotated[str, AfterValidator(_cron)]
Line = Annotated[str, AfterValidator(_one_line)]
Folder = Annotated[Path, AfterValidator(Path.expanduser)]
Day = Annotated[date, WrapValidator(_day)]
Address = Annotated[HttpUrl, WrapValidator(_address)]


class SourceOptions(Table):
    """What every source has."""

    kind: str = Field(description="what sort of source it is")
    name: Line = Field(min_length=1, max_length=60, description="its name in batches and listings; never change it")
    cron: Cron = Field("", description="when else to ask it, as five fields of cron, beside for each edition")


class NetworkOptions(SourceOptions):
    """What every source on the network has besides. A kind that wants other defaults names the field again."""

    base_url: Address | None = Field(None, description="another address to ask, of a mirror or a proxy")
    token: SecretStr | None = Field(None, description="what the source gave you to know you by, if it asks for one")
    token_file: Folder | None = Field(None, description="a file that holds the token, instead of `token`")
    pace: float = Field(1.0, ge=0, le=3600, description="seconds between two requests, whoever of you asks")
    timeout: float = Field(
        DEFAULT_TIMEOUT, gt=0, le=600, description="seconds that one request may take, its answer's body included"
    )

    @field_validator("base_url", check_fields=False)
    @classmethod
    def _plain(cls, url: HttpUrl | None) -> HttpUrl | None:
        if url and (url.query or url.fragment):
            raise ValueError("must be an address without ? and #, because paths are put behind it")
        return url

    @model_validator(mode="after")
    def _one_token(self) -> NetworkOptions:
        if self.token and self.token_file:
            raise ValueError("give `token` or `token_file`, not both")
        return self

    def secret(self) -> str | None:
        """The token, from wherever it is given; None when there is none. Raises ValueError for an unreadable file."""
        if self.token:
            return self.token.get_secret_value()
        if not self.token_file:
            return None
        try:
            text = self.token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
            raise ValueError(f"the token_file {self.token_file} cannot be read: {why}") from error
        if not text or not text.isprintable():
            raise ValueError(f"the token_file {self.token_file} holds no token: it must be one line of text")
        return text
