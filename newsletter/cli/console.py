"""What commands share: the configuration they run on, and how they answer.

Standard output carries the answer, standard error the progress and the remarks.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from newsletter.settings import Configuration

# What a table may be wide when nobody's window limits it (a pipe, a file, a cron mail).
WIDTH_WITHOUT_TERMINAL = 140

LASTING = frozenset({"schedule", "serve", "worker"})
"""Commands that stay. What they log is all there is to read of them; the others answer, and log what wants a look."""

Answer = TypeVar("Answer")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def configuration(context: typer.Context) -> Configuration:
    """The configuration that the command line names; logging is as it says from then on. Raises ConfigurationError."""
    from functools import partial

    from newsletter.logs import Chosen, speak
    from newsletter.settings import configuration_folder, load
    from newsletter.settings.keys import log_key

    loaded = load(configuration_folder(context.obj))
    wanted, auto = loaded.settings.logging, "info" if context.info_name in LASTING else "warning"
    level = auto if wanted.level == "auto" else wanted.level
    speak(Chosen(level, wanted.format, partial(log_key, loaded.settings)))
    return loaded


def go(coroutine: Coroutine[Any, Any, Answer]) -> Answer:
    """Run `coroutine` to its end, on uvloop's event loop where that is installed (the extra `fast`), else on asyncio's.

    Behind the commands that send or serve; the others are over before an event loop matters.
    """
    import asyncio

    try:
        from uvloop import new_event_loop as new_loop
    except ImportError:
        new_loop = None
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(coroutine)


def remark(text: str) -> None:
    """A remark for a person, on standard error."""
    typer.echo(text, err=True)


def answer(text: str) -> None:
    """A line of the answer, on standard output."""
    typer.echo(text)


def answer_json(value: Any) -> None:
    """The answer as JSON."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: Any) -> str:
    """Days and moments as ISO 8601 has them, paths as they are written."""
    return value.isoformat() if isinstance(value, date) else str(value)


def command_line(loaded: Configuration, *words: str) -> str:
    """`newsletter WORDS` as one would type it to stay with the same configuration."""
    return loaded.command(*words)


REASON, WIDE = "why", 110
"""A table that ends with a sentence has no room for it on a narrow terminal: it then stands below."""


def answer_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], numbers: Sequence[str] = ()
) -> None:
    """The answer as a table; the columns named in `numbers` are aligned to the right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL)
    below = columns[-1:] == (REASON,) and console.width < WIDE
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=False)
    for column in columns[: -1 if below else None]:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    for row in rows:
        # Text, not str: rich would read [brackets] in a title as markup.
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row[: -1 if below else None]))
    console.print(table)
    if below:
        for row in rows:
            console.print(Text(f"{row[columns.index('source')]}: {row[-1]}"), soft_wrap=True)
    typer.echo()


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on standard error for as long as it lasts; silent when that is no terminal."""
    if not sys.stderr.isatty():
        yield lambda step, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<11}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def show(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=total)
            bars.update(tasks[step], completed=done, total=total)

        yield show


def day_asked(text: str | None, *, words: Sequence[str] = ()) -> date | None:
    """A `--date` value as a day; None for nothing or one of `words`. A wrong one ends the command with a sentence."""
    if text is None or text in words:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        allowed = f", or {' or '.join(words)}" if words else ""
        raise typer.BadParameter(f"“{text}” is not a day; write it like 2025-03-12{allowed}") from None


def counted(number: int, one: str, many: str) -> str:
    """`1 delivery`, `2 deliveries`."""
    return f"{number} {one if number == 1 else many}"


def shown_path(path: Path) -> str:
    """`path` as a person would type it here: relative when it lies below the working directory."""
    resolved, here = path.resolve(), Path.cwd()
    return str(resolved.relative_to(here)) if resolved.is_relative_to(here) else str(resolved)
