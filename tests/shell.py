"""A shell in which `newsletter` is the command: pipes, redirections, variables and jobs as a person types them, but
without the second that Python needs to import everything.

The program `newsletter` that the shell finds hands its arguments, environment, folder and streams to a process that has
imported everything, which forks for each; signals are passed on, and the exit code comes back.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import warm

TIMEOUT = 100

PROGRAM = """#!{python} -IS
import json, os, signal, socket, sys

stopping = (signal.SIGTERM, signal.SIGINT)
signal.pthread_sigmask(signal.SIG_BLOCK, stopping)
line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
line.connect({place!r})
asked = dict(arguments=sys.argv[1:], env=dict(os.environ), cwd=os.getcwd())
socket.send_fds(line, [json.dumps(asked).encode()], [0, 1, 2])
pid = int(line.recv(100))
for number in stopping:
    signal.signal(number, lambda number, frame: os.kill(pid, number))
signal.pthread_sigmask(signal.SIG_UNBLOCK, stopping)
sys.exit(int(line.recv(100)))
"""


class Shell:
    """Runs scripts of bash in which `newsletter` is ours."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs

    def __call__(self, script: str, *, env: Mapping[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
        """What `script` says and how it ends; it ends with the first command that fails."""
        found = {**env, "PATH": f"{self._programs}{os.pathsep}{env['PATH']}"}
        command = ["bash", "-eux", "-o", "pipefail", "-c", script]
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT, env=found, cwd=cwd
        )


@contextmanager
def shell(folder: Path) -> Iterator[Shell]:
    """A shell whose program lies in `folder`, a new one; its processes end with it."""
    folder.mkdir()
    place, program = folder / "line", folder / "newsletter"
    program.write_text(PROGRAM.format(python=sys.executable, place=str(place)))
    program.chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "-W", "error", __file__, str(place)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + TIMEOUT
        while not place.exists():
            assert process.poll() is None, "the process that forks has died"
            assert time.monotonic() < deadline, "the process that forks does not answer"
            time.sleep(0.02)
        yield Shell(folder)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _serve(place: str) -> None:
    """Fork for each command that is asked for; returns in the child, ready to be the command."""
    door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    door.bind(f"{place}.new")
    door.listen()
    os.rename(f"{place}.new", place)  # it answers as soon as it is there
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait
    while True:
        line, _ = door.accept()
        if os.fork():
            line.close()
            continue
        door.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        asked, files, _, _ = socket.recv_fds(line, 1_000_000, 3)
        if pid := os.fork():
            for number in files:
                os.close(number)
            line.send(str(pid).encode())
            line.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) % 256).encode())
            os._exit(0)
        line.close()
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        # Anew: those that are there know whether what they were made for can be sought in.
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            mode = "w" if number else "r"
            setattr(sys, name, open(number, mode, buffering=1, encoding="utf-8", closefd=False))  # noqa: SIM115 - for good
        wanted = json.loads(asked)
        os.chdir(wanted["cwd"])
        os.environ.clear()
        os.environ.update(wanted["env"])
        time.tzset()
        sys.argv = ["newsletter", *wanted["arguments"]]
        return


if __name__ == "__main__":
    warm.load()
    _serve(sys.argv[1])
    warm.be_the_command()
