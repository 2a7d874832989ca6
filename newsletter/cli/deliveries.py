"""`newsletter deliveries`, `resend` and `reconcile`: what became of each message, and what to do about it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.console import AsJson, answer, answer_json, answer_table, configuration, counted, day_asked, remark

if TYPE_CHECKING:
    from newsletter.model import Delivery, State
    from newsletter.reconciling import Reconciled

Day = Annotated[str | None, typer.Option("--date", metavar="DAY", help="Only this local date.")]
Reader = Annotated[str | None, typer.Option("--subscriber", metavar="ADDRESS", help="Only this reader.")]


def deliveries(
    context: typer.Context,
    day: Day = None,
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help="Only this state: accepted, refused, deferred, unknown...")
    ] = None,
    subscriber: Reader = None,
    limit: Annotated[int, typer.Option(min=1, help="The most rows to show.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """List deliveries with the relay's replies, newest first.

    Example: newsletter deliveries --date 2025-03-12 --state refused
    """
    import asyncio

    from newsletter.assembly import opened_store
    from newsletter.cli.rows import NUMBERS, cells, delivery_json

    loaded = configuration(context)
    wanted = {"local_date": day_asked(day), "state": _state(state), "address": _address(subscriber), "limit": limit}

    async def go() -> list[Delivery]:
        async with opened_store(loaded) as store:
            return await store.ledger.deliveries(**wanted)  # type: ignore[arg-type]  # each is of its parameter's type

    rows = [delivery_json(one) for one in asyncio.run(go())]
    if as_json:
        answer_json(rows)
        return
    columns = ("date", "subscriber", "state", "attempt", "bytes", "code", "enhanced", "reply", "reason")
    answer_table(counted(len(rows), "delivery", "deliveries"), columns, cells(rows, columns), NUMBERS)


def resend(
    context: typer.Context,
    unknown: Annotated[bool, typer.Option("--unknown", help="Those whose answer was lost.")] = False,
    refused: Annotated[bool, typer.Option("--refused", help="Those that the relay refused.")] = False,
    subscriber: Reader = None,
    day: Day = None,
) -> None:
    """Open settled deliveries again; the next `newsletter run` for their date sends them.

    With --subscriber and neither --unknown nor --refused, that reader's deliveries whatever became of them: they get
    the same message again. Suppressed readers are not mailed.

    Example: newsletter resend --unknown --date 2025-03-12
    """
    import asyncio

    from newsletter.assembly import opened_store, utc_now
    from newsletter.model import State

    if not (unknown or refused or subscriber):
        raise typer.BadParameter("say what to resend: --unknown, --refused or --subscriber ADDRESS")
    loaded = configuration(context)
    states = {state for state, wanted in ((State.UNKNOWN, unknown), (State.REFUSED, refused)) if wanted}
    asked, address = day_asked(day), _address(subscriber)
    states = states or {State.UNKNOWN, State.REFUSED, State.SKIPPED, State.ACCEPTED}

    async def go() -> int:
        async with opened_store(loaded) as store:
            return await store.ledger.reopen(states, local_date=asked, address=address, at=utc_now())

    number = asyncio.run(go())
    run = f"newsletter run --date {asked}" if asked else "newsletter run"
    answer(
        f"Open again: {counted(number, 'delivery', 'deliveries')}; `{run}` sends them."
        if number
        else "Nothing to resend."
    )


def reconcile(
    context: typer.Context,
    postfix_log: Annotated[
        Path, typer.Option("--postfix-log", metavar="FILE", help="The relay's mail log, - for standard input.")
    ],
    as_json: AsJson = False,
) -> None:
    """Settle unknown outcomes by the relay's own log: what it has received is accepted.

    Example: newsletter reconcile --postfix-log /var/log/mail.log
    """
    import asyncio

    from newsletter.assembly import opened_store, utc_now
    from newsletter.reconciling import reconcile as settle

    loaded = configuration(context)

    async def go() -> Reconciled:
        async with opened_store(loaded) as store:
            if str(postfix_log) == "-":
                return await settle(store, sys.stdin, utc_now())
            with postfix_log.open(encoding="utf-8", errors="replace") as lines:
                return await settle(store, lines, utc_now())

    try:
        found = asyncio.run(go())
    except OSError as error:
        raise typer.BadParameter(f"{postfix_log} cannot be read: {error.strerror}") from None
    if as_json:
        answer_json({"accepted": [one.message_id for one in found.accepted], "unknown": len(found.silent)})
    else:
        answer(f"{len(found.accepted)} settled as accepted, {len(found.silent)} still unknown.")
    if found.silent:
        remark("Where the log is complete, the others never arrived: `newsletter resend --unknown` sends them.")
    raise typer.Exit(3 if found.silent else 0)


def _state(text: str | None) -> State | None:
    from newsletter.model import State

    if text is None:
        return None
    try:
        return State(text.casefold())
    except ValueError:
        raise typer.BadParameter(f"there is no state “{text}”; there are {', '.join(State)}") from None


def _address(text: str | None) -> str | None:
    from newsletter.policy.address import normal_address

    try:
        return normal_address(text) if text else None
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
