"""An installation whose sender is a process of its own, before a failing server in this one."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import databases

from newsletter.doctor.fault_server import FaultServer
from newsletter.model import Delivery, State, Subscriber
from newsletter.settings import shipped
from newsletter.store import Store

LONGEST_RUN = 90.0
RUN = ("run", "--date", "latest")


class Sending:
    """`newsletter` commands on the state folder `state`, with `server` for a relay; `program` is what Python is told to
    run."""

    def __init__(self, folder: Path, server: FaultServer, state: Path | None = None, **settings: object) -> None:
        self.folder = folder
        self.server = server
        self.state = state or folder / "state"
        self.database = self.state / "newsletter.db"
        self.url = str(settings.get("DATABASE__URL", databases.of(self.state)))
        given = {
            "STATE_DIR": self.state,
            "SECRET_KEYS": "a-key-for-the-tests-and-nothing-else",
            "SMTP__HOST": server.host,
            "SMTP__PORT": server.port,
            "SMTP__SECURITY": "none",
            "DATABASE__URL": self.url,
            "RANKING__MODELS": "none",  # those of the extras take their time, and nothing here is about them
            "LOGGING__LEVEL": "warning",  # standard error is to be empty where nothing wants a look
            **settings,
        }
        self.program = ["-m", "newsletter"]
        self.environment = os.environ | {f"NEWSLETTER_{name}": str(value) for name, value in given.items()}
        self._configuration = folder / "config"
        self._configuration.mkdir()
        (self._configuration / "topics.toml").write_bytes((shipped("config") / "topics.toml").read_bytes())
        for name in ("newsletter.toml", "subscribers.toml"):
            (self._configuration / name).touch()

    async def readers(self, addresses: Sequence[str]) -> None:
        """Import them."""
        self.state.mkdir(mode=0o700, exist_ok=True)
        async with await Store.open(self.url) as store:
            await store.subscribers.add([Subscriber(address, origin="import") for address in addresses])

    async def start(self, *arguments: str, before: Callable[[], None] | None = None) -> Process:
        """Begin a command, by default a run; `before` is called in the new process."""
        command = [sys.executable, *self.program, "--config", str(self._configuration), *(arguments or RUN)]
        return await asyncio.create_subprocess_exec(
            *command, stdout=PIPE, stderr=PIPE, env=self.environment, preexec_fn=before
        )

    async def ended(self, process: Process, *expected: int) -> str:
        """Wait for the end; what was said on standard error. Another exit code than expected fails the test."""
        try:
            out, err = (said.decode() for said in await asyncio.wait_for(process.communicate(), LONGEST_RUN))
        except TimeoutError:
            process.kill()
            await process.communicate()
            raise
        assert process.returncode in expected, f"exit {process.returncode}\n{out}\n{err}\n{await self.counts()}"
        assert "Traceback" not in err, err[-3000:]
        return err

    async def run(self, *expected: int) -> str:
        return await self.ended(await self.start(), *(expected or (0,)))

    async def until_taken(self, number: int) -> None:
        """Wait until the relay has `number` messages."""
        deadline = time.monotonic() + 30
        while len(self.server.taken) < number:
            assert time.monotonic() < deadline, f"only {len(self.server.taken)} of {number} messages came"
            await asyncio.sleep(0.002)

    async def deliveries(self) -> list[Delivery]:
        async with await Store.open(self.url) as store:
            assert await store.ledger.balanced()
            return await store.ledger.deliveries()

    async def counts(self) -> dict[str, int]:
        return dict(Counter(str(one.state) for one in await self.deliveries()))

    async def unknown(self) -> set[str]:
        return {one.address for one in await self.deliveries() if one.state is State.UNKNOWN}

    def copies(self) -> Counter[str]:
        """How many copies the relay has for each reader. Those for one reader must be byte for byte the same."""
        kinds = {(one.recipient, one.message_id, one.sha256) for one in self.server.taken}
        assert len(kinds) == len({recipient for recipient, *_ in kinds}), "copies for one reader differ"
        return Counter(one.recipient for one in self.server.taken)


def numbered(number: int, name: str = "ok") -> list[str]:
    return [f"{name}+{one:03}@example.org" for one in range(number)]
