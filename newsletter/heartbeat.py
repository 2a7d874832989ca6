"""The heartbeat: an address on the web that is asked after every run that went well.

Whoever serves it notices when nobody asks any more, which no program that has died can say itself.
"""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from newsletter import __version__

TRIES = 3
TIMEOUT = 10.0
"""Seconds for each try."""


async def ping(url: str, pause: float = 1.0) -> str:
    """Ask `url` by GET, TRIES times at the most, `pause` seconds after the first try and twice as long after the next.

    Returns why nobody heard it, empty where somebody did; raises nothing, for no run is to fail by it.
    """
    import httpx  # which takes a while to load, as stamina does
    import stamina

    stamina.instrumentation.set_on_retry_hooks(())  # we say it ourselves, once, and without the address
    logging.getLogger("httpx").setLevel(logging.WARNING)
    agent = {"User-Agent": f"paper-newsletter/{__version__}"}
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=True, headers=agent) as client:
            async for attempt in stamina.retry_context(
                on=httpx.HTTPError, attempts=TRIES, timeout=None, wait_initial=pause, wait_jitter=0
            ):
                with attempt:
                    (await client.get(url)).raise_for_status()
    except httpx.HTTPStatusError as error:
        return f"{urlsplit(url).hostname} answered {error.response.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        return f"{urlsplit(url).hostname} did not answer ({type(error).__name__})"
    return ""
