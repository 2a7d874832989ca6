"""A web server in our own process: a port, and an end that is asked for."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn

from newsletter.errors import NewsletterError


class Server(uvicorn.Server):
    """Leaves the signals to us: uvicorn raises them once more when it has ended, and an end asked for is no failure."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def listening(host: str, port: int, what: str) -> socket.socket:
    """A socket that listens; port 0 is any free one. Raises NewsletterError, which names `what` cannot be served."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With its protocol named, asyncio sees that it is TCP and turns Nagle's delay off: 40 ms for each answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except (OSError, OverflowError) as error:
        listener.close()
        number = error.errno if isinstance(error, OSError) else None
        why = os.strerror(number) if number and number > 0 else str(error)
        raise NewsletterError(
            f"{what} cannot be served on port {port} of {host}: {why}; choose another --port or --host"
        ) from error
    return listener


async def told_to_stop() -> None:
    """Until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, stopping.set)
    try:
        await stopping.wait()
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
