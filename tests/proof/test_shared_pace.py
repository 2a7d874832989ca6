"""A limit holds for all processes that share the database together, and they make full use of it."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import Process
from collections import Counter
from pathlib import Path

import databases
import pytest

from newsletter.doctor.fault_server import FaultServer
from newsletter.policy.pacing import LATE
from newsletter.store import Store

RATE = 200


async def sender(database: str, server: FaultServer, name: str, seconds: float) -> Process:
    program = str(Path(__file__).parent / "sharing.py")
    options = (database, str(server.port), str(RATE), "4", str(seconds), name)
    return await asyncio.create_subprocess_exec(sys.executable, program, *options)


@pytest.mark.slow
@pytest.mark.parametrize("killed", [False, True])
async def test_three_processes_hold_the_pace_of_one_domain(killed: bool, tmp_path: Path) -> None:
    """Counted at the relay, from when all of them send; one that is killed leaves its share to the others."""
    database = databases.of(tmp_path)
    async with await Store.open(database):
        pass
    async with FaultServer(pipelining=False) as server:
        processes = [await sender(database, server, name, 9) for name in ("a", "b", "c")]
        while len({one.recipient[0] for one in server.taken}) < 3:
            await asyncio.sleep(0.02)
            assert [process.returncode for process in processes] == [None] * 3
        if killed:
            processes[0].kill()
        codes = [await process.wait() for process in processes]
    assert codes == [-9 if killed else 0, 0, 0]
    times = sorted(one.at.timestamp() for one in server.taken)
    began = max(min(one.at.timestamp() for one in server.taken if one.recipient[0] == name) for name in "abc")
    counted = [time for time in times if began + 1 <= time < began + 6]
    assert 0.9 * RATE <= len(counted) / 5 <= 1.1 * RATE
    # What is late for its turn may follow closely, and the relay may be late in noting it; no more than that.
    assert max(sum(first <= time < first + 2 for time in times) for first in times[::20]) <= (2 + 2 * LATE) * RATE
    assert len({one.recipient for one in server.taken}) == len(server.taken)
    if not killed:
        shares = Counter(one.recipient[0] for one in server.taken if began + 1 <= one.at.timestamp() < began + 6)
        assert min(shares.values()) >= 0.4 * max(shares.values())
