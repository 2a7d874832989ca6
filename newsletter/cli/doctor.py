"""`newsletter doctor`: what an operator asks when something is wrong, and a guarantee that can be run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsletter.cli.console import AsJson, answer, answer_json, answer_table, configuration, progress_bar

if TYPE_CHECKING:
    from newsletter.doctor.findings import Finding
    from newsletter.doctor.proof import Plan, Proven

POLICIES = ("resend", "hold")


def doctor(
    context: typer.Context,
    prove: Annotated[
        bool, typer.Option("--prove", help="Kill a real sender at random and compare the books of both sides.")
    ] = False,
    kills: Annotated[int, typer.Option(min=1, help="With --prove: how often.")] = 20,
    readers: Annotated[int, typer.Option(min=10, help="With --prove: to how many.")] = 200,
    policy: Annotated[str, typer.Option(help="With --prove: delivery.on_unknown, resend or hold.")] = "resend",
    seed: Annotated[int, typer.Option(help="With --prove: another number draws other moments.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Look at everything that a day's mail needs: folder, disk, keys, database, clock, relay, sender, DNS,
    language model, channels.

    No message is sent. Exit code 1 when something fails; each failure names the setting to change.

    With --prove, nothing of yours is touched: a copy of this program sends to a failing SMTP server on this machine, is
    killed again and again, and what the server took is held against the ledger. Exit code 1 when a promise is broken.

    Example: newsletter doctor --prove --policy hold
    """
    if not prove:
        _examine(context, as_json)
        return
    from newsletter.doctor.proof import Plan

    if policy not in POLICIES:
        raise typer.BadParameter(f"“{policy}” is no policy; there are {' and '.join(POLICIES)}")
    _prove(Plan(kills, readers, policy, seed), as_json)


def _examine(context: typer.Context, as_json: bool) -> None:
    import asyncio

    from newsletter.doctor.findings import Health

    found = asyncio.run(_findings(context))
    if as_json:
        answer_json([{"name": one.name, "health": one.health, "sentence": one.sentence} for one in found])
    else:
        rows = [(one.name, one.health, one.sentence) for one in found]
        answer_table("What the doctor found", ("check", "health", "finding"), rows)
        failed = sum(one.health is Health.FAIL for one in found)
        answer(f"{failed} of {len(found)} checks failed." if failed else "Nothing failed.")
    raise typer.Exit(1 if any(one.health is Health.FAIL for one in found) else 0)


async def _findings(context: typer.Context) -> list[Finding]:
    from functools import partial

    from newsletter.assembly import DATABASE, opened_store, outbox, utc_now
    from newsletter.doctor import checks
    from newsletter.doctor.channels import channels
    from newsletter.doctor.findings import fail, ok
    from newsletter.doctor.records import records
    from newsletter.doctor.relaying import relay
    from newsletter.doctor.summaries import summaries
    from newsletter.errors import ConfigurationError
    from newsletter.settings.keys import SECRET_KEYS, secret_keys

    try:
        loaded = configuration(context)
    except ConfigurationError as error:
        return [fail("configuration", str(fault)) for fault in error.faults]
    settings, folder = loaded.settings, loaded.settings.state_dir
    keys = (settings.dkim.rsa_key, settings.dkim.ed25519_key)
    return [
        ok("configuration", f"{loaded.folder} can be read, and every value makes sense."),
        checks.state_folder(folder),
        checks.disk(folder),
        checks.secret_keys(partial(secret_keys, settings)),
        checks.private_files([folder / SECRET_KEYS, folder / DATABASE, *(key for key in keys if key)]),
        *await checks.database(partial(opened_store, loaded), utc_now()),
        *await relay(settings, outbox(settings)),
        *await records(settings),
        *await summaries(settings),
        *channels(settings),
    ]


def _prove(plan: Plan, as_json: bool) -> None:
    import asyncio
    import tempfile
    from pathlib import Path

    from newsletter.doctor.proof import prove

    with tempfile.TemporaryDirectory(prefix="newsletter-proof-") as folder, progress_bar() as progress:
        proven = asyncio.run(prove(plan, Path(folder), progress))
    broken = proven.broken()
    if as_json:
        answer_json(_proven_json(proven) | {"broken": broken})
    else:
        title = f"{proven.kills} kills with on_unknown = “{plan.policy}”, in {proven.seconds:.0f} seconds"
        answer_table(title, ("what", "number", "meaning"), _proven_rows(proven), ("number",))
        for sentence in broken:
            answer(f"BROKEN: {sentence}")
        if not broken:
            answer("Proven: nothing lost, nothing doubled that could be helped, and the counts add up.")
    raise typer.Exit(1 if broken else 0)


def _proven_rows(proven: Proven) -> list[tuple[str, object, str]]:
    resend = proven.plan.policy == "resend"
    per_kill = f"at most {max(proven.in_the_dark, default=0)} at a kill, with {proven.plan.connections} connections"
    doubled = f"all of them byte for byte the same; {proven.bound} could not be helped" if resend else "none is allowed"
    if proven.differing:
        doubled = f"{len(proven.differing)} of them with other bytes"
    return [
        ("kills", proven.kills, f"of {proven.runs} runs, by SIGKILL at random moments"),
        ("deliveries", proven.deliveries, "one for each reader and round"),
        ("accepted", proven.taken, "by the relay, at least once"),
        ("refused", proven.refused, "by the relay, on purpose"),
        ("in the dark", sum(proven.in_the_dark), f"handed over when the kill came; {per_kill}"),
        ("cut off", proven.dropped, "answers that the relay itself withheld"),
        ("lost", len(proven.lost), "neither with the relay nor listed as unknown"),
        ("doubled", proven.doubled, doubled),
        ("unknown", proven.unknown, f"listed for the operator; the relay has {proven.unknown_taken} of them"),
        ("unbalanced", proven.unbalanced, f"of {proven.runs} looks at the ledger, one after every restart"),
    ]


def _proven_json(proven: Proven) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(proven) | {"doubled": proven.doubled, "bound": proven.bound}
