"""`newsletter schedule`: run every day."""

from __future__ import annotations

import typer

from newsletter.cli.console import answer, configuration, remark


def schedule(context: typer.Context) -> None:
    """Run every day at the configured time (schedule.at, schedule.timezone, schedule.days), in the foreground.

    The configuration is read again for every run, so new topics and readers count at once; a new time of day counts
    after a restart. SIGTERM or Ctrl-C ends it; a run that has begun is finished first.

    Example: newsletter --config ~/papers schedule
    """
    import asyncio

    from newsletter.assembly import opened_daily, utc_now
    from newsletter.cli.run import show
    from newsletter.errors import ConfigurationError, NewsletterError
    from newsletter.scheduling import serve

    async def run() -> None:
        try:
            loaded = configuration(context)
            async with opened_daily(loaded) as daily:
                report = await daily.run(utc_now())
            show(loaded, report, [])
        except ConfigurationError as error:
            remark(f"not run, the configuration is wrong:\n{error}")
        except NewsletterError as error:
            remark(f"the run stopped: {error}")

    asyncio.run(serve(configuration(context).settings, run, answer))
