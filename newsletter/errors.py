"""Every exception this package raises on purpose.

    NewsletterError                 something stopped; the message is one sentence with the remedy
    ├── SourceError                 a source could not answer at all
    ├── TemplateError               a template is broken: file and line
    ├── CompositionError            a composed message would not be whole, so it is not sent
    ├── StoreError                  the database cannot be read or written: sending stops
    │   └── AwayError               its server cannot be reached for now
    ├── ModelError                  a language model did not answer; summaries are drawn from abstracts instead
    ├── ChannelError                a channel cannot be posted in as it is configured
    ├── NotFoundError               no such subscriber, topic, paper or edition
    └── RelayError                  the SMTP relay as a whole does not work; says nothing about any one recipient
        ├── HaltedError             we stop, and this message was not handed over
        └── RefusalsError           too many messages of a day were refused: whoever sends the others would fare alike

    ConfigurationError              stands outside: no `except NewsletterError` swallows it; carries every fault

A refused recipient is a value (`model.Outcome`), not an exception: an exception means stop and look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class NewsletterError(Exception):
    """Base of all errors of a run. `str(error)` is one sentence for a person, with the remedy."""


class SourceError(NewsletterError):
    """A source could not answer at all (a missing folder, say); single bad documents are a verdict instead."""


class TemplateError(NewsletterError):
    """A template cannot be loaded or rendered; the message names the file and the line."""


class CompositionError(NewsletterError):
    """A composed message would not be whole (a lost link, an unfilled placeholder, too large)."""


class StoreError(NewsletterError):
    """The database cannot be opened, migrated, read or written."""


class AwayError(StoreError):
    """The server of the database cannot be reached, or gave the connection up: the same may work in a while."""


class ModelError(NewsletterError):
    """A language model did not answer. `lasting` tells that it would not answer the next question either."""

    def __init__(self, sentence: str, *, lasting: bool = False) -> None:
        super().__init__(sentence)
        self.lasting = lasting


class ChannelError(NewsletterError):
    """A channel cannot be posted in as it is configured: its posts wait. The message never holds its URL."""


class NotFoundError(NewsletterError):
    """The subscriber, topic, paper or edition that was asked for does not exist."""


class RelayError(NewsletterError):
    """The relay cannot be reached, secured or logged in to. Deliveries stay planned and the next run goes on.

    `step` is the command that failed (a `model.Step`, empty where none did) and `code` the relay's reply code to it.
    `temporary` says that the same may work in a while: nobody answered, or the relay said "not now" (4xx).
    """

    def __init__(self, sentence: str, *, step: str = "", code: int | None = None, temporary: bool = False) -> None:
        super().__init__(sentence)
        self.step = step
        self.code = code
        self.temporary = temporary


class HaltedError(RelayError):
    """We stop, and this message was not handed over: nothing of it was sent."""


class RefusalsError(RelayError):
    """The share of refusals that ends a day is reached (`delivery.error_share`)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with the configuration: `where` (a file or an environment variable), `key` in it, and `why`."""

    where: str
    key: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.key}: {self.why}" if self.key else f"{self.where}: {self.why}"


class ConfigurationError(Exception):
    """The configuration cannot be used. Holds every fault found, not only the first."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))
