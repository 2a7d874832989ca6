"""Commands without the second that Python needs to import everything: one process imports, and forks for each command.

What a test runs is a process of its own all the same, with its own environment, working directory, standard streams and
exit code. Only what the interpreter reads before the first line (PYTHON... and the locale) cannot be changed this way.
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

TIMEOUT = 60


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


if __name__ == "__main__":
    # What most commands import; a command that needs more imports it itself.

    from newsletter.cli import main

    _serve(socket.socket(fileno=int(sys.argv[1])))
    main()
