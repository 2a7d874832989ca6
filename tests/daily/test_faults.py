"""The whole path against every fault of the fault server: the right state, nothing lost, nothing doubled."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from world import FRIDAY, World, reader

from newsletter.doctor.fault_server import FAULTS, Fault, FaultServer
from newsletter.errors import RelayError
from newsletter.model import State, Step

# What each fault has to end as at the first try. Where the answer to the message was lost, nobody can know.
EXPECTED = {
    "ok": State.ACCEPTED,
    "defer-rcpt": State.DEFERRED,
    "refuse-rcpt": State.REFUSED,
    "policy": State.REFUSED,
    "full": State.DEFERRED,
    "busy": State.DEFERRED,
    "drop-rcpt": State.DEFERRED,
    "garbage-rcpt": State.DEFERRED,
    "slow-rcpt": State.ACCEPTED,
    "defer-data": State.DEFERRED,
    "refuse-data": State.REFUSED,
    "busy-data": State.DEFERRED,
    "drop-data": State.DEFERRED,
    "garbage-data": State.DEFERRED,
    "drop-body": State.UNKNOWN,
    "defer-dot": State.DEFERRED,
    "refuse-dot": State.REFUSED,
    "busy-dot": State.DEFERRED,
    "slow": State.ACCEPTED,
    "drop-dot": State.UNKNOWN,
    "lost-dot": State.UNKNOWN,
    "garbage-dot": State.UNKNOWN,
    "greylist-once": State.DEFERRED,
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.list_papers(FRIDAY, "A Robot That Walks")
    return made


def towards(world: World, server: FaultServer, on_unknown: str) -> None:
    settings = world.configuration.settings
    smtp = {"host": server.host, "port": server.port, "security": "none", "connections": 3}
    world.settings(
        smtp=settings.smtp.model_copy(update=smtp),
        delivery=settings.delivery.model_copy(update={"on_unknown": on_unknown, "error_share": 1.0}),
    )


def test_every_fault_has_its_expected_state() -> None:
    assert set(FAULTS) | {"ok"} == set(EXPECTED)


@pytest.mark.parametrize("on_unknown", ["hold", "resend"])
async def test_each_fault_ends_in_its_state_and_the_counts_add_up(world: World, on_unknown: str) -> None:
    world.readers(*(reader(name) for name in EXPECTED))
    async with FaultServer() as server:
        towards(world, server, on_unknown)
        states = await world.run(FRIDAY)
        found = {address.partition("@")[0]: state for address, state in states.items()}
        # A connection that ends over another message may take this one's first try with it; it is tried again at once.
        if found["greylist-once"] is State.ACCEPTED:
            found["greylist-once"] = State.DEFERRED
        assert found == EXPECTED
        first = Counter(taken.recipient for taken in server.taken)
        assert max(first.values()) == 1
        # Later, those that only asked for patience are tried again, and lost answers as the setting says.
        # One whose first try was ended by other messages' faults before the server saw it meets its own fault only now.
        async with world.daily() as daily:
            for _ in range(3):
                world.now += timedelta(hours=5)
                await daily.run(world.now)
                if any(one.recipient.startswith("greylist-once@") for one in server.taken):
                    break
            counts = await daily.store.ledger.counts()
            suppressed = set(await daily.store.subscribers.suppressed())
            assert await daily.store.ledger.balanced()
        assert sum(counts.values()) == len(EXPECTED)
        assert suppressed == {"refuse-rcpt@example.org"}
        taken = Counter(one.recipient.partition("@")[0] for one in server.taken)
        lost = {name for name, state in EXPECTED.items() if state is State.UNKNOWN}
        assert taken["greylist-once"] == 1
        assert all(number == 1 for name, number in taken.items() if name not in lost)
        doubled = {name for name, number in taken.items() if number > 1}
        assert doubled == (set() if on_unknown == "hold" else {"drop-dot", "garbage-dot"})
        copies: dict[str, set[str]] = {}
        for one in server.taken:
            copies.setdefault(one.recipient, set()).add(f"{one.message_id} {one.sha256}")
        assert all(len(versions) == 1 for versions in copies.values())
        assert all(taken[name] >= 1 for name, state in EXPECTED.items() if state is State.ACCEPTED)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(Step.CONNECT, "554 5.3.2 No service here"),
        Fault(Step.EHLO, "550 5.7.1 Not you"),
        Fault(Step.MAIL, "550 5.1.8 Sender refused"),
    ],
    ids=["greeting", "EHLO", "MAIL"],
)
async def test_what_hits_everybody_stops_the_run_and_leaves_all_open(world: World, fault: Fault) -> None:
    world.readers(*(reader(f"reader{n}") for n in range(5)))
    async with FaultServer(always=[fault]) as server:
        towards(world, server, "hold")
        with pytest.raises(RelayError, match=f"{server.host}:{server.port}"):
            await world.run(FRIDAY)
        assert server.taken == []
        async with world.daily() as daily:
            assert (await daily.store.ledger.counts())[State.READY] == 5
    async with FaultServer() as server:
        towards(world, server, "hold")
        assert set((await world.run(FRIDAY)).values()) == {State.ACCEPTED}
        assert len(server.taken) == 5
