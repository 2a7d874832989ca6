"""`newsletter dkim`: keys that sign the mail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.console import answer, configuration, shown_path

if TYPE_CHECKING:
    from newsletter.settings import Configuration

app = typer.Typer(help="Make the keys that sign the mail (DKIM).", no_args_is_help=True, rich_markup_mode=None)


@app.command("new")
def new(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Option("--folder", metavar="DIR", help="Where the keys go (default: dkim in the state folder)."),
    ] = None,
    domain: Annotated[
        str | None, typer.Option("--domain", help="The domain that signs (default: dkim.domain, else the sender's).")
    ] = None,
) -> None:
    """Make an RSA and an Ed25519 key; print the DNS records to publish and the settings to add.

    Keys that are there are never overwritten. Nothing is signed before the settings name the keys.

    Example: newsletter dkim new --domain papers.example.org
    """
    from newsletter.mail.dkim import dns_record, new_keys

    loaded = configuration(context)
    settings = loaded.settings.dkim
    signing = _domain(loaded, domain)
    selectors = {"rsa": settings.rsa_selector, "ed25519": settings.ed25519_selector}
    keys = new_keys(folder or loaded.settings.state_dir / "dkim")
    answer(f"Made {' and '.join(shown_path(key.path) for key in keys)}, readable by you only.")
    answer(f"\n1. Publish these records in the DNS of {signing} (name, type, value). Where only one string fits, join")
    answer("   the quoted ones without quotes and space:\n")
    for key in keys:
        answer(f"{selectors[key.kind]}._domainkey.{signing}. TXT {dns_record(key.public_key)}")
    answer("\n2. When they are out, add to newsletter.toml:\n")
    answer("[dkim]")
    answer(f"domain = {_toml(signing)}")
    for key in keys:
        answer(f"{key.kind}_key = {_toml(_from(loaded.folder, key.path))}")


def _domain(loaded: Configuration, asked: str | None) -> str:
    """The signing domain in its ASCII form."""
    from newsletter.mail.headers import wire_address

    domain = asked or loaded.settings.dkim.domain or loaded.settings.sender.address.rpartition("@")[2]
    try:
        return wire_address(f"postmaster@{domain}").rpartition("@")[2]
    except ValueError:
        raise typer.BadParameter(f"“{domain}” is not a domain; write it like papers.example.org") from None


def _from(folder: Path, path: Path) -> str:
    """`path` as newsletter.toml in `folder` names it."""
    resolved = path.resolve()
    return str(resolved.relative_to(folder)) if resolved.is_relative_to(folder) else str(resolved)


def _toml(text: str) -> str:
    """A basic string of TOML, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)
