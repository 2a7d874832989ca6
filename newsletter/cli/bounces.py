"""`newsletter bounces`: what came back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsletter.cli.console import AsJson, answer, answer_json, answer_table, configuration, remark

if TYPE_CHECKING:
    from newsletter.bouncing import Taken, Told
    from newsletter.settings import Configuration
    from newsletter.store import Store

STANDARD_INPUT = "-"
TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h: the mail server keeps the mail and calls again
SETTING = "bounces.mailbox"


def bounces(
    context: typer.Context,
    mailbox: Annotated[
        str | None,
        typer.Argument(
            metavar="MAILBOX",
            help="maildir:PATH, mbox:PATH, imaps://user@host/folder, or - for one mail on standard input "
            "(default: the setting bounces.mailbox).",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read bounces, complaints and unsubscribe mails, and stop mailing those who must not be mailed.

    A hard bounce or a complaint ends it at once, soft ones when they pile up (bounces.soft_limit). Nothing is deleted:
    what cannot be understood is kept aside, and the exit code is 3. With -, for a mail server's pipe, the exit code is
    0 when the mail was taken or kept aside, and 75 (try again later) when it could not be.

    Example: newsletter bounces maildir:/var/mail/bounces
    """
    import asyncio

    from newsletter.errors import ConfigurationError, NewsletterError

    try:
        taken = asyncio.run(_take(configuration(context), mailbox))
    except (NewsletterError, ConfigurationError) as error:
        if mailbox != STANDARD_INPUT:
            raise
        remark(f"newsletter: {error}")
        raise typer.Exit(TRY_AGAIN) from None
    if as_json:
        answer_json(_as_json(taken))
    elif mailbox != STANDARD_INPUT:  # a mail server would send what we print back to somebody
        _show(taken)
    wants_a_look = bool(taken.aside or taken.reputation) and mailbox != STANDARD_INPUT
    raise typer.Exit(3 if wants_a_look else 0)


async def _take(loaded: Configuration, mailbox: str | None) -> Taken:
    from newsletter.assembly import opened_store

    async with opened_store(loaded) as store:
        return await take_from(loaded, store, mailbox)


async def take_from(loaded: Configuration, store: Store, mailbox: str | None) -> Taken:
    """Take in what is in `mailbox`, or in that of the settings. Raises NewsletterError."""
    from contextlib import aclosing

    from newsletter.assembly import utc_now
    from newsletter.bouncing import take
    from newsletter.errors import NewsletterError
    from newsletter.mail.mailboxes import open_mailbox
    from newsletter.mail.tokens import Tokens
    from newsletter.settings.keys import secret_keys

    settings = loaded.settings
    password = settings.bounces.password.get_secret_value() if settings.bounces.password else None
    where = mailbox or settings.bounces.mailbox
    if not where:
        raise NewsletterError(
            f"there is no mailbox to read: set {SETTING}, or name one: newsletter bounces maildir:PATH"
        )
    # As every path: in the file it counts from the file's folder, elsewhere from the working directory.
    in_file = not mailbox and any(one.key == SETTING and one.origin.endswith(".toml") for one in loaded.origins)
    mails = open_mailbox(
        where,
        folder=loaded.folder if in_file else Path.cwd(),
        aside=settings.state_dir / "aside",
        password=password,
    )
    async with aclosing(mails):
        tokens = Tokens(secret_keys(settings))
        return await take(store, tokens, mails, utc_now(), settings.bounces.soft_limit)


def _as_json(taken: Taken) -> dict[str, Any]:
    def rows(told: list[Told]) -> list[dict[str, str]]:
        return [{"address": one.address, "why": one.why} for one in told]

    return {
        "counts": _counts(taken),
        "known": taken.known,
        "suppressed": rows(taken.suppressed),
        "reputation": rows(taken.reputation),
        "aside": rows(taken.aside),
    }


def _counts(taken: Taken) -> dict[str, int]:
    from newsletter.policy.bounces import BounceKind

    return {str(kind): taken.counts[kind] for kind in BounceKind}


def _show(taken: Taken) -> None:
    counts = [(kind, number) for kind, number in _counts(taken).items() if number]
    answer_table(f"{sum(taken.counts.values())} new reports", ("kind", "number"), counts, ("number",))
    for title, told in (
        ("Not mailed any more", taken.suppressed),
        (
            "Refused because of us, not of the reader: see what the receiver says, and `newsletter doctor`",
            taken.reputation,
        ),
        ("Kept aside for you to look at; the address is what the mail claims", taken.aside),
    ):
        if told:
            answer_table(title, ("address", "why"), [(one.address, one.why) for one in told])
    if taken.known:
        answer(f"{taken.known} were counted before.")
