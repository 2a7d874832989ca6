"""Bounces: the reports that came back about messages, each noted once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select

from newsletter.model import Delivery
from newsletter.store import tables
from newsletter.store.database import Database, insert_new
from newsletter.store.rows import deliveries


@dataclass(frozen=True, slots=True)
class Bounce:
    """One report: the address it is about, what kind it is, the Message-ID and status code that it names, its words."""

    subscriber_id: int | None
    address: str
    kind: str
    message_id: str
    enhanced: str
    detail: str
    received_at: datetime


class Bounces:
    """Notes reports, and finds whom they are about."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(
        self,
        report_sha256: str,
        subscriber_id: int | None,
        address: str,
        kind: str,
        message_id: str,
        enhanced: str,
        detail: str,
        received_at: datetime,
    ) -> bool:
        """Note a report; `report_sha256` is the hexadecimal hash of all its bytes. False when it is known already.

        `subscriber_id` is None when nobody could tell whom the report is about.
        """
        row = {
            "report": report_sha256,
            "subscriber_id": subscriber_id,
            "address": address,
            "kind": kind,
            "message_id": message_id,
            "enhanced": enhanced,
            "detail": detail,
            "received_at": received_at,
        }
        async with self._database.write() as connection:
            added = await connection.execute(insert_new(connection, tables.bounces).values(row))
            return added.rowcount > 0

    async def of_subscriber(self, subscriber_id: int) -> list[Bounce]:
        """The reports about a subscriber, in the order they were received."""
        column = tables.bounces.c
        query = select(tables.bounces).where(column.subscriber_id == subscriber_id)
        async with self._database.read() as connection:
            return [
                Bounce(
                    subscriber_id=row.subscriber_id,
                    address=row.address,
                    kind=row.kind,
                    message_id=row.message_id,
                    enhanced=row.enhanced,
                    detail=row.detail,
                    received_at=row.received_at,
                )
                for row in await connection.execute(query.order_by(column.received_at, column.id))
            ]

    async def find_subscriber(self, message_id: str) -> Delivery | None:
        """The delivery whose message had `message_id`, angle brackets included; it names the subscriber."""
        if not message_id:  # what a delivery has before it is composed
            return None
        async with self._database.read() as connection:
            named = tables.deliveries.c.message_id
            found = await deliveries(connection, and_(named == message_id, named != ""))
        return found[-1] if found else None
