"""`newsletter db`: the database itself, moved, brought up to date, checked and kept."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.console import (
    AsJson,
    answer,
    answer_json,
    answer_table,
    configuration,
    counted,
    progress_bar,
    remark,
    shown_path,
)

if TYPE_CHECKING:
    from newsletter.store.checking import Checked
    from newsletter.store.copying import Copied
    from newsletter.store.restoring import Restored

app = typer.Typer(
    help="Move, migrate, check, back up and restore the database.", no_args_is_help=True, rich_markup_mode=None
)

NEEDS_A_LOOK = 3

_KEPT = " A copy of it as it was is in the folder backups beside it."


@app.command("copy")
def copy(
    context: typer.Context,
    to: Annotated[str, typer.Option("--to", metavar="URL", help="The database to copy to: new, or empty.")],
    from_: Annotated[
        str | None, typer.Option("--from", metavar="URL", help="The database to copy (default: the configured one).")
    ] = None,
    anyway: Annotated[bool, typer.Option("--anyway", help="Copy even while deliveries are being sent.")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy everything to another database: from a file to a PostgreSQL server, or back.

    Stop what writes to the old one first. A copy that was interrupted goes on when the same command is given again; in
    the end both sides are read whole and compared.

    Example: newsletter db copy --from sqlite:////var/lib/papers/newsletter.db --to postgresql://news@db.example.org/news
    """
    import asyncio

    from newsletter.assembly import database_url
    from newsletter.store.copying import copy as copy_database
    from newsletter.store.opening import opened, without_password

    source_url = from_ or database_url(configuration(context).settings)

    async def go() -> Copied:
        migrating = "newsletter db migrate"
        async with AsyncExitStack() as stack:
            with _said_of("--from" if from_ else "database.url"):
                source = await stack.enter_async_context(opened(source_url))
            if from_:  # a good URL, as we know now; not that of the configuration
                migrating = f"NEWSLETTER_DATABASE__URL={shlex.quote(without_password(from_))} {migrating}"
            with _said_of("--to"):
                target = await stack.enter_async_context(opened(to, new=True))
            remark(f"Copying {source.place} as it is now to {target.place}; what is written to it later is not copied.")
            with progress_bar() as progress:
                return await copy_database(source, target, anyway=anyway, migrating=migrating, progress=progress)

    with _said_of("its URL"):
        copied = asyncio.run(go())
    line = f'url = "{without_password(to)}"'
    if as_json:
        tables = {name: {"rows": one.rows, "checksum": one.checksum} for name, one in copied.totals.items()}
        answer_json({"tables": tables, "rows": copied.rows, "found": copied.found, "database": line})
        return
    rows = [(name, one.rows, one.checksum[:16]) for name, one in copied.totals.items()]
    answer_table(
        f"{counted(copied.rows, 'row', 'rows')}, the same on both sides", ("table", "rows", "checksum"), rows, ("rows",)
    )
    if copied.found:
        answer(f"{counted(copied.found, 'row was', 'rows were')} there from an attempt before.")
    answer("To work on the copy, set this in newsletter.toml under [database], with the password if there is one:")
    answer(line)


@contextmanager
def _said_of(option: str) -> Iterator[None]:
    """What is said of `database.url` is about what `option` names: it need not be the one of the configuration."""
    from newsletter.errors import StoreError

    try:
        yield
    except StoreError as error:
        raise StoreError(str(error).replace("database.url", option)) from error


@app.command("migrate")
def migrate(context: typer.Context) -> None:
    """Bring the database to the tables of this version, as every command does that opens it.

    Example: newsletter db migrate
    """
    import asyncio

    from newsletter.assembly import database_url
    from newsletter.store.migrating import HEAD, revision
    from newsletter.store.migrating import migrate as migrate_database
    from newsletter.store.opening import file_of, opened

    url = database_url(configuration(context).settings)

    async def go() -> tuple[str, str | None]:
        async with opened(url, new=True) as database:
            before = await revision(database)
            await migrate_database(database)
            return database.place, before

    place, before = asyncio.run(go())
    if before == HEAD:
        answer(f"{place} is at revision {HEAD} already.")
    elif before is None:
        answer(f"{place} was made, at revision {HEAD}.")
    else:
        answer(f"{place} went from revision {before} to {HEAD}.{_KEPT if file_of(url) else ''}")


@app.command("check")
def check(context: typer.Context, as_json: AsJson = False) -> None:
    """Look whether the database is whole, and change nothing. Exit code 3 when something is wrong.

    Example: newsletter db check --json
    """
    import asyncio

    from newsletter.assembly import database_url
    from newsletter.store.checking import check as check_database
    from newsletter.store.opening import opened

    url = database_url(configuration(context).settings)

    async def go() -> tuple[str, list[Checked]]:
        async with opened(url) as database:
            return database.place, await check_database(database)

    place, found = asyncio.run(go())
    if as_json:
        answer_json(
            {"database": place, "checks": [{"what": one.what, "fine": one.fine, "says": one.says} for one in found]}
        )
    else:
        words = {True: "ok", False: "WRONG", None: "not looked at"}
        answer_table(place, ("check", "", "what"), [(one.what, words[one.fine], one.says) for one in found])
    raise typer.Exit(NEEDS_A_LOOK if any(one.fine is False for one in found) else 0)


