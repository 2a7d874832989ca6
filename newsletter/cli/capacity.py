"""`newsletter plan-capacity`: what so many readers take, and where it stops."""

from __future__ import annotations

import math
import re
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.console import AsJson, answer, answer_json, answer_table
from newsletter.policy.measured import MEASURED, Signing

if TYPE_CHECKING:
    from newsletter.policy.capacity import Limit, Load, Need, Plan

SENDING = {
    "messages": "messages",
    "rate": "messages a second",
    "processes": "sending processes",
    "cores": "cores that send",
    "machines": "machines that send",
    "memory": "their memory",
    "connections": "SMTP connections",
    "relays": "relays",
    "bandwidth": "line to the relays",
}
STORING = {
    "rows": "deliveries",
    "planning": "planning them",
    "writes": "rows written",
    "transactions": "transactions",
    "log": "write-ahead log",
    "day": "a day of the ledger",
    "kept": "all that is kept",
    "partitions": "partitions",
    "sessions": "connections to it",
    "server": "its own cores",
}
"""The needs of a plan, as the tables call them."""

_PREFIXES = ("", "k", "M", "G", "T", "P")
_SIGNIFICANT = 3
_NARROW = 80


def plan_capacity(
    subscribers: Annotated[int, typer.Option(metavar="N", help="How many readers there are.")],
    window: Annotated[str, typer.Option(metavar="TIME", help="In what time their mail is to be out: 90m, 2h, 1h30m.")],
    due: Annotated[float, typer.Option(metavar="SHARE", help="The share of them who are due on the day.")] = 1.0,
    relay_latency: Annotated[
        float, typer.Option(metavar="MS", help="Milliseconds that the relay takes for each reply.")
    ] = 50,
    pipelining: Annotated[bool, typer.Option(help="Whether the relay offers PIPELINING.")] = True,
    message_size: Annotated[
        float, typer.Option(metavar="KB", help="Kilobytes (1,000 bytes) of a message.")
    ] = MEASURED.message / 1000,
    sign: Annotated[Signing, typer.Option(help="With which key messages are signed here.")] = Signing.RSA,
    per_domain: Annotated[
        float,
        typer.Option(metavar="RATE", help="Messages a second to one recipient domain at the most; 0 is no limit."),
    ] = 0,
    largest_domain: Annotated[
        float, typer.Option(metavar="SHARE", help="The share of readers whose addresses are at the largest domain.")
    ] = 0.3,
    keep: Annotated[int, typer.Option(metavar="DAYS", help="Days that the ledger keeps.")] = 90,
    cores: Annotated[int, typer.Option(metavar="N", help="Cores of a machine.")] = 8,
    as_json: AsJson = False,
) -> None:
    """Say what so many readers take: processes, connections, bandwidth, the database; what stops first, and what then.

    Nothing is read and nothing is kept: it is arithmetic on figures that were measured, and docs/scaling.md says where.
    Measure on your own machines before you buy some.

    Example: newsletter plan-capacity --subscribers 1000000 --window 2h
    """
    from newsletter.policy.capacity import Load, plan

    try:
        load = Load(
            subscribers=subscribers,
            window=_seconds(window),
            due=due,
            relay_latency=relay_latency / 1000,
            pipelining=pipelining,
            message=round(message_size * 1000) if math.isfinite(message_size) else 0,
            signing=sign,
            domain_pace=per_domain,
            domain_share=largest_domain,
            keep=keep,
            cores=cores,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    made = plan(load)
    if as_json:
        answer_json(asdict(made))
    else:
        _show(made)


def shown(need: Need) -> str:
    """The amount of `need` for a person, with its unit: three digits where that is exact enough, and never more."""
    if not need.unit or need.unit == "a day":
        return f"{need.amount:,.0f}"
    amount, power = need.amount, 0
    if need.unit[0] != "/" and need.unit != "s":
        power = max(0, min(len(_PREFIXES) - 1, math.floor(math.log10(max(rounded(amount), 1)) / 3)))
        amount /= 1000**power
    amount = rounded(amount)
    number = f"{amount:,.0f}" if amount >= 100 else f"{amount:.3g}"
    space = "" if need.unit[0] == "/" else " "
    return f"{number}{space}{_PREFIXES[power]}{need.unit}"


def readers(limit: Limit) -> str:
    """How many readers `limit` bears, for a person."""
    return f"{rounded(limit.subscribers):,.0f}"


def rounded(amount: float) -> float:
    """`amount` with three digits, for figures that are measured are no better."""
    return float(f"{amount:.{_SIGNIFICANT}g}")


def _seconds(text: str) -> float:
    """A length of time like 90m, 2h or 1h30m, in seconds. What is none ends the command with a sentence."""
    parts = re.fullmatch(r"(?:(\d{1,9})h)?(?:(\d{1,9})m(?:in)?)?(?:(\d{1,9})s)?", text.strip().lower())
    if not text.strip() or parts is None:
        raise typer.BadParameter(f"“{text}” is not a length of time; write it like 90m, 2h or 1h30m")
    hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    return 3600.0 * hours + 60 * minutes + seconds


def _show(made: Plan) -> None:
    for title, named in (("Sending", SENDING), (f"The database: {made.engine}", STORING)):
        rows = [(name, shown(made.needs[key]), made.needs[key].because) for key, name in named.items()]
        answer_table(title, ("what", "how much", "because"), rows, ("how much",))
    limits = [("reached" if one.reached else "", one.what, readers(one), one.then) for one in made.limits]
    answer_table(f"Limits, {_asked(made.load)}", ("", "limit", "readers", "then"), limits, ("readers",))
    for sentence in (f"{made.because}.", _next(made)):
        answer(textwrap.fill(sentence, _NARROW))


def _asked(load: Load) -> str:
    hours, rest = divmod(load.window, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return f"all out in {''.join(f'{number:.0f}{unit}' for number, unit in parts if number)}"


def _next(made: Plan) -> str:
    ahead = [one for one in made.limits if not one.reached]
    if not ahead:
        return "Every limit is reached: all of the above has to change, or the window."
    first = ahead[0]
    return f"The next limit: {first.what}, at {readers(first)} readers: {first.because}. Then: {first.then}."
