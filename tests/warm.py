"""Commands without the second that Python needs to import everything: one process imports, and forks for each command.

What a test runs is a process of its own all the same, with its own environment, working directory, standard streams and
exit code. Only what the interpreter reads before the first line (PYTHON... and the locale) cannot be changed this way.
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import made_once
from places import PROJECT

TIMEOUT = 60

USED = (
    *("newsletter.assembly", "newsletter.daily.many", "sqlalchemy.dialects.sqlite.aiosqlite", "premailer"),
    *(
        "jinja2.ext",
        "pylatexenc.latex2text",
        "rich.console",
        "rich.table",
        "scipy.cluster.hierarchy",
        "scipy.sparse.csgraph",
    ),
)
"""What most commands import; a command that needs more imports it itself."""


def newsletter(
    arguments: Sequence[str], *, stdin: str | bytes = "", env: Mapping[str, str], cwd: Path
) -> subprocess.CompletedProcess[str]:
    """What `newsletter ARGUMENTS` says and how it ends; warnings are errors in it."""
    given_bytes = stdin if isinstance(stdin, bytes) else stdin.encode()
    if any(name.startswith(("PYTHON", "LC_", "LANG")) and os.environ.get(name) != env[name] for name in env):
        command = [sys.executable, "-W", "error", "-m", "newsletter", *arguments]
        done = subprocess.run(
            command, input=given_bytes, capture_output=True, timeout=TIMEOUT, check=False, env=env, cwd=cwd
        )
        return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(given_bytes)
        given.seek(0)
        asked = json.dumps({"arguments": list(arguments), "env": dict(env), "cwd": str(cwd)}).encode()
        line = _warm_process()
        socket.send_fds(line, [asked], [given.fileno(), out.fileno(), err.fileno()])
        pid = int(line.recv(100))
        line.settimeout(TIMEOUT)
        try:
            status = int(line.recv(100))
        except TimeoutError:
            os.kill(pid, 9)
            line.recv(100)
            raise
        finally:
            line.settimeout(None)
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode())
        return subprocess.CompletedProcess(list(arguments), os.waitstatus_to_exitcode(status), *said)


@cache
def _warm_process() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-W", "error", __file__, str(theirs.fileno())]
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _serve(line: socket.socket) -> None:
    """Fork for each command that is asked for; returns in the child, ready to be the command, and when nobody asks."""
    while True:
        asked, files, _, _ = socket.recv_fds(line, 1_000_000, 3)
        if not asked:
            sys.exit()
        pid = os.fork()
        if pid == 0:
            line.close()
            for number, file in enumerate(files):
                os.dup2(file, number)
                os.close(file)
            wanted = json.loads(asked)
            os.chdir(wanted["cwd"])
            os.environ.clear()
            os.environ.update(wanted["env"])
            time.tzset()
            sys.argv = ["newsletter", *wanted["arguments"]]
            return
        for file in files:
            os.close(file)
        line.send(str(pid).encode())
        line.send(str(os.waitpid(pid, 0)[1]).encode())


def _compile_templates() -> None:
    """What every run and preview makes of the shipped templates, made once."""
    from newsletter.rendering import Look, Renderer

    made_once.templates()
    Renderer([PROJECT / "templates"], Look()).compile([], {}, {})


async def _practise() -> None:
    """A day from the papers to the local mailbox, so that commands find made what a process makes once: patterns,
    tables of symbols, style sheets, statements."""
    from newsletter.assembly import opened_daily
    from newsletter.settings import load, shipped

    made_once.tables()
    day = datetime(2025, 3, 12, 9, tzinfo=UTC)
    with tempfile.TemporaryDirectory() as folder:
        given = {"state_dir": folder, "secret_keys": ["a-key-to-practise"], "ranking": {"models": "none"}}
        async with opened_daily(load(shipped("config"), given), now=lambda: day) as daily:
            await daily.run(day, day.date())


def _read_commands() -> None:
    """Let Typer make its commands of our functions here, once; it reads the signatures of all of them for each."""
    import typer.main

    from newsletter.cli.app import app

    typer.main.get_command = cache(typer.main.get_command)
    typer.main.get_command(app)


def _end(code: int) -> NoReturn:
    """What Python does at the end of a process, but nothing is taken apart, and so copied, of what forked it."""
    threading._shutdown()  # type: ignore[attr-defined]  # what waits for threads has no public name
    atexit._run_exitfuncs()
    gc.collect()  # which tells of what nobody closed
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def load() -> None:
    """Import what most commands need, for processes that are forked from this one."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as the command line has it, which reads this before numpy does
    for name in [name for name in os.environ if name.startswith("NEWSLETTER_")]:
        del os.environ[name]  # a command comes with those that it is to have
    for name in USED:
        import_module(name)
    _compile_templates()
    asyncio.run(_practise())
    _read_commands()
    gc.collect()
    gc.freeze()  # else each command would look through all of it for garbage when it ends, and copy it by doing so


def be_the_command() -> NoReturn:
    """In a process that was forked, and has its arguments, environment and streams: be `newsletter`."""
    from newsletter.cli import main

    try:
        main()
        code = 0
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    _end(code)


if __name__ == "__main__":
    load()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    be_the_command()
