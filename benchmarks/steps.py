"""Where the time of a message goes: microseconds of CPU, step by step.

    python benchmarks/steps.py [--readers 2000] [--sign rsa|ed25519]

First a day is sent to smtp-sink as it is, then once more with a stopwatch at every step: a step's time is its own,
without that of the steps inside it, and without waiting. At last each step is done alone. What the stopwatches
themselves cost is the difference between the first two. Prints tables in Markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import importlib
import inspect
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

sys.path.append(str(Path(__file__).resolve().parent / "throughput"))
import installation
import machine
from running import SESSIONS, Sink, counting_sink

from newsletter.assembly import opened_daily
from newsletter.cli.console import go
from newsletter.daily import Daily, Delivering
from newsletter.daily.addressing import Addressing, same
from newsletter.mail.dkim import Signer, load_signer, sign
from newsletter.mail.pool import Pool
from newsletter.mail.relay import Relay, Security
from newsletter.mail.smtp import wire
from newsletter.mail.tokens import Tokens
from newsletter.model import Message, Outcome, State, Subscriber
from newsletter.settings import Configuration, load
from newsletter.settings.keys import secret_keys
from newsletter.store.ledger import Ledger

Given = TypeVar("Given")
Made = TypeVar("Made")

STEPS = {
    "claim": ("newsletter.store.ledger:Ledger.claim",),
    "readers": ("newsletter.store.subscribers:Subscribers.all", "newsletter.store.subscribers:Subscribers.of"),
    "rankings, digests, papers": ("newsletter.daily.composing:Composing.prepare",),
    "cards, once for all": ("newsletter.rendering.renderer:Renderer.compile",),
    "layout, once for a digest": (
        "newsletter.rendering.compiled:Compiled.lay_out",
        "newsletter.mail.stencil:Stencils.lay",
    ),
    "the gate": ("newsletter.daily.composing:Composing.pass_gate",),
    "composing": (
        "newsletter.daily.addressing:Addressing.address",
        "newsletter.daily.composing:Composing.compose",
        "newsletter.rendering.compiled:Compiled.compose",
        "newsletter.mail.stencil:Stencil.fill",
    ),
    "MIME": ("newsletter.daily.composing:build",),
    "tokens": (*(f"newsletter.mail.tokens:Tokens.{name}" for name in ("leave", "preferences", "opinions", "bounce")),),
    "signing": ("newsletter.mail.mime:sign", "newsletter.daily.addressing:signatures"),
    "write-ahead before DATA": ("newsletter.store.ledger:Ledger.begin_data",),
    "SMTP": ("newsletter.mail.pool:Pool.send", "newsletter.mail.pipeline:Conversation.data_received"),
    "settle": ("newsletter.store.ledger:Ledger.settle",),
    "the ledger's transactions": (
        "newsletter.store.ledger:claim",
        "newsletter.store.marks:write_all",
        "newsletter.store.marks:write",
    ),
}
"""What is measured, and where it is looked up. What a version does not have is left out."""

ALONE = 1000
"""How often a step is done alone."""

LOOP, THREADS = "the loop, and what has no stopwatch", "the database's thread"


_deliver = Delivering.deliver


class Stopwatches:
    """Times of steps, each without those inside it, in seconds of CPU of the threads they ran in; `aside` is the sum of
    what ran in another thread than the loop's."""

    def __init__(self) -> None:
        self.times: dict[str, float] = defaultdict(float)
        self.calls: Counter[str] = Counter()
        self.aside = 0.0
        self._stacks = threading.local()
        self._loop = threading.get_ident()

    @contextmanager
    def on(self, step: str) -> Iterator[None]:
        """Inside, time is `step`'s."""
        stack: list[float] = self._stacks.__dict__.setdefault("inner", [])
        stack.append(0.0)
        begun = time.thread_time()
        try:
            yield
        finally:
            spent = time.thread_time() - begun
            self.times[step] += spent - stack.pop()
            if stack:
                stack[-1] += spent
            elif threading.get_ident() != self._loop:
                self.aside += spent

    def put_on(self, step: str, place: str) -> bool:
        """Measure what is found at `place`, `module:name` or `module:class.name`, as `step`; False if nothing is."""
        module, _, names = place.partition(":")
        *owners, name = names.split(".")
        try:
            owner = functools.reduce(getattr, owners, importlib.import_module(module))
            measured = getattr(owner, name)
        except (ImportError, AttributeError):
            return False
        setattr(owner, name, self._measured(step, measured))
        return True

    def _measured(self, step: str, measured: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(measured):

            @functools.wraps(measured)
            async def waits(*given: Any, **named: Any) -> Any:
                self.calls[step] += 1
                return await _Driven(self, step, measured(*given, **named))

            return waits

        @functools.wraps(measured)
        def works(*given: Any, **named: Any) -> Any:
            self.calls[step] += 1
            with self.on(step):
                return measured(*given, **named)

        return works


class _Driven:
    """A coroutine whose time is taken whenever it runs, and not while it waits."""

    def __init__(self, watches: Stopwatches, step: str, coroutine: Any) -> None:
        self._watches = watches
        self._step = step
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, Any]:
        resume: Callable[[], Any] = functools.partial(self._coroutine.send, None)
        while True:
            try:
                with self._watches.on(self._step):
                    waiting = resume()
            except StopIteration as ended:
                return ended.value
            try:
                resume = functools.partial(self._coroutine.send, (yield waiting))
            except BaseException as error:
                resume = functools.partial(self._coroutine.throw, error)


