"""What the programs say of their work: on standard error, one line for each thing that was done.

On a terminal the lines are for people, anywhere else each is a JSON object; those of libraries look the same. Modules
speak through `Log`, an event and its fields::

    _log = Log(__name__)
    _log.info("batch", batch=12, source="arxiv", verdict="new")

From *info* on no line holds an address, whoever wrote it: in its place stands `~` and twelve hexadecimal digits, keyed
with the installation's own key, so that one reader can be followed from line to line, and nobody can be looked up.

structlog lays the lines out. It is imported with the first line that is shown: most commands show none.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from hashlib import blake2b
from typing import Any, TextIO

from newsletter.policy.address import normal_address

OURS = "newsletter"

ADDRESS = "address"
"""A field that holds a reader's address: shown at *debug* alone."""

READER = "reader"
"""The field that says the same without it."""

_TALKATIVE = ("httpx", "mail.log")
"""Libraries that tell every request with its keys (httpx), and every command of SMTP (aiosmtpd), at *info*."""

_FIELDS = "newsletter_fields"
_DIGEST = 6  # octets

# In words of anybody's: a quoted local part (RFC 5321 section 4.1.2), or what stands between spaces and brackets.
_ADDRESSES = re.compile(r"""(?:"(?:[^"\\]|\\.)+"|[^\s<>()\[\],;:"'“”@][^\s<>()\[\],;:"“”@]*)@[\w-]+(?:\.[\w-]+)*""")

_Event = MutableMapping[str, Any]


class Log:
    """A module's voice."""

    def __init__(self, name: str) -> None:
        self._log = logging.getLogger(name)

    def debug(self, event: str, **fields: object) -> None:
        """One message, one step: for whoever looks for something."""
        self._say(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: object) -> None:
        """One line for each batch, edition, planned day and block of deliveries."""
        self._say(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Something wants a look, and the work goes on."""
        self._say(logging.WARNING, event, fields)

    def _say(self, level: int, event: str, fields: dict[str, object]) -> None:
        if self._log.isEnabledFor(level):
            self._log.log(level, event, extra={_FIELDS: fields})


@dataclass(frozen=True, slots=True)
class Chosen:
    """How to speak: the least `level` that is shown (debug, info, warning, error), and the `form` (auto, human, json);
    `key` gives what addresses are hidden with, and is asked when the first one is."""

    level: str
    form: str
    key: Callable[[], bytes]


def speak(chosen: Chosen) -> None:
    """From now on the lines of this process go to standard error, as `chosen`; may be called again."""
    root, level = logging.getLogger(), logging.getLevelNamesMapping()[chosen.level.upper()]
    for former in [one for one in root.handlers if isinstance(one, _ToStandardError)]:
        root.removeHandler(former)
    root.addHandler(_ToStandardError(chosen))
    # What libraries say at debug fills pages, and some of it is secret.
    root.setLevel(max(level, logging.INFO))
    logging.getLogger(OURS).setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def chosen() -> Chosen | None:
    """How this process speaks, for one that it starts; None when nobody has said."""
    return next((one.chosen for one in logging.getLogger().handlers if isinstance(one, _ToStandardError)), None)


def token(message_id: str) -> str:
    """What a line calls a message: its Message-ID without brackets and host, which every message of the day shares."""
    return message_id.strip("<>").partition("@")[0]


def without_addresses(words: str, instead: Callable[[str], str] = lambda address: "(an address)") -> str:
    """`words` with something `instead` of each e-mail address. What a URL has, as `//news@db.example.org`, is the
    name of a server's user, and stays."""
    return _ADDRESSES.sub(lambda found: found[0] if found[0].startswith("//") else instead(found[0]), words)


class _ToStandardError(logging.StreamHandler[TextIO]):  # the name of logging's own class
    """Writes where standard error is at that moment: a progress bar puts itself there for as long as it lasts."""

    def __init__(self, chosen: Chosen) -> None:
        logging.Handler.__init__(self)
        self.chosen = chosen
        self.setFormatter(_Lines(chosen, is_terminal=sys.stderr.isatty()))

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, stream: TextIO) -> None: ...


class _Lines(logging.Formatter):
    """Lays a record out."""

    def __init__(self, chosen: Chosen, *, is_terminal: bool) -> None:
        super().__init__()
        self._chosen = chosen
        self._is_terminal = is_terminal

    def format(self, record: logging.LogRecord) -> str:
        return self._layout.format(record)

    @cached_property
    def _layout(self) -> logging.Formatter:
        import structlog
        from structlog.dev import ConsoleRenderer, plain_traceback
        from structlog.stdlib import ProcessorFormatter

        last: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
        if self._chosen.form == "human" or (self._chosen.form == "auto" and self._is_terminal):
            last = ConsoleRenderer(
                colors=self._is_terminal,
                sort_keys=False,
                pad_event_to=0,
                pad_level=False,
                exception_formatter=plain_traceback,
            )
        return ProcessorFormatter(
            foreign_pre_chain=[_told, structlog.processors.format_exc_info, self._hidden],
            processors=[ProcessorFormatter.remove_processors_meta, last],
        )

    def _hidden(self, logger: object, method: str, event: _Event) -> _Event:
        """`event` in plain values, without addresses from *info* on."""
        record: logging.LogRecord = event["_record"]
        is_shown = record.levelno < logging.INFO
        if isinstance(address := event.get(ADDRESS), str):
            event[READER] = self._reader(address)
            if not is_shown:
                del event[ADDRESS]
        for name in [name for name in event if not name.startswith("_")]:
            value = event[name]
            if not isinstance(value, (int, float, type(None))):
                words = str(value) if name == "exception" else _one_line(str(value))
                event[name] = words if is_shown else without_addresses(words, self._reader)
        return event

    def _reader(self, address: str) -> str:
        try:
            normal = normal_address(address)
        except ValueError:
            normal = address.casefold()
        digest = blake2b(normal.encode("utf-8", "replace"), digest_size=_DIGEST, key=self._key, person=b"log")
        return f"~{digest.hexdigest()}"

    @cached_property
    def _key(self) -> bytes:
        return blake2b(self._chosen.key(), digest_size=32).digest()


def _one_line(words: str) -> str:
    """Words from outside can neither begin a line of their own nor move the cursor."""
    return words if words.isprintable() else "".join(one if one.isprintable() else " " for one in words)


def _told(logger: object, method: str, event: _Event) -> _Event:
    """What stands in every line, the fields of ours behind it."""
    record: logging.LogRecord = event["_record"]
    told = {
        "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
    }
    for name, value in (told | getattr(record, _FIELDS, {})).items():
        if value is not None and value != "":
            event.setdefault(name, value)
    return event
