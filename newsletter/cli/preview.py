"""`newsletter preview`: what a reader would get, by the same path that sends it."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.console import answer, configuration, day_asked, go, remark, shown_path
from newsletter.cli.wanted import LATEST, OfDay, OfFixture, Wanted, address_asked, exclude, wanted

if TYPE_CHECKING:
    from datetime import date

    from newsletter.daily import Preview
    from newsletter.model import Outcome
    from newsletter.settings import Configuration

WIDTH, NARROWEST, WIDEST = 700, 200, 2000


class Format(StrEnum):
    """What to write."""

    PAGE = "page"
    HTML = "html"
    TEXT = "text"
    EML = "eml"
    HEADERS = "headers"
    PNG = "png"


_ENDINGS = {
    Format.PAGE: ".html",
    Format.HTML: ".mail.html",
    Format.TEXT: ".txt",
    Format.EML: ".eml",
    Format.HEADERS: ".headers.txt",
    Format.PNG: ".png",
}


def preview(
    context: typer.Context,
    subscriber: Annotated[str | None, typer.Option(metavar="ADDRESS", help="What this subscriber would get.")] = None,
    topic: Annotated[
        str | None, typer.Option(metavar="SLUG", help="What a reader of this one topic would get.")
    ] = None,
    channel: Annotated[
        str | None, typer.Option(metavar="NAME", help="What would be posted in this channel, on standard output.")
    ] = None,
    day: OfDay = None,
    fixture: OfFixture = None,
    locale: Annotated[
        str | None, typer.Option(metavar="CODE", help="The language of the e-mail (default: the reader's).")
    ] = None,
    form: Annotated[
        Format | None,
        typer.Option(
            "--format",
            help="A page that shows the e-mail as every program will (the default), its HTML part, its text part, "
            "the whole message, its headers, or a picture.",
        ),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(
            min=NARROWEST, max=WIDEST, metavar="PIXELS", help=f"How many pixels wide the picture is (default {WIDTH})."
        ),
    ] = None,
    dark: Annotated[bool, typer.Option("--dark", help="Draw the picture as a dark screen shows it.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write it; - is standard output.")] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open what was written, or the page that is served.")] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve the page here, and renew it when a template or a setting changes.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, metavar="PORT", help="The port to serve it on (default 8025; 0 is any)."),
    ] = None,
    send_to: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Send it there instead, its subject marked as a test.")
    ] = None,
) -> None:
    """Compose an e-mail exactly as a run would, and show it instead of sending it.

    Without a subscriber or a topic, it is what a reader without topics gets: the trending papers. Exit code 3 when a
    test message was not accepted.

    Example: newsletter preview --subscriber ada@example.org --open
    """
    if channel:
        others: dict[str, object] = {"--subscriber": subscriber, "--topic": topic, "--fixture": fixture}
        others |= {
            "--locale": locale,
            "--format": form,
            "--width": width,
            "--dark": dark,
            "--out": out,
            "--open": open_it,
        }
        exclude("--channel", {**others, "--serve": serve, "--port": port, "--send-to": send_to})
        typer.echo(go(_post(configuration(context), channel, day_asked(day, words=(LATEST,)))))
        return
    about = wanted(subscriber=subscriber, topic=topic, day=day, fixture=fixture, locale=locale)
    writing: dict[str, object] = {"--format": form, "--out": out}
    if form is not Format.PNG and (width or dark):
        raise typer.BadParameter("--width and --dark are for pictures: add --format png")
    if port is not None and not serve:
        raise typer.BadParameter("--port is for the live preview: add --serve")
    if serve:
        exclude("--serve", writing | {"--send-to": send_to})
        go(_serve(context, about, port, open_it))
    elif send_to:
        exclude("--send-to", writing | {"--open": open_it})
        raise typer.Exit(go(_send(configuration(context), about, address_asked(send_to))))
    else:
        if str(out) == "-":
            exclude("--out -", {"--open": open_it})
        loaded = configuration(context)
        written = go(_written(loaded, about, form or Format.PAGE, width or WIDTH, dark, out))
        if written and open_it:
            typer.launch(str(written.resolve()))


async def _made(loaded: Configuration, about: Wanted) -> Preview:
    from newsletter.assembly import opened_daily

    async with opened_daily(loaded) as daily:
        return await about.make(daily, loaded)


async def _post(loaded: Configuration, channel: str, day: date | None) -> str:
    from newsletter.assembly import opened_daily

    async with opened_daily(loaded) as daily:
        if not await daily.store.papers.count():
            remark("The archive is empty: collecting first.")
            await daily.collect()
        return (await daily.preview_post(channel, day)).body


def _page(made: Preview, live: str = "") -> str:
    from newsletter.previewing.page import page
    from newsletter.rendering.lint import lint

    return page(made, lint(made.message.content), live=live)


async def _written(
    loaded: Configuration, about: Wanted, form: Format, width: int, dark: bool, out: Path | None
) -> Path | None:
    """Write the message in that form, and say where; None where that is standard output."""
    made = await _made(loaded, about)
    if form is Format.PNG:
        from newsletter.previewing.pictures import picture

        content = await picture(made.parts.html, width=width, dark=dark)
    else:
        content = _content(made, form)
    if str(out) == "-":
        typer.echo(content, nl=False)
        return None
    path = out or loaded.settings.state_dir / "previews" / _file_name(made, form, about.name)
    _write(path, content)
    answer(shown_path(path))
    return path


def _content(made: Preview, form: Format) -> bytes:
    match form:
        case Format.PAGE:
            return _page(made).encode()
        case Format.HTML:
            return made.parts.html.encode()
        case Format.TEXT:
            return made.parts.text.encode()
        case Format.EML:
            return made.message.content
    from email import policy
    from email.parser import BytesHeaderParser

    headers = BytesHeaderParser(policy=policy.default).parsebytes(made.message.content)
    return "".join(f"{name}: {value}\n" for name, value in headers.items()).encode("utf-8", "replace")


def _file_name(made: Preview, form: Format, who: str) -> str:
    safe = "".join(letter if letter.isalnum() or letter in "@.-" else "-" for letter in who)
    return f"{made.digest.day}-{safe.lstrip('.')[:100]}{_ENDINGS[form]}"


def _write(path: Path, content: bytes) -> None:
    from newsletter.errors import NewsletterError

    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Private: it holds a reader's unsubscribe link.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            if path.is_file():
                os.fchmod(file.fileno(), 0o600)  # also where there was a file before
            file.write(content)
    except OSError as error:
        raise NewsletterError(f"{path} cannot be written: {error.strerror}; choose another --out") from error


async def _serve(context: typer.Context, about: Wanted, port: int | None, open_it: bool) -> None:
    from newsletter.previewing.serving import PORT, serve
    from newsletter.settings import shipped
    from newsletter.settings.loading import SETTINGS_FILE, SUBSCRIBERS_FILE, TOPICS_FILE

    loaded = configuration(context)

    async def make(live: str) -> str:
        nonlocal loaded
        loaded = configuration(context)
        return _page(await _made(loaded, about), live)

    def watched() -> list[Path]:
        # Not the folder of the three as a whole: the state folder may lie in it, and changes with every page.
        files = [loaded.folder / name for name in (SETTINGS_FILE, TOPICS_FILE, SUBSCRIBERS_FILE)]
        own = loaded.settings.email.templates
        return [*files, shipped("templates"), *([own] if own else [])]

    def ready(url: str) -> None:
        answer(url)
        remark("It follows the templates and the configuration. Ctrl-C ends it.")
        if open_it:
            typer.launch(url)

    await serve(make, watched, port=PORT if port is None else port, on_ready=ready)


async def _send(loaded: Configuration, about: Wanted, address: str) -> int:
    """Hand it to the relay and say what that answered; the exit code."""
    from newsletter.assembly import opened_daily, utc_now
    from newsletter.model import State

    async with opened_daily(loaded) as daily:
        made = await about.make(daily, loaded, address=address, trial=utc_now())
        outcome = await daily.try_out(made)
    answer(_answered(loaded, address, outcome))
    return 0 if outcome.state is State.ACCEPTED else 3


def _answered(loaded: Configuration, address: str, outcome: Outcome) -> str:
    from newsletter.assembly import outbox
    from newsletter.model import State
    from newsletter.text import clean

    relays = loaded.settings.smtp.each()
    if outcome.state is State.ACCEPTED and not relays:
        return (
            f"The test message for {address} is in the local mailbox {shown_path(outbox(loaded.settings))} (a Maildir)."
        )
    where = " or ".join(f"{one.host}:{one.port}" for one in relays) or "the local mailbox"
    reply = " ".join(filter(None, (str(outcome.code or ""), clean(outcome.text))))
    verb = {
        State.ACCEPTED: "accepted the test message",
        State.REFUSED: "refused the test message",
        State.DEFERRED: "does not take the test message now",
    }.get(outcome.state, "did not say whether it took the test message")
    return f"{where} {verb} for {address}, at {outcome.step}: {reply}"
