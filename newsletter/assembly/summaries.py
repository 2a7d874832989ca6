"""What has summaries written, where a language model is configured."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime

from newsletter.assembly.sources import contact
from newsletter.daily.collecting import Progress
from newsletter.daily.summarising import Bounds, Summarising, Writer
from newsletter.settings import Settings
from newsletter.store import Store


def summarising(
    settings: Settings, store: Store, now: Callable[[], datetime], progress: Progress
) -> Summarising | None:
    """What writes the summaries of editions; None where nobody wants any."""
    llm = settings.llm
    if settings.email.summaries != "llm":
        return None

    def opened() -> AbstractAsyncContextManager[Writer]:
        from newsletter.sources.web.completions import opened_completions  # httpx takes a while to load

        return opened_completions(
            url=llm.endpoint,
            key=llm.key.get_secret_value() if llm.key else None,
            model=llm.model,
            max_tokens=llm.max_tokens,
            contact=contact(settings),
        )

    bounds = Bounds(llm.max_papers, llm.seconds, llm.budget)
    return Summarising(store, opened, llm.model, bounds, settings.digest.trending_papers, now, progress)