def send_day(configuration: Configuration, day: date, readers: int) -> tuple[float, float]:
    """Deliver a day, as `newsletter run` does: seconds of CPU of the process and of the loop's thread."""
    taken = []

    async def timed(self: Delivering, day: date) -> int:
        used, mine = time.process_time(), time.thread_time()
        attempted = await _deliver(self, day)
        taken.append((time.process_time() - used, time.thread_time() - mine))
        return attempted

    async def sent() -> None:
        async with opened_daily(configuration) as daily:
            report = await daily.run(datetime.now(UTC), day)
            counts = await daily.store.ledger.counts()
            if report.failure or counts[State.ACCEPTED] != readers:
                raise SystemExit(f"not everything was sent: {report.failure or counts}")

    Delivering.deliver = timed  # type: ignore[method-assign]  # the outermost stopwatch
    go(sent())
    return taken[0]


class Bench:
    """What is measured on: an installation to copy, and a sink."""

    def __init__(self, folder: Path, day: date, readers: int, sign: str | None, sink: Sink) -> None:
        self.folder = folder
        self.day = day
        self.readers = readers
        self._sign = sign
        self.sink = sink

    def configuration(self, name: str) -> Configuration:
        """That of a fresh copy."""
        copy = installation.copy(self.folder / "whole", self.folder / name)
        smtp = {"port": self.sink.port, "connections": SESSIONS}
        dkim = installation.signing(self._sign, self.folder / "keys")
        return load(copy, {"smtp": smtp, "dkim": dkim})


def inside(bench: Bench) -> tuple[list[list[str]], str]:
    """The rows of the table of steps, of a day with stopwatches, and a remark on the same day without."""
    bare, _ = send_day(bench.configuration("bare"), bench.day, bench.readers)
    watches = Stopwatches()
    for step, places in STEPS.items():
        for place in places:
            watches.put_on(step, place)
    whole, loop = send_day(bench.configuration("watched"), bench.day, bench.readers)
    measured = [(step, watches.times[step]) for step in STEPS if watches.calls[step]]
    measured.append((LOOP, loop + watches.aside - sum(seconds for _, seconds in measured)))
    measured.append((THREADS, whole - loop - watches.aside))
    each = 1e6 / bench.readers
    rows = [
        [step, f"{watches.calls[step] / bench.readers:.2f}" if step in STEPS else "", f"{seconds * each:.1f}"]
        for step, seconds in measured
    ]
    rows.append(["**all of it**", "", f"**{whole * each:.1f}**"])
    return (
        rows,
        f"Without stopwatches: {bare * each:.1f} µs a message, from before the first claim to after the last settling.",
    )