@app.command("backup")
def backup(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The new file (default: in the state folder, by the time).")
    ] = None,
) -> None:
    """Keep a copy of the database in a file, while others go on writing. PostgreSQL is copied by its own pg_dump.

    Example: newsletter db backup papers.db
    """
    import asyncio

    from newsletter.assembly import BACKUPS, database_url, utc_now
    from newsletter.store.backing_up import back_up
    from newsletter.store.opening import file_of

    settings = configuration(context).settings
    url = database_url(settings)
    suffix = "db" if file_of(url) else "dump"
    to = file or settings.state_dir / BACKUPS / f"newsletter-{utc_now():%Y%m%dT%H%M%SZ}.{suffix}"
    with progress_bar() as progress:
        asyncio.run(back_up(url, to, progress))
    answer(f"{shown_path(to)} holds the database, verified; keep it where the machine's disk is not.")


@app.command("restore")
def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup that `newsletter db backup` made.")],
    held: Annotated[
        bool, typer.Option("--held", help="Send nothing by itself that may have gone out after the backup.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing; only say what would go out once more.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup in the place of the database, which is kept aside. Stop what sends, schedules and serves first.

    A backup does not know what was sent after it: the answer says what goes out once more, and --held keeps it back.

    Example: newsletter db restore papers.db --held
    """
    import asyncio

    from newsletter.assembly import RUNNING, calendar, database_url, utc_now
    from newsletter.store.owners import at_work
    from newsletter.store.restoring import restore as restore_database

    settings = configuration(context).settings
    with progress_bar() as progress:
        restored = asyncio.run(
            restore_database(
                database_url(settings),
                file,
                at_work(settings.state_dir / RUNNING),
                calendar(settings),
                utc_now(),
                progress,
                on_unknown=settings.delivery.on_unknown,
                hold=held,
                rehearse=dry_run,
            )
        )
    if as_json:
        answer_json(_restored_json(restored) | {"dry_run": dry_run})
        return
    for line in _told(restored, file, held=held, dry_run=dry_run):
        answer(line)


def _restored_json(restored: Restored) -> dict[str, object]:
    from dataclasses import asdict

    by_day = {name: {str(day): number for day, number in getattr(restored, name).items()} for name in _BY_DAY}
    return asdict(restored) | by_day


_BY_DAY = ("since", "waiting", "posted")


def _told(restored: Restored, file: Path, *, held: bool, dry_run: bool) -> Iterator[str]:
    until = f"{restored.newest:%Y-%m-%d %H:%M} UTC"
    if dry_run:
        yield f"{shown_path(file)} can be restored; nothing was changed. It knows nothing later than {until}."
    else:
        aside = f" What was there is {shown_path(restored.aside)}." if restored.aside else ""
        yield f"{shown_path(file)} is in place, and knows nothing later than {until}.{aside}"
    if restored.read:
        refused = counted(restored.refused, "suppression", "suppressions")
        yield f"Taken over from the database that was there: {refused}; forgotten once more: {restored.forgotten}."
        if restored.since:
            yield f"It says what was sent that the backup does not know of: {_days(restored.since)}."
        if restored.posted:
            yield f"It says what was posted in channels that the backup does not know of: {_days(restored.posted)}."
    else:
        yield "There was no database that could be read: who left or was forgotten after the backup gets mail again,"
        yield "and channels may get once more what was posted since."
    if restored.unplaced:
        yield f"Readers have time zones that are none: {', '.join(restored.unplaced)}. `newsletter doctor` says more."
    if held:
        yield f"{counted(restored.held, 'delivery is', 'deliveries are')} held: unknown, and never sent by themselves."
        if restored.held_posts:
            them = "it" if restored.held_posts == 1 else "them"
            yield f"{counted(restored.held_posts, 'post is', 'posts are')} held likewise: channels never get {them}."
        yield "Give `newsletter run` today, or start the scheduler: it makes today's edition and sends them none of it."
        yield "`newsletter resend` can."
        return
    if restored.waiting:
        yield f"The next run sends what waits in the backup, and may have gone out since: {_days(restored.waiting)}."
    readers = counted(restored.due, "reader gets", "readers get")
    yield f"{readers} a digest of today then, with the papers since the last one that the backup knows, had or not."
    if restored.posted:
        yield "Channels get the papers of what was posted since once more."
    yield "To hold all that back, restore the file again with --held."


def _days(numbers: Mapping[date, int]) -> str:
    return ", ".join(f"{number} of {day}" for day, number in numbers.items())
