"""A sender that shares a pace: python sharing.py DATABASE PORT PER_SECOND CONNECTIONS SECONDS NAME

It sends to one domain, as fast as it may, for so many seconds. It is a program of its own, because several of them have
to be processes.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time

from newsletter.mail.pool import Pool
from newsletter.mail.relay import Relay, Security
from newsletter.mail.turns import SharedPace
from newsletter.model import Message
from newsletter.policy.pacing import Pace
from newsletter.store import Store

WAITING = 32
"""Messages that are ready besides those under way, as in a run."""


async def nothing() -> None: ...


async def main(database: str, port: int, per_second: float, connections: int, seconds: float, name: str) -> None:
    relay = Relay("127.0.0.1", port, Security.NONE)
    until = time.monotonic() + seconds
    numbers = itertools.count()
    async with await Store.open(database) as store:
        pace = SharedPace("relay", Pace(per_domain=per_second), store.allowances)
        async with Pool(relay, "localhost", connections=connections, pace=pace) as pool:

            async def send_on() -> None:
                while time.monotonic() < until:
                    to = f"{name}-{next(numbers)}@example.org"
                    content = f"Message-ID: <{to}>\r\n\r\nhello\r\n".encode()
                    await pool.send(Message(f"<{to}>", "papers@example.org", to, content, 0), nothing)

            await asyncio.gather(*(send_on() for _ in range(connections + WAITING)))


if __name__ == "__main__":
    _, url, at, rate, lines, length, who = sys.argv
    asyncio.run(main(url, int(at), float(rate), int(lines), float(length), who))
