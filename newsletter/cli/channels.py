"""`newsletter channels`: where picks are posted besides e-mail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsletter.cli.console import AsJson, answer, answer_json, answer_table, configuration, go

if TYPE_CHECKING:
    from newsletter.settings import Configuration

COLUMNS = ("channel", "topics", "rhythm", "papers")


def channels(
    context: typer.Context,
    last: Annotated[int, typer.Option(min=0, metavar="N", help="How many of the last posts to list.")] = 10,
    as_json: AsJson = False,
) -> None:
    """List the channels of newsletter.toml, and what became of the last posts there. URLs are secret and not shown.

    `newsletter preview --channel NAME` shows what would be posted, `newsletter doctor` whether it can be.

    Example: newsletter channels --last 30
    """
    from newsletter.cli.rows import NUMBERS, POST_COLUMNS, cells

    loaded = configuration(context)
    rows: list[dict[str, Any]] = [
        {"channel": one.name, "topics": list(one.topics) or ["trending"], "rhythm": one.rhythm, "papers": one.papers}
        for one in loaded.settings.channels
    ]
    posts = go(_posts(loaded, last))
    if as_json:
        answer_json({"channels": rows, "posts": posts})
        return
    if not rows and not posts:
        answer("There are no channels; [[channels]] in newsletter.toml makes one.")
        return
    shown = [row | {"topics": ", ".join(row["topics"])} for row in rows]
    answer_table(f"{len(rows)} channels", COLUMNS, cells(shown, COLUMNS), NUMBERS)
    if posts:
        answer_table("The last posts", POST_COLUMNS, cells(posts, POST_COLUMNS), NUMBERS)


async def _posts(loaded: Configuration, last: int) -> list[dict[str, Any]]:
    from newsletter.assembly import opened_store
    from newsletter.cli.rows import post_json

    async with opened_store(loaded) as store:
        return [post_json(one) for one in await store.posts.newest(last)]