class Alone:
    """Steps done by themselves, `count` times each."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._count = min(bench.readers, ALONE)
        self.rows: list[list[str]] = []

    async def _measure(self, step: str, work: Callable[[], Awaitable[Made]]) -> Made:
        used, begun = time.process_time(), time.perf_counter()
        made = await work()
        each = 1e6 / self._count
        cpu, wall = time.process_time() - used, time.perf_counter() - begun
        self.rows.append([step, f"{cpu * each:.1f}", f"{wall * each:.1f}"])
        return made

    async def run(self) -> None:
        """Fill `rows`."""
        configuration = self._bench.configuration("alone")
        async with opened_daily(configuration) as daily:
            readers = (await daily.store.subscribers.all())[: self._count]
            whole, filled = await self._compose(daily, readers)
            await self._tokens(Tokens(secret_keys(configuration.settings)), readers)
            await self._sign(whole)
            await self._send(filled)
            await self._book(daily.store.ledger)

    async def _compose(self, daily: Daily, readers: Sequence[Subscriber]) -> tuple[list[Message], list[Message]]:
        """The messages whole, and as they are filled for the wire."""
        composing = daily._composing  # no door leads there; a benchmark may look through the window
        prepared = await composing.prepare(readers, self._bench.day)

        async def one_by_one() -> list[Message]:
            return [composing.compose(reader, prepared).message for reader in readers]

        messages = await self._measure("composing one by one: the specification", one_by_one)
        addressing = Addressing(composing, self._bench.day)
        ready = await addressing.prepare(readers)

        async def addressed() -> list[Message]:
            return [addressing.address(reader, ready).message for reader in readers]

        await self._measure("the same laid out for each digest, and filled", addressed)
        filled = await self._measure("the same once it is laid out", addressed)
        assert all(map(same, filled, messages))

        async def dotted() -> list[bytes]:
            return [wire(message.content) for message in messages]

        await self._measure("doubling the dots of a whole message", dotted)
        return messages, filled

    async def _tokens(self, tokens: Tokens, readers: Sequence[Subscriber]) -> None:
        async def three() -> None:
            for reader in readers:
                for make in (tokens.leave, tokens.preferences, tokens.opinions):
                    make(reader.id, reader.address)

        await self._measure("three tokens", three)

    async def _sign(self, messages: Sequence[Message]) -> None:
        for kind in ("ed25519", "rsa"):
            signer = load_signer(self._bench.folder / "keys" / f"{kind}.pem", "example.org", kind, "relaxed/simple")

            async def signed(signer: Signer = signer) -> None:
                for message in messages:
                    sign(message.content, [signer], datetime.now(UTC))

            await self._measure(f"signing a whole message, {kind}, relaxed/simple", signed)

    async def _send(self, messages: Sequence[Message]) -> None:
        async def nothing_to_note() -> None: ...

        async with Pool(Relay("127.0.0.1", self._bench.sink.port, Security.NONE), connections=SESSIONS) as pool:

            async def sent() -> list[Outcome]:
                return await _many(messages, lambda message: pool.send(message, nothing_to_note))

            outcomes = await self._measure(f"SMTP without a ledger, {SESSIONS} connections", sent)
        assert all(one.state is State.ACCEPTED for one in outcomes)

    async def _book(self, ledger: Ledger) -> None:
        at, lease, me = datetime.now(UTC), timedelta(minutes=15), "alone"

        async def claimed() -> list[int]:
            return [one.id for one in await ledger.claim(self._bench.day, me, at, lease, self._count)]

        async def begun(number: int) -> None:
            said = {"sections": 3, "papers": 12, "size": 50_000}
            await ledger.begin_data(number, me, at, message_id=f"<{number}@example.org>", lease=lease, **said)

        async def settled(number: int) -> None:
            await ledger.settle(number, me, at, State.ACCEPTED, code=250, reply="2.0.0 Ok")

        numbers = await self._measure(f"claiming {self._count:,} at once", claimed)
        await self._measure(f"write-ahead before DATA, {SESSIONS} at a time", lambda: _many(numbers, begun))
        await self._measure(f"settling, {SESSIONS} at a time", lambda: _many(numbers, settled))


async def _many(things: Sequence[Given], work: Callable[[Given], Awaitable[Made]]) -> list[Made]:
    """`work` done for all `things`, SESSIONS at a time."""
    waiting, made = iter(things), list[Made]()

    async def worker() -> None:
        for one in waiting:  # the others take from it as well
            made.append(await work(one))

    await asyncio.gather(*(worker() for _ in range(SESSIONS)))
    return made


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=2000)
    parser.add_argument("--sets", type=int, default=200, help="different sets of topics that readers follow")
    parser.add_argument("--sign", choices=("rsa", "ed25519"), help="sign the day's messages, relaxed/simple")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="steps-") as temporary, counting_sink() as sink:
        folder = Path(temporary)
        (folder / "whole").mkdir()
        installation.keys(folder / "keys")
        day = installation.make(folder / "whole", given.readers, min(given.sets, given.readers))
        bench = Bench(folder, day, given.readers, given.sign, sink)
        alone = Alone(bench)
        go(alone.run())
        rows, remark = inside(bench)
        sys.stdout.write(table(["step of a run", "times a message", "CPU µs a message"], rows))
        sys.stdout.write(f"\n{remark}\n\n")
        sys.stdout.write(table(["step alone", "CPU µs a message", "µs by the clock"], alone.rows))
        sys.stdout.write(f"\n{given.readers:,} readers, signed: {given.sign or 'no'}. {machine.described(folder)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
