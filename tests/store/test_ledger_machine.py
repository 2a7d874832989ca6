"""The ledger against any order of events: a naive model beside it, and a relay that remembers what it accepted.

P1  every delivery that was planned is in exactly one state, the one the model expects, and the counts add up
P2  with "hold" the relay never has a message twice, with "resend" once more at the most, after an unknown outcome
P4  one delivery per subscriber and date, whoever plans how often
P5  no message is begun for a reader who has left, paused or is suppressed
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import update

from newsletter.model import OPEN_STATES, Phase, State, Status, Subscriber
from newsletter.store import Store, WithdrawnError, tables

Some = TypeVar("Some")

START = datetime(2025, 3, 12, 7, tzinfo=UTC)
LEASE = timedelta(minutes=30)
RETRY = timedelta(minutes=10)
DAYS = (date(2025, 3, 12), date(2025, 3, 13))
READERS = range(1, 5)
ANSWERS = ["accept", "defer", "refuse", "lose", "accept and lose", "accept and lose"]
WAITING = {State.READY, State.DEFERRED}

MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Thousands of commits, and no question of what survives a power cut: a real disk would only take its time."""

Key = tuple[int, date]


@dataclass
class Row:
    """What the model knows of one delivery."""

    state: State = State.READY
    phase: Phase | None = None
    owner: str | None = None
    until: datetime = START
    next_at: datetime | None = None
    attempt: int = 0
    resent: bool = False


@dataclass(frozen=True)
class Held:
    """A delivery in the hands of a sender, who does not know what becomes of its row meanwhile."""

    owner: str
    id: int
    key: Key
    in_data: bool = False
    # Which the ledger only names in its log.
    address: str = ""
    attempt: int = 1

    @property
    def local_date(self) -> date:
        return self.key[1]


