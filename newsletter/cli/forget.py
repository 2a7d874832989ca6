"""`newsletter forget`: a person, taken out of everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.console import answer, configuration, counted, remark, shown_path

if TYPE_CHECKING:
    from newsletter.settings import Configuration
    from newsletter.subscribing.forgetting import Erased


def forget(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="Whose.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether that is meant.")] = False,
) -> None:
    """Delete all that is known of the person at an address; nothing brings it back. No mail goes there any more.

    What stays is a salted hash of the address, so that no file, import or sign-up makes it a reader again, and the
    counts of deliveries, without a name.

    Example: newsletter forget ada@example.org --yes
    """
    import asyncio

    from newsletter.policy.address import normal_address

    loaded = configuration(context)
    try:
        normal = normal_address(address)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if not yes:
        typer.confirm(f"Delete everything that is known of {normal}? Nothing brings it back.", abort=True, err=True)
    erased = asyncio.run(_erased(loaded, normal))
    who = f"{normal} is forgotten" if erased.was_reader else f"{normal} was no reader, and nothing names it any more"
    files = f", with {counted(len(erased.files), 'file', 'files')}" if erased.files else ""
    answer(f"{who}{files}. A hash of the address stays, so that nothing brings it back.")
    for path in erased.copies:
        remark(f"{shown_path(path)} is a copy that still names it: remove it when you can do without.")
    if any(reader.address == normal for reader in loaded.subscribers):
        remark("It still stands in subscribers.toml, which brings no mail there any more: take the line out.")


async def _erased(loaded: Configuration, address: str) -> Erased:
    from newsletter.assembly import copies, of_readers, opened_store, utc_now
    from newsletter.store.compacting import empty_log
    from newsletter.subscribing.forgetting import erase

    settings = loaded.settings
    async with opened_store(loaded) as store:
        erased = await erase(store, address, utc_now(), of_readers(settings), copies(settings))
        await empty_log(store.database)
    return erased
