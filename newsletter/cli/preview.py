"""`newsletter preview`: what a reader would get, by the same path that sends it."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.console import answer, configuration, day_asked, remark, shown_path

if TYPE_CHECKING:
    from newsletter.daily import Daily, Preview
    from newsletter.model import Subscriber
    from newsletter.settings import Configuration

LATEST = "latest"


class Format(StrEnum):
    """What to write."""

    HTML = "html"
    TEXT = "text"
    EML = "eml"
    HEADERS = "headers"


_ENDINGS = {Format.HTML: ".html", Format.TEXT: ".txt", Format.EML: ".eml", Format.HEADERS: ".headers.txt"}


def preview(
    context: typer.Context,
    subscriber: Annotated[str | None, typer.Option(metavar="ADDRESS", help="What this subscriber would get.")] = None,
    topic: Annotated[
        str | None, typer.Option(metavar="SLUG", help="What a reader of this one topic would get.")
    ] = None,
    day: Annotated[
        str | None, typer.Option("--date", metavar="DAY", help="The day (default, and “latest”: the archive's newest).")
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="The HTML part, the text part, the message, or its headers.")
    ] = Format.HTML,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write it; - is standard output.")] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open the file when it is written.")] = False,
) -> None:
    """Compose an e-mail exactly as a run would, and write it to a file instead of sending it.

    Without a subscriber or a topic, it is what a reader without topics gets: the trending papers.

    Example: newsletter preview --subscriber ada@example.org --open
    """
    import asyncio

    from newsletter.assembly import opened_daily

    if subscriber and topic:
        raise typer.BadParameter("give --subscriber or --topic, not both")
    loaded = configuration(context)
    asked = day_asked(day, words=(LATEST,))

    async def go() -> Preview:
        async with opened_daily(loaded) as daily:
            if not await daily.store.papers.count():
                remark("The archive is empty: collecting first.")
                await daily.collect()
            return await daily.preview(await _reader(daily, loaded, subscriber, topic), asked)

    made = asyncio.run(go())
    content = _content(made, form)
    if out is not None and str(out) == "-":
        typer.echo(content, nl=False)
        return
    path = out or loaded.settings.state_dir / "previews" / _file_name(made, form, subscriber or topic)
    _write(path, content)
    answer(shown_path(path))
    if open_it:
        typer.launch(str(path.resolve()))


async def _reader(daily: Daily, loaded: Configuration, address: str | None, topic: str | None) -> Subscriber:
    from newsletter.errors import NotFoundError
    from newsletter.model import Subscriber
    from newsletter.policy.address import normal_address

    if address is None:
        if topic is not None and topic not in {one.slug for one in loaded.topics}:
            raise NotFoundError(f"there is no topic “{topic}”; `newsletter topics` lists them")
        return Subscriber("reader@example.org", topics=(topic,) if topic else ())
    try:
        found = await daily.store.subscribers.find(normal_address(address))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if found is None:
        raise NotFoundError(f"there is no subscriber {address}; `newsletter subscribers list` lists them")
    return found


def _content(made: Preview, form: Format) -> bytes:
    if form is Format.HTML:
        return made.parts.html.encode()
    if form is Format.TEXT:
        return made.parts.text.encode()
    if form is Format.EML:
        return made.message.content
    from email import policy
    from email.parser import BytesHeaderParser

    headers = BytesHeaderParser(policy=policy.default).parsebytes(made.message.content)
    return "".join(f"{name}: {value}\n" for name, value in headers.items()).encode("utf-8", "replace")


def _file_name(made: Preview, form: Format, who: str | None) -> str:
    safe = "".join(letter if letter.isalnum() or letter in "@.-" else "-" for letter in who or "trending")
    return f"{made.digest.day}-{safe.lstrip('.')[:100]}{_ENDINGS[form]}"


def _write(path: Path, content: bytes) -> None:
    from newsletter.errors import NewsletterError

    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Private: it holds a reader's unsubscribe link.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
    except OSError as error:
        raise NewsletterError(f"{path} cannot be written: {error.strerror}; choose another --out") from error
