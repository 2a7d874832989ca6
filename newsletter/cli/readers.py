"""The reader and the paper that a command is about, and how much a digest shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.console import remark

if TYPE_CHECKING:
    from newsletter.model import Paper, Subscriber
    from newsletter.ranking import Limits
    from newsletter.settings import Configuration
    from newsletter.store import Store

OfReader = Annotated[str, typer.Option("--subscriber", metavar="ADDRESS", help="The reader.")]


async def known_reader(store: Store, address: str) -> Subscriber:
    """The subscriber at a normalised address. Raises NotFoundError."""
    from newsletter.errors import NotFoundError

    found = await store.subscribers.find(address)
    if found is None:
        raise NotFoundError(f"there is no subscriber {address}; `newsletter subscribers list` lists them")
    return found


async def paper_meant(store: Store, words: str) -> Paper:
    """The one paper that `words` mean. Raises NotFoundError where there is none, or several; those are listed."""
    from newsletter.errors import NotFoundError
    from newsletter.text import readable

    found = await store.papers.resolve(words)
    if not found:
        raise NotFoundError(f"the archive has no paper “{words}”; `newsletter papers --search WORDS` looks for one")
    if len(found) > 1:
        for one in found:
            remark(f"{one.id}  {readable(one).title}")
        raise NotFoundError(
            f"“{words}” may mean any of these {len(found)} papers; name one by its id or its whole title"
        )
    return found[0]


def limits(loaded: Configuration) -> Limits:
    """How much one digest shows."""
    from newsletter.assembly import limits

    return limits(loaded.settings)
