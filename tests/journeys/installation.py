"""The command line as a person uses it: real processes, a real SMTP server, a real database."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import databases
import warm
from journeys_parsing import parsed

SECRET = '["a-key-for-the-tests-and-nothing-else"]'


@dataclass(frozen=True)
class Answered:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Installation:
    """A state folder and the commands that work on it."""

    state: Path

    def __call__(self, *arguments: str, expect: int = 0, stdin: str = "", **environment: str) -> Answered:
        """Run `newsletter ARGUMENTS`; anything but the exit code `expect` fails the test with what was said."""
        done = warm.newsletter(arguments, stdin=stdin, env=self.environment | environment, cwd=self.state.parent)
        assert done.returncode == expect, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return Answered(done.returncode, done.stdout, done.stderr)

    @property
    def environment(self) -> dict[str, str]:
        own = {"NEWSLETTER_STATE_DIR": str(self.state), "NEWSLETTER_SECRET_KEYS": SECRET}
        # What the tests expect must not hang on which extras are installed.
        own["NEWSLETTER_RANKING__MODELS"] = "none"
        if databases.is_server(self.database):
            own["NEWSLETTER_DATABASE__URL"] = self.database
        return {**os.environ, "COLUMNS": "200", **own}

    @property
    def database(self) -> str:
        """The URL of its database, of whichever kind."""
        return databases.of(self.state)

    def mail(self) -> dict[str, bytes]:
        """The messages of the local mailbox by address."""
        files = sorted((self.state / "outbox" / "new").iterdir()) if (self.state / "outbox").is_dir() else []
        contents = [file.read_bytes() for file in files]
        return {parsed(content)["To"].addresses[0].addr_spec: content for content in contents}