class LedgerMachine(RuleBasedStateMachine):
    """Two stores on one file, as two processes have; a sender is a name, what it holds, and dies when told to."""

    template: Path

    @initialize(on_unknown=st.sampled_from(["hold", "resend"]))
    def begin(self, on_unknown: str) -> None:
        self.on_unknown = on_unknown
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY))
        self.runner = asyncio.Runner()
        shutil.copy(self.template, self.folder / "newsletter.db")
        url = f"sqlite:///{self.folder}/newsletter.db"
        self.stores = [self.run(Store.open(url)) for _ in range(2)]
        self.file = sqlite3.connect(self.folder / "newsletter.db", isolation_level=None)
        self.now = START
        self.model: dict[Key, Row] = {}
        self.number: dict[Key, int] = {}
        self.away: dict[int, str] = {}
        self.senders = 0
        self.dead: set[str] = set()
        self.held: list[Held] = []
        self.accepted: Counter[Key] = Counter()
        self.unknowns: Counter[Key] = Counter()
        self.reopened: Counter[Key] = Counter()
        self.plan(DAYS[0], set(READERS[:3]), 1)

    def run(self, doing: Coroutine[Any, Any, Some]) -> Some:
        return self.runner.run(doing)

    @property
    def store(self) -> Store:
        """Now one process, now the other."""
        self.stores.reverse()
        return self.stores[0]

    # Events

    @rule(day=st.sampled_from(DAYS), readers=st.sets(st.sampled_from(READERS), min_size=1), planners=st.integers(1, 3))
    def plan(self, day: date, readers: set[int], planners: int) -> None:
        """One planner, or several at the same moment."""
        asked = sorted(readers)

        async def go() -> list[int]:
            return await asyncio.gather(*(self.store.ledger.plan(day, asked, self.now) for _ in range(planners)))

        fresh = [(reader, day) for reader in asked if (reader, day) not in self.model]
        assert sum(self.run(go())) == len(fresh)
        self.model |= {key: Row() for key in fresh}
        for (reader, local_date), row in self.model.items():
            # What the relay may have taken already goes out as it was.
            if reader in readers and local_date < day and row.state in WAITING and not row.resent:
                row.state, row.next_at = State.SUPERSEDED, None
        self.number = {key: number for number, key in self.rows("id")}
        assert self.run(self.store.ledger.balanced())

    def waiting_days(self) -> list[date]:
        return sorted({key[1] for key, row in self.model.items() if row.state in WAITING})

    @precondition(lambda self: self.waiting_days())
    @rule(choice=st.data(), limit=st.integers(1, 4))
    def claim_some(self, choice: st.DataObject, limit: int) -> None:
        self.claim(choice.draw(st.sampled_from(self.waiting_days())), limit)

    def claim(self, day: date, limit: int) -> None:
        self.senders += 1
        owner = f"sender-{self.senders}"
        expected: list[Key] = []
        for key in sorted(self.model, key=lambda key: (self.model[key].state is State.DEFERRED, self.number[key])):
            row = self.model[key]
            due = row.next_at is None or row.next_at <= self.now
            if key[1] != day or row.state not in WAITING or not due or len(expected) == limit:
                continue
            if key[0] in self.away:
                self.model[key] = replace(row, state=State.SKIPPED, next_at=None)
                continue
            later = [other for other in self.model if other[0] == key[0] and other[1] > day]
            if not row.resent and any(self.number[other] > self.number[key] for other in later):
                # It was held while a later one was planned, whose digest has its papers.
                self.model[key] = replace(row, state=State.SUPERSEDED, next_at=None)
                continue
            lease = {"phase": Phase.CLAIMED, "owner": owner, "until": self.now + LEASE, "next_at": None}
            self.model[key] = replace(row, state=State.SENDING, attempt=row.attempt + 1, **lease)
            expected.append(key)
        claimed = self.run(self.store.ledger.claim(day, owner, self.now, LEASE, limit))
        assert [(one.subscriber_id, one.local_date) for one in claimed] == expected
        self.held += [Held(owner, one.id, (one.subscriber_id, one.local_date)) for one in claimed]

    def waiting_to_begin(self) -> list[Held]:
        return [one for one in self.held if not one.in_data]

    @precondition(lambda self: self.waiting_to_begin())
    @rule(choice=st.data(), many=st.integers(1, 4))
    def begin_data(self, choice: st.DataObject, many: int) -> None:
        """One sender begins, or several do in one group; only who succeeds may hand its message to the relay."""
        some = st.lists(st.sampled_from(self.waiting_to_begin()), min_size=1, max_size=many, unique=True)
        self.begin_group(choice.draw(some))

    def begin_group(self, group: list[Held]) -> None:
        async def go() -> list[BaseException | None]:
            return await asyncio.gather(*(self.begun(one) for one in group), return_exceptions=True)

        for one, error in zip(group, self.run(go()), strict=True):
            row = self.model[one.key]
            self.held.remove(one)
            if row.owner != one.owner:
                assert isinstance(error, WithdrawnError)
            elif one.key[0] in self.away:
                assert isinstance(error, WithdrawnError)
                self.model[one.key] = replace(row, state=State.SKIPPED, phase=None, owner=None)
            else:
                assert error is None
                row.phase = Phase.DATA
                self.held.append(replace(one, in_data=True))

    async def begun(self, one: Held) -> None:
        message = {"message_id": f"<{one.id}@x.org>", "sections": 1, "papers": 2, "size": 3}
        await self.store.ledger.begin_data(one, one.owner, self.now, **message)

    @precondition(lambda self: any(one.in_data for one in self.held))
    @rule(choice=st.data(), answer=st.sampled_from(ANSWERS))
    def reply(self, choice: st.DataObject, answer: str) -> None:
        self.settle(choice.draw(st.sampled_from([one for one in self.held if one.in_data])), answer)

    def settle(self, one: Held, answer: str) -> None:
        """The relay answers the final dot, or its answer does not arrive: then nobody knows what it did."""
        self.held.remove(one)
        self.accepted[one.key] += answer.startswith("accept")
        ends = {"accept": State.ACCEPTED, "defer": State.DEFERRED, "refuse": State.REFUSED}
        state = ends.get(answer, State.UNKNOWN)
        next_at = self.now + RETRY if state is State.DEFERRED else None
        settling = self.store.ledger.settle(one, one.owner, self.now, state, next_at=next_at)
        row = self.model[one.key]
        if row.owner != one.owner:  # its lease was over and somebody took the row: too late
            with pytest.raises(WithdrawnError):
                self.run(settling)
            return
        self.run(settling)
        self.model[one.key] = replace(row, state=state, next_at=next_at, phase=None, owner=None)
        self.unknowns[one.key] += state is State.UNKNOWN

    @precondition(lambda self: self.waiting_days())
    @rule(choice=st.data(), answers=st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=4))
    def send(self, choice: st.DataObject, answers: list[str]) -> None:
        """A sender's whole life, without anything coming between."""
        before = len(self.held)
        self.claim(choice.draw(st.sampled_from(self.waiting_days())), len(answers))
        self.begin_group(self.held[before:])
        for one, answer in zip(self.held[before:], answers, strict=False):
            self.settle(one, answer)

    @precondition(lambda self: self.held)
    @rule(choice=st.data())
    def take_over(self, choice: st.DataObject) -> None:
        """A sender hangs until its lease is over, and another run takes what it can; then the first wakes up."""
        day = choice.draw(st.sampled_from(sorted({one.key[1] for one in self.held})))
        self.now += LEASE
        self.recover(knows_the_dead=False)
        self.claim(day, len(READERS))

    @precondition(lambda self: self.held)
    @rule(choice=st.data(), accepted=st.booleans())
    def crash(self, choice: st.DataObject, accepted: bool) -> None:
        """A sender is killed. What it had handed over, the relay may have accepted before."""
        owner = choice.draw(st.sampled_from(sorted({one.owner for one in self.held})))
        self.dead.add(owner)
        for one in [one for one in self.held if one.owner == owner]:
            self.held.remove(one)
            self.accepted[one.key] += one.in_data and accepted

    @precondition(lambda self: self.held)
    @rule(choice=st.data(), accepted=st.booleans())
    def stop(self, choice: st.DataObject, accepted: bool) -> None:
        """A sender is asked to end: it gives back what it holds, and does not wait for what it handed over."""
        owner = choice.draw(st.sampled_from(sorted({one.owner for one in self.held})))
        for one in [one for one in self.held if one.owner == owner]:
            self.held.remove(one)
            self.accepted[one.key] += one.in_data and accepted
        own = [key for key, row in self.model.items() if row.owner == owner]
        assert self.run(self.store.ledger.release(owner, self.now)) == len(own)
        for key in own:
            row = self.model[key]
            if row.phase is Phase.CLAIMED:
                self.model[key] = replace(row, state=State.READY, phase=None, owner=None, attempt=row.attempt - 1)
            else:
                self.model[key] = replace(row, state=State.UNKNOWN, phase=None, owner=None)
                self.unknowns[key] += 1

    @rule(minutes=st.sampled_from([1, 10, 31]))
    def wait(self, minutes: int) -> None:
        """Time passes: enough for a retry, or for a lease to end although its owner lives."""
        self.now += timedelta(minutes=minutes)

    @rule(knows_the_dead=st.booleans())
    def recover(self, knows_the_dead: bool) -> None:
        dead = self.dead if knows_the_dead else set()
        changed = 0
        for key, row in self.model.items():
            lost = row.state is State.SENDING and (row.until <= self.now or row.owner in dead)
            if lost:
                unknown = row.phase is Phase.DATA
                row.state = State.UNKNOWN if unknown else State.READY
                row.phase = row.owner = None
                self.unknowns[key] += unknown
            again = row.state is State.UNKNOWN and self.on_unknown == "resend" and not row.resent
            if again:
                row.state, row.resent = State.READY, True
            changed += lost or again
        assert (
            self.run(
                self.store.ledger.recover(self.now, self.on_unknown, lambda owner: False if owner in dead else None)
            )
            == changed
        )

    @rule(reader=st.sampled_from(READERS), way=st.sampled_from(["leave", "suppress", "pause"]))
    def go_away(self, reader: int, way: str) -> None:
        address = f"reader{reader}@example.org"
        store = self.store
        if way == "leave":
            self.run(store.subscribers.leave(address, "one click", self.now))
        elif way == "suppress":
            self.run(store.suppressions.add(address, "complaint", self.now))
        else:
            self.run(self.set_status(reader, Status.PAUSED))
        self.away[reader] = way if self.away.get(reader) in {None, "pause"} else self.away[reader]

    @precondition(lambda self: self.waiting_to_begin())
    @rule(choice=st.data(), way=st.sampled_from(["leave", "suppress", "pause"]))
    def go_away_at_the_last_moment(self, choice: st.DataObject, way: str) -> None:
        one = choice.draw(st.sampled_from(self.waiting_to_begin()))
        self.go_away(one.key[0], way)
        self.begin_group([one])

    @precondition(lambda self: self.away)
    @rule(choice=st.data())
    def come_back(self, choice: st.DataObject) -> None:
        reader = choice.draw(st.sampled_from(sorted(self.away)))
        del self.away[reader]
        self.run(self.store.suppressions.remove(f"reader{reader}@example.org"))
        self.run(self.set_status(reader, Status.ACTIVE))

    async def set_status(self, reader: int, status: Status) -> None:
        change = update(tables.subscribers).where(tables.subscribers.c.id == reader)
        async with self.store.database.write() as connection:
            await connection.execute(change.values(status=status))

    @rule(states=st.sets(st.sampled_from([State.UNKNOWN, State.REFUSED, State.SKIPPED])), day=st.sampled_from(DAYS))
    def reopen(self, states: set[State], day: date) -> None:
        """The operator asks for more, and answers for what is doubled by it."""
        which = [key for key, row in self.model.items() if row.state in states and key[1] == day]
        assert self.run(self.store.ledger.reopen(states, local_date=day, at=self.now)) == len(which)
        for key in which:
            self.reopened[key] += 1
            self.model[key] = replace(self.model[key], state=State.READY, attempt=0, next_at=None, resent=True)

    @precondition(lambda self: self.model)
    @rule(choice=st.data())
    def read_the_relays_log(self, choice: st.DataObject) -> None:
        """It tells the truth about what the relay accepted."""
        key = choice.draw(st.sampled_from(sorted(self.model)))
        if not self.accepted[key]:
            return
        row = self.model[key]
        cut_off = row.state is State.SENDING and row.phase is Phase.DATA and row.until <= self.now
        expected = row.state is State.UNKNOWN or cut_off
        name = f"<{self.number[key]}@x.org>"
        said = {"code": 250, "reply": "", "queue_id": "4X"}
        assert self.run(self.store.ledger.settle_unknown(name, State.ACCEPTED, **said, at=self.now)) == expected
        if expected:
            self.model[key] = replace(row, state=State.ACCEPTED, phase=None, owner=None, next_at=None)

    # What must hold at every moment

    def rows(self, *columns: str) -> list[tuple[Any, ...]]:
        """`columns` of every row and then its key, read from the file past the code that is tested."""
        query = f"SELECT {', '.join(columns)}, subscriber_id, local_date FROM deliveries"
        return [(*row[:-2], (row[-2], date.fromisoformat(row[-1]))) for row in self.file.execute(query)]

    @invariant()
    def nothing_is_lost(self) -> None:
        found = self.rows("state", "phase", "attempt", "next_at", "resent")
        assert len(found) == len(self.model)
        assert {key: columns for *columns, key in found} == {
            key: [row.state, row.phase, row.attempt, _kept(row.next_at), row.resent] for key, row in self.model.items()
        }

    @invariant()
    def nothing_is_doubled(self) -> None:
        for key, times in self.accepted.items():
            again = self.on_unknown == "resend" and self.unknowns[key] > 0
            assert times <= 1 + again + self.reopened[key], key
            assert self.model[key].state is not State.REFUSED or times <= again + self.reopened[key]

    def teardown(self) -> None:
        try:
            self.everything_ends()
        finally:
            self.file.close()
            for store in self.stores:
                self.run(store.close())
            self.runner.close()
            shutil.rmtree(self.folder)

    def everything_ends(self) -> None:
        """Everybody dies; one more run, with a relay that takes everything, leaves nothing open and nobody out."""
        self.held = []
        self.now += 2 * LEASE
        self.recover(knows_the_dead=False)
        for day in DAYS:
            while any(key[1] == day and row.state in WAITING for key, row in self.model.items()):
                self.claim(day, 4)
                self.begin_group(list(self.held))
                for one in list(self.held):
                    self.settle(one, "accept")
        self.nothing_is_lost()
        self.nothing_is_doubled()
        assert self.run(self.store.ledger.balanced())
        for key, row in self.model.items():
            assert row.state not in OPEN_STATES
            assert row.state is not State.ACCEPTED or self.accepted[key]


def _kept(moment: datetime | None) -> str | None:
    """As SQLite keeps it."""
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f") if moment else None


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables and readers, to be copied for every example."""
    path = tmp_path_factory.mktemp("machine") / "newsletter.db"

    async def make() -> None:
        async with await Store.open(f"sqlite:///{path}") as store:
            await store.subscribers.add([Subscriber(f"reader{n}@example.org") for n in READERS])

    asyncio.run(make())
    return path


@pytest.mark.parametrize(
    ("examples", "steps"),
    [(15, 50), pytest.param(100, 80, marks=[pytest.mark.slow, pytest.mark.timeout(900)])],
)
def test_any_sequence_of_events_keeps_the_promises(template: Path, examples: int, steps: int) -> None:
    LedgerMachine.template = template
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    options = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=checks, database=None
    )
    run_state_machine_as_test(LedgerMachine, settings=options)
