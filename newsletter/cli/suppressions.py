"""`newsletter suppressions`: who must not be mailed, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.console import AsJson, answer, answer_json, answer_table, configuration, counted

if TYPE_CHECKING:
    from newsletter.model import Subscriber
    from newsletter.store import Suppression

app = typer.Typer(
    help="List the addresses that must not be mailed; add one, take one out.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Address = Annotated[str, typer.Argument(help="The address.")]


@app.command("list")
def list_suppressions(context: typer.Context, as_json: AsJson = False) -> None:
    """List all suppressed addresses with reason and date.

    Example: newsletter suppressions list --json
    """
    import asyncio

    from newsletter.assembly import opened_store

    loaded = configuration(context)

    async def go() -> list[Suppression]:
        async with opened_store(loaded) as store:
            return await store.suppressions.all()

    found = asyncio.run(go())
    if as_json:
        answer_json([{"address": one.address, "reason": one.reason, "since": one.since} for one in found])
        return
    rows = [(one.address, one.reason, f"{one.since:%Y-%m-%d %H:%M}") for one in found]
    answer_table(
        counted(len(found), "suppressed address", "suppressed addresses"), ("address", "reason", "since (UTC)"), rows
    )


@app.command("add")
def add_suppression(
    context: typer.Context,
    address: Address,
    reason: Annotated[str, typer.Option(help="Why, in a few words.")] = "by the operator",
) -> None:
    """Mail an address no more, whoever it is, from now on. What waits to be sent to it is skipped.

    Example: newsletter suppressions add ada@example.org --reason "asked by phone"
    """
    import asyncio

    from newsletter.assembly import opened_store, utc_now

    loaded, normal = configuration(context), _normal(address)
    if not reason.isprintable() or len(reason) > 200:
        raise typer.BadParameter("the reason must be one line of at most 200 printable characters")

    async def go() -> bool:
        async with opened_store(loaded) as store:
            return await store.suppressions.add(normal, reason, utc_now())

    new = asyncio.run(go())
    answer(f"{normal} gets no more mail." if new else f"{normal} was suppressed already; the first reason stays.")


@app.command("remove")
def remove_suppression(context: typer.Context, address: Address) -> None:
    """Allow an address to be mailed again. Do this only when its owner asked for it, or when a bounce was a mistake.

    A reader of subscribers.toml is back at once; an imported one has left and must ask anew.

    Example: newsletter suppressions remove ada@example.org
    """
    import asyncio

    from newsletter.assembly import opened_store
    from newsletter.errors import NotFoundError
    from newsletter.model import Status

    loaded, normal = configuration(context), _normal(address)

    async def go() -> tuple[bool, Subscriber | None]:
        async with opened_store(loaded) as store:
            removed = await store.suppressions.remove(normal)
            await store.subscribers.sync_file(loaded.subscribers)
            return removed, await store.subscribers.find(normal)

    removed, reader = asyncio.run(go())
    if not removed:
        raise NotFoundError(f"{normal} is not suppressed; `newsletter suppressions list` shows who is")
    left = reader is not None and reader.status is Status.LEFT
    answer(f"{normal} is not suppressed any more{', but the reader has left and gets no mail' if left else ''}.")


def _normal(address: str) -> str:
    from newsletter.policy.address import normal_address

    try:
        return normal_address(address)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
