"""`newsletter config`: what is set, and whether it holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from newsletter.cli.console import AsJson, answer, answer_json, answer_table, configuration, remark, shown_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from newsletter.settings import Configuration
    from newsletter.sources.options import SourceOptions

app = typer.Typer(help="Show and check the configuration.", no_args_is_help=True, rich_markup_mode=None)

MASK = "********"
SECRET = {"secret_keys", "smtp.password", "smtp.passwords", "bounces.password"}
SHORT_KEY = 16


@app.command("show")
def show(context: typer.Context, as_json: AsJson = False) -> None:
    """Print every setting, its value and where it came from; secrets are masked.

    Example: NEWSLETTER_SMTP__PORT=2525 newsletter config show
    """
    loaded = configuration(context)
    rows = [(one.key, _shown(one.key, one.value), one.origin) for one in loaded.origins]
    if as_json:
        answer_json([{"key": key, "value": value, "origin": origin} for key, value, origin in rows])
        return
    as_text = [
        (key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), origin)
        for key, value, origin in rows
    ]
    answer_table(f"Settings of {shown_path(loaded.folder)}", ("setting", "value", "from"), as_text)


def _shown(key: str, value: Any) -> Any:
    if key == "sources":
        from newsletter.sources.web.faults import masked

        addresses = {"url", "base_url", "api_url"}
        return [
            {name: masked(one, lambda _: MASK) if name in addresses and one else one for name, one in source.items()}
            for source in value
        ]
    if key == "database.url" and value:
        from newsletter.store.opening import without_password

        return without_password(value)
    if key not in SECRET or not value:
        return value
    return [MASK] * len(value) if isinstance(value, (list, tuple)) else MASK


@app.command("check")
def check(context: typer.Context) -> None:
    """Read the three files and the environment and report everything that is wrong. Exit code 2 when something is.

    Example: newsletter --config ~/papers config check
    """
    loaded = configuration(context)
    for warning in warnings(loaded):
        remark(f"warning: {warning}")
    counts = (
        f"{len(loaded.settings.sources)} sources, {len(loaded.topics)} topics, {len(loaded.subscribers)} subscribers"
    )
    answer(f"{shown_path(loaded.folder)} is fine: {counts}.")


def warnings(loaded: Configuration) -> list[str]:
    """What is allowed and yet hardly meant."""
    from newsletter.mail.dkim import readable_by_others

    settings = loaded.settings
    found = []
    if settings.smtp.each() and settings.sender.address.endswith("@example.org"):
        found.append("sender.address is still the sample address; relays will refuse mail from example.org")
    if any(len(key.get_secret_value()) < SHORT_KEY for key in settings.secret_keys):
        found.append(f"a secret key has fewer than {SHORT_KEY} characters and could be guessed")
    keys = [key for key in (settings.dkim.rsa_key, settings.dkim.ed25519_key) if key and key.exists()]
    found += [f"{key} can be read by others: chmod 600 {key}" for key in keys if readable_by_others(key)]
    if any(one.username and one.password is None for one in settings.smtp.each()):
        found.append("smtp.username is set and smtp.password is not")
    return [*found, *_tokens(settings.sources)]


def _tokens(sources: Sequence[SourceOptions]) -> Iterator[str]:
    """Tokens that cannot be read, or could be by others."""
    from newsletter.mail.dkim import readable_by_others
    from newsletter.sources.options import NetworkOptions

    for options in sources:
        if isinstance(options, NetworkOptions) and options.token_file:
            try:
                options.secret()
            except ValueError as error:
                yield f"source {options.name}: {error}"
            else:
                if readable_by_others(options.token_file):
                    yield f"{options.token_file} can be read by others: chmod 600 {options.token_file}"
