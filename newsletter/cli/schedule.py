"""`newsletter schedule`: run every day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from newsletter.cli.console import answer, configuration, remark

if TYPE_CHECKING:
    from datetime import datetime

    from newsletter.daily import Daily


def schedule(context: typer.Context) -> None:
    """Run every day at the configured time (schedule.at, schedule.timezone, schedule.days), in the foreground.

    When a source should have announced more by then, the run looks again every twenty minutes before it sends, for at
    most collecting.wait hours.

    The configuration is read again for every run, so new topics and readers count at once; a new time of day counts
    after a restart. SIGTERM or Ctrl-C ends it; messages that are being handed over are finished first.

    Example: newsletter --config ~/papers schedule
    """
    import asyncio

    from newsletter.assembly import opened_daily, utc_now
    from newsletter.cli.run import show
    from newsletter.errors import ConfigurationError, NewsletterError
    from newsletter.scheduling import LOOK_AGAIN, last_time, patience_ends, serve

    under_way: list[Daily] = []

    async def run() -> datetime | None:
        try:
            loaded = configuration(context)
            async with opened_daily(loaded) as daily:
                under_way.append(daily)
                now = utc_now()
                ends = patience_ends(loaded.settings, now)
                report = await daily.run(now, last_time(loaded.settings, now).date(), patient=now < ends)
            show(loaded, report, [])
            if report.failure:
                remark(f"the run stopped: {report.failure}")
            later = [one.next_at for one in report.deliveries if one.next_at]
            return min([*later, *([min(utc_now() + LOOK_AGAIN, ends)] if report.waiting else [])], default=None)
        except ConfigurationError as error:
            remark(f"not run, the configuration is wrong:\n{error}")
        except NewsletterError as error:
            remark(f"the run stopped: {error}")
        finally:
            under_way.clear()
        return None

    def stop() -> None:
        for daily in under_way:
            daily.stop()

    asyncio.run(serve(configuration(context).settings, run, stop, answer))
