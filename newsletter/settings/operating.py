"""What those who operate it hear: `[logging]`, `[heartbeat]` and `[operator]`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from newsletter.policy.address import normal_address
from newsletter.sources.options import Address, Table


class LoggingTable(Table):
    level: Literal["auto", "debug", "info", "warning", "error"] = Field(
        "auto", description="the least that is logged; auto is info for schedule, serve and worker, else warning"
    )
    format: Literal["auto", "human", "json"] = Field(
        "auto", description="lines for people or JSON; auto is for people on a terminal, and JSON elsewhere"
    )


class HeartbeatTable(Table):
    url: Address | None = Field(None, description="asked by GET after every run that went well; empty: nobody is")


class OperatorTable(Table):
    address: Annotated[str, AfterValidator(normal_address)] | None = Field(
        None, description="who gets a mail when a day fails or nothing has gone out for too long; empty: nobody"
    )
    silence: float = Field(
        80, ge=0, le=8760, description="hours without a message accepted that are too long; 0 is no limit"
    )
