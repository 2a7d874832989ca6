"""Who is at work: a row for each worker, beside Procrastinate's own, and gone with that one.

A worker on which sending fails, for the wrong password, a template of its own, a network that is cut, is *unfit*: it
leaves its job to the others, and takes no more of them until it has rested, for longer each time. The row tells the
runs of it, so that one for which nobody fit is left can end::

    fit ──sending fails──> rests 10 s ──tries again──> fit
                              ^  │
                              └──┘ fails again: 20 s, 40 s ... 15 minutes

It is *lost* when waiting does not help, or has not helped: a run that begins has everybody try again at once.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import text

from newsletter.store import Store

FIRST_REST, LONGEST_REST = 10, 900
"""Seconds that a worker rests on which sending failed: the first time, doubled each time; the longest."""

TRIES = 6
"""Failures in a row of what may pass, after which a worker is lost as well."""

TABLE = """
    CREATE TABLE IF NOT EXISTS newsletter_workers (
        worker_id bigint PRIMARY KEY REFERENCES procrastinate_workers ON DELETE CASCADE,
        name text NOT NULL,
        queues text[] NOT NULL,
        keys text NOT NULL,
        site text NOT NULL,
        failures integer NOT NULL DEFAULT 0,
        why text NOT NULL DEFAULT '',
        lost boolean NOT NULL DEFAULT false,
        rests_until timestamptz NOT NULL DEFAULT '-infinity'
    )
"""
"""One row for each of Procrastinate's workers, of which a process of ours is one or two."""

REGISTER = """
    INSERT INTO newsletter_workers (worker_id, name, queues, keys, site)
    SELECT worker_id, %(name)s, %(queues)s, %(keys)s, %(site)s FROM procrastinate_register_worker_v1()
    RETURNING worker_id
"""
DISMISS = """
    DELETE FROM procrastinate_workers USING newsletter_workers ours
    WHERE id = ours.worker_id AND last_heartbeat < now() - make_interval(secs => %(silent)s) RETURNING id
"""
"""Takes out those of ours that gave no sign of life."""

_AT_WORK = """
    SELECT DISTINCT ON (name) name, queues, keys, site, why, lost
    FROM newsletter_workers JOIN procrastinate_workers ON id = worker_id
    WHERE last_heartbeat > now() - make_interval(secs => :silent) ORDER BY name
"""
_FAILED = """
    UPDATE newsletter_workers
    SET failures = failures + 1, why = :why, lost = NOT :passing OR failures + 1 >= :tries,
        rests_until = now() + make_interval(secs => least(:first * 2 ^ least(failures, 20), :longest))
    WHERE name = :name AND rests_until <= now() RETURNING failures, rests_until
"""
_FIT = "failures = 0, why = '', lost = false, rests_until = '-infinity'"
_RESTS = "SELECT bool_or(rests_until > now()) FROM newsletter_workers WHERE name = :name"


@dataclass(frozen=True, slots=True)
class Likeness:
    """What must be the same on all machines that make messages: `keys` is a fingerprint of those that sign links, which
    tells nobody what they are, and `site` where the links lead."""

    keys: str
    site: str


@cache
def likeness(keys: tuple[str, ...], site: str) -> Likeness:
    """Of the keys that sign links, in their order, and the address of the site (empty: there is none)."""
    # Slowly, so that nobody tries words: PBKDF2 (RFC 8018), with as many rounds as OWASP asks for SHA-256.
    fingerprint = hashlib.pbkdf2_hmac("sha256", "\n".join(keys).encode(), b"newsletter: keys of a fleet", 600_000, 8)
    return Likeness(fingerprint.hex(), site)


@dataclass(frozen=True, slots=True)
class Member:
    """A worker as the others see it: the steps it carries out, and why sending fails on it (empty: it does not)."""

    name: str
    queues: Sequence[str]
    likeness: Likeness
    why: str
    lost: bool


async def at_work(store: Store, silent: float) -> list[Member]:
    """The workers that gave a sign of life in the last `silent` seconds."""
    async with store.database.read() as connection:
        rows = await connection.execute(text(_AT_WORK), {"silent": silent})
        return [Member(name, queues, Likeness(keys, site), why, lost) for name, queues, keys, site, why, lost in rows]


async def call_back(store: Store) -> None:
    """Have everybody who rests try again at once."""
    async with store.database.write_beside() as connection:
        await connection.execute(text(f"UPDATE newsletter_workers SET {_FIT} WHERE failures > 0"))


class Standing:
    """How this worker stands. `queues` are the steps that it carries out."""

    def __init__(self, store: Store, queues: Sequence[str], alike: Likeness) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)}"
        self.row = {"name": self.name, "queues": list(queues), "keys": alike.keys, "site": alike.site}
        """What the table has of it (see REGISTER)."""
        self._store = store
        self._failing = False

    async def failed(self, why: str, *, passing: bool) -> tuple[int, datetime] | None:
        """Rest, because sending failed and `why`; `passing` tells that it may work in a while. How often it failed in a
        row, and when it is tried again; None when it rests already."""
        self._failing = True
        values = {"name": self.name, "why": why, "passing": passing, "tries": TRIES}
        async with self._store.database.write_beside() as connection:
            rests = {"first": FIRST_REST, "longest": LONGEST_REST}
            found = (await connection.execute(text(_FAILED), values | rests)).first()
        return (found[0], found[1]) if found else None

    async def went_well(self) -> None:
        """Sending works."""
        if self._failing:
            async with self._store.database.write_beside() as connection:
                await connection.execute(
                    text(f"UPDATE newsletter_workers SET {_FIT} WHERE name = :name"), {"name": self.name}
                )
            self._failing = False

    async def rests(self) -> bool:
        """Whether it is to send nothing just now."""
        if not self._failing:
            return False
        async with self._store.database.read() as connection:
            return bool(await connection.scalar(text(_RESTS), {"name": self.name}))
