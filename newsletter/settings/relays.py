"""The `[smtp]` table: the relay that carries the mail, or several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from newsletter.sources.options import Table

RelayName = Annotated[str, Field(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$", max_length=40)]
"""A name that can be part of an environment variable's."""


class RelayOptions(Table):
    """What can be said of a relay."""

    host: str | None = Field(None, description="the relay; without one, mail goes to the local mailbox")
    port: int = Field(587, ge=1, le=65535, description="its port")
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="starttls, tls, or none (must be written out)"
    )
    username: str | None = Field(None, description="login, if the relay asks for one")
    password: SecretStr | None = Field(None, description="best given as a secret file or in the environment")
    connections: int = Field(5, ge=1, le=200, description="the most connections that are open to it at a time")
    messages_per_connection: int = Field(100, ge=1, description="messages after which a connection is renewed")
    patience: float = Field(
        30, ge=0, le=600, description="seconds for which a relay that cannot be reached is tried again"
    )
    per_second: float = Field(0, ge=0, description="messages a second at the most; 0 is no limit")
    per_hour: int = Field(0, ge=0, description="messages an hour at the most; 0 is no limit")
    per_domain: float = Field(
        0, ge=0, description="messages a second to one recipient domain at the most; 0 is no limit"
    )

    @model_validator(mode="after")
    def _no_login_in_clear(self) -> Self:
        if self.username and self.security == "none":
            raise ValueError("a login never goes over an open line: set security to starttls or tls, or drop username")
        return self


class RelayTable(RelayOptions):
    """A `[[smtp.relays]]` table."""

    name: RelayName
    host: Annotated[str, Field(min_length=1)]
    weight: float = Field(1.0, gt=0, le=1000)


class SmtpTable(RelayOptions):
    """One relay, named by `host`, or several in `relays`, for which the other fields are the defaults."""

    passwords: dict[RelayName, SecretStr] = Field({}, description="passwords of `relays`, by name")
    relays: tuple[RelayTable, ...] = Field((), description="several relays instead of `host`, each with a share")

    @field_validator("relays")
    @classmethod
    def _complete(cls, relays: tuple[RelayTable, ...], info: ValidationInfo) -> tuple[RelayTable, ...]:
        names = [one.name for one in relays]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two relays are named “{twice[0]}”; give each a name of its own")
        return tuple(_completed(one, info.data) for one in relays)

    @model_validator(mode="after")
    def _one_or_several(self) -> Self:
        if self.host is not None and self.relays:
            raise ValueError("host and relays exclude each other: give the host a table [[smtp.relays]] of its own")
        if unknown := sorted(self.passwords.keys() - {one.name for one in self.relays}):
            raise ValueError(f"passwords names “{unknown[0]}”, and there is no relay of that name in smtp.relays")
        return self

    def each(self) -> tuple[RelayTable, ...]:
        """The relays, each with all it needs; none where mail goes to the local mailbox."""
        if self.host is None:
            return self.relays
        own = {name: getattr(self, name) for name in RelayOptions.model_fields}
        return (RelayTable.model_construct(name=self.host, **own),)


def _completed(relay: RelayTable, smtp: Mapping[str, Any]) -> RelayTable:
    """`relay` with the password that is kept for it, and with the fields of `[smtp]` that it does not have itself."""
    missing = RelayOptions.model_fields.keys() - relay.model_fields_set
    given: dict[str, Any] = {name: smtp[name] for name in missing if name in smtp}
    if password := smtp.get("passwords", {}).get(relay.name):
        given["password"] = password
    complete = relay.model_copy(update=given)
    if complete.username and complete.security == "none":
        raise ValueError(f"the login of {relay.name} would go over an open line: set its security to starttls or tls")
    return complete
