"""Messages a second, end to end, beside the limit and beside what others do, in the same run to the same smtp-sink.

    python benchmarks/throughput [--readers 20000] [--rounds 5] [--naive-readers 300] [--sets 200] [--only NAME ...]

This project sends as `newsletter run` does: claims, write-ahead before DATA, composing, SMTP, settling, and a ledger
that is durable (synchronous=FULL). The limit is Postfix's smtp-source with kept connections and prepared bytes of the
same size. The others have the same papers for the same readers. Rounds are interleaved; a ratio is taken within its
round; the medians are printed as a table in Markdown.

It needs smtp-sink and smtp-source (Debian: postfix), and `pip install -e '.[benchmark]'`; django-newsletter and the
Node modules are fetched into a cache the first time. What cannot be run has a row that says why.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import checking
import installation
import machine
import peers
from running import SESSIONS, Taken, limit, program, variables

HERE = Path(__file__).resolve().parent
LIMIT, NAIVE = "smtp-source", "premailer"
CHECKED_READERS, SAMPLE = 400, 40


@dataclass(frozen=True)
class Bench:
    """What all senders have in common: the installation, a folder for copies, and the size of a message."""

    installation: Path
    copies: Path
    keys: Path
    day: date
    readers: int
    naive_readers: int
    size: int

    @property
    def letters(self) -> str:
        return str(self.installation / "letters.json")


@dataclass(frozen=True)
class Sender:
    """A row: what it says, and how one run of it goes."""

    title: str
    run: Callable[[Bench], Taken]


def ours(connections: int = SESSIONS, kind: str | None = None, processes: int = 1) -> Callable[[Bench], Taken]:
    """This project with so many connections and processes, signing with one kind of key or not at all."""

    def run(bench: Bench) -> Taken:
        with tempfile.TemporaryDirectory(dir=bench.copies) as folder:
            copy = installation.copy(bench.installation, Path(folder) / "copy")
            command = [sys.executable, str(HERE / "ours.py"), str(copy), bench.day.isoformat(), "REPORT"]
            smtp = {"port": "PORT", "connections": str(connections)}
            delivery = {"processes": str(processes)}
            environment = variables(smtp=smtp, delivery=delivery, dkim=installation.signing(kind, bench.keys))
            taken = program(command, bench.readers, environment)
            checking.settled(copy, bench.readers)
            return replace(taken, size=bench.size)

    return run


def naive(inliner: str, kind: str | None = None) -> Callable[[Bench], Taken]:
    """A template, an inliner, EmailMessage and smtplib for each reader."""

    def run(bench: Bench) -> Taken:
        signed = [kind, str(bench.keys / f"{kind}.pem")] if kind else []
        arguments = [bench.letters, "PORT", str(bench.naive_readers), "REPORT", inliner, *signed]
        return program([sys.executable, str(HERE / "naive.py"), *arguments], bench.naive_readers)

    return run


def django(bench: Bench) -> Taken:
    """django-newsletter."""
    arguments = [bench.letters, "PORT", str(bench.naive_readers), "REPORT"]
    return program(
        [str(peers.django_python()), "-I", str(HERE / "django_submission.py"), *arguments], bench.naive_readers
    )


def node(bench: Bench) -> Taken:
    """nunjucks, juice, nodemailer."""
    arguments = [bench.letters, "PORT", str(bench.naive_readers), "REPORT"]
    environment = {"NODE_MODULES": str(peers.node_modules())}
    return program(["node", str(HERE / "pipeline.mjs"), *arguments], bench.naive_readers, environment)


SENDERS: Mapping[str, Sender] = {
    LIMIT: Sender("Postfix `smtp-source -d`, 10 sessions: the limit", lambda bench: limit(bench.readers, bench.size)),
    "ours": Sender("**this project**, unsigned, 10 connections", ours()),
    "ours-20": Sender("this project, unsigned, 20 connections", ours(20)),
    "ours-50": Sender("this project, unsigned, 50 connections", ours(50)),
    "ours-2": Sender("this project, unsigned, 10 connections, two processes", ours(processes=2)),
    "ours-ed25519": Sender("this project, Ed25519, relaxed/simple", ours(kind="ed25519")),
    "ours-rsa": Sender("this project, RSA-2048, relaxed/simple", ours(kind="rsa")),
    "ours-rsa-2": Sender("the same, two processes", ours(kind="rsa", processes=2)),
    NAIVE: Sender("Jinja2 + premailer + EmailMessage + smtplib", naive("premailer")),
    "css-inline": Sender("the same with css-inline", naive("css-inline")),
    "premailer-ed25519": Sender("premailer, signed by dkimpy, Ed25519", naive("premailer", "ed25519")),
    "premailer-rsa": Sender("premailer, signed by dkimpy, RSA-2048", naive("premailer", "rsa")),
    "django": Sender("django-newsletter `submit()`, one text for all, no inlining", django),
    "node": Sender("Node: nunjucks + juice + nodemailer, pool of 10", node),
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks/throughput", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--readers", type=int, default=20_000, help="messages of this project and of smtp-source")
    parser.add_argument("--naive-readers", type=int, default=300, help="messages of the others; their rate is each")
    parser.add_argument("--sets", type=int, default=200, help="different sets of topics that readers follow")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=tuple(SENDERS), default=tuple(SENDERS), metavar="NAME")
    return parser.parse_args()


def rounds(bench: Bench, only: Sequence[str], number: int) -> tuple[dict[str, list[Taken]], dict[str, str]]:
    """What each sender took in each round, and why some could not be run."""
    taken: dict[str, list[Taken]] = defaultdict(list)
    missing: dict[str, str] = {}
    for count in range(number):
        for name in only:
            if name in missing:
                continue
            try:
                taken[name].append(SENDERS[name].run(bench))
            except peers.MissingError as error:
                missing[name] = str(error)
                continue
            last = taken[name][-1]
            sys.stderr.write(f"round {count + 1} of {number}, {name}: {last.rate:,.0f} messages/s\n")
    return taken, missing


def line(name: str, taken: Mapping[str, list[Taken]]) -> list[str]:
    """A row of the table: medians, ratios within their rounds."""
    own = taken[name]

    def median(figure: Callable[[Taken], float]) -> float:
        return statistics.median(map(figure, own))

    def against(other: str, digits: int) -> str:
        if other not in taken:
            return ""
        return f"{statistics.median(a.rate / b.rate for a, b in zip(own, taken[other], strict=True)):,.{digits}f}"

    return [
        SENDERS[name].title,
        f"{median(lambda one: one.rate):,.0f}",
        against(LIMIT, 3),
        against(NAIVE, 1),
        f"{median(lambda one: one.cpu / one.messages) * 1000:.3f}",
        f"{median(lambda one: one.sink / one.messages) * 1000:.3f}",
        f"{size / 1000:.1f}" if (size := median(lambda one: one.size)) else "",
        f"{median(lambda one: one.whole - one.seconds):.2f}",
    ]


COLUMNS = [
    "sender",
    "messages/s",
    "of smtp-source",
    "of naive",
    "sender CPU ms/message",
    "sink CPU ms/message",
    "kB",
    "start and end, s",
]


def table(only: Sequence[str], taken: Mapping[str, list[Taken]], missing: Mapping[str, str]) -> str:
    """All rows in Markdown; who could not be run says why."""
    blank = [""] * (len(COLUMNS) - 2)
    rows = [[SENDERS[name].title, missing[name], *blank] if name in missing else line(name, taken) for name in only]
    lines = [COLUMNS, ["---", *["---:"] * (len(COLUMNS) - 1)], *rows]
    return "".join(f"| {' | '.join(one)} |\n" for one in lines)


def remarks(bench: Bench, given: argparse.Namespace) -> list[str]:
    """What the figures are of, and what was checked on the way: nothing of it is printed unless it held."""
    return [
        f"{bench.readers:,} readers with {given.sets} sets of topics, {installation.PAPERS} papers each, "
        f"{bench.size / 1000:.1f} kB a message; {bench.naive_readers} messages of the others. "
        f"Medians of {given.rounds} interleaved rounds, ratios within their round.",
        f"Of this project's messages, unsigned and signed, {SAMPLE} each were taken from the wire and are byte for "
        "byte what composing one by one makes; the ledger adds up after every run, and the sink counted every message.",
    ]


def main() -> int:
    given = arguments()
    with tempfile.TemporaryDirectory(prefix="throughput-") as temporary:
        folder = Path(temporary)
        whole, checked, keys, copies = (folder / name for name in ("whole", "checked", "keys", "copies"))
        for made in (whole, checked, copies):
            made.mkdir()
        installation.keys(keys)
        sys.stderr.write("Making the installation\n")
        day = installation.make(whole, given.readers, given.sets)
        installation.make(checked, CHECKED_READERS, given.sets)
        for kind in ("rsa", "ed25519", None):
            copy = installation.copy(checked, folder / f"checked-{kind}")
            size = checking.identical(copy, day, SAMPLE, installation.signing(kind, keys))
        bench = Bench(whole, copies, keys, day, given.readers, min(given.naive_readers, given.readers), round(size))
        taken, missing = rounds(bench, given.only, given.rounds)
        sys.stdout.write(table(given.only, taken, missing))
        sys.stdout.write("\n" + "\n".join([*remarks(bench, given), machine.described(folder)]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
