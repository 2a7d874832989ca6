"""The tables. Portable types only, so that the same metadata serves SQLite and PostgreSQL.

A rule of the house lives here: what must never happen twice is a UNIQUE constraint, not a flag.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

from newsletter.model import Opinion, Phase, Rhythm, State, Status, Verdict


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware in, aware UTC out. A naive datetime is refused, for nobody could say which moment it means."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        # SQLite keeps no zone: what comes back is what went in, UTC.
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _word(words: type[StrEnum]) -> Enum:
    """A column of one of our words, kept as the word itself so that a person can read the table."""
    return Enum(words, native_enum=False, length=16, values_callable=lambda kind: [word.value for word in kind])


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

papers = Table(
    "papers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("abstract", Text, nullable=False),
    Column("authors", JSON, nullable=False),
    Column("links", JSON, nullable=False),
    Column("first_seen", Date, index=True),
    Column("venue", Text, nullable=False, server_default=text("''")),
    Column("published", Date),
    Column("version", Integer, nullable=False, server_default=text("0")),
    Column("votes", Integer),
    Column("ai_summary", Text, nullable=False, server_default=text("''")),
    Column("thumbnail", Text, nullable=False, server_default=text("''")),
    Column("categories", JSON, nullable=False, server_default=text("'[]'")),
    Column("institutions", JSON, nullable=False, server_default=text("'[]'")),
    Column("fields", JSON, nullable=False, server_default=text("'[]'")),
    # Where each field's value came from: {"title": "arxiv/cs.CL"}.
    Column("origins", JSON, nullable=False, server_default=text("'{}'")),
)

paper_keys = Table(
    "paper_keys",
    metadata,
    Column("key", Text, primary_key=True),
    Column("paper_id", ForeignKey("papers.id"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
)

listings = Table(
    "listings",
    metadata,
    Column("paper_id", ForeignKey("papers.id"), primary_key=True),
    Column("source", Text, primary_key=True),
    Column("day", Date, primary_key=True, index=True),
    Column("rank", Integer, nullable=False),
)

batches = Table(
    "batches",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("day", Date),
    Column("verdict", _word(Verdict), nullable=False),
    Column("why", Text, nullable=False),
    Column("papers", Integer, nullable=False),
    Column("new", Integer, nullable=False),
    Column("curators", Text, nullable=False),
    Column("problems", JSON, nullable=False),
    Column("collected_at", UtcDateTime, nullable=False),
    Column("declared", Integer),
    Column("asked", Date),
    # The hash of what it held: two answers that show the same papers have the same.
    Column("identities", String(32), nullable=False, server_default=text("''")),
    Index(None, "source", "document"),
    Index(None, "source", "asked"),
    sqlite_autoincrement=True,
)

# Numbers that change with time, each as it was seen, when it was seen.
observations = Table(
    "observations",
    metadata,
    Column("paper_id", ForeignKey("papers.id"), primary_key=True),
    Column("source", Text, primary_key=True),
    Column("what", String(16), primary_key=True),
    Column("observed_at", UtcDateTime, primary_key=True),
    Column("value", Integer, nullable=False),
)

# What came over the network, word for word: metadata only, so that an edition can be made again.
answers = Table(
    "answers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("sha256", String(64), nullable=False),
    # Compressed with zlib.
    Column("body", LargeBinary, nullable=False),
    Column("first_at", UtcDateTime, nullable=False),
    # Its source could not read it.
    Column("rejected", Boolean, nullable=False, default=False, server_default=text("0")),
    # When it was last found to be still good.
    Column("fetched_at", UtcDateTime, nullable=False, index=True),
    Index(None, "source", "request", "fetched_at"),
    sqlite_autoincrement=True,
)

# Who may ask a place on the network, and when next: one row for each, for all processes that share this database.
paces = Table(
    "paces",
    metadata,
    Column("group", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("held_until", UtcDateTime, nullable=False),
    Column("next_at", UtcDateTime, nullable=False),
)

topics = Table(
    "topics",
    metadata,
    Column("slug", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("definition", JSON, nullable=False),
)

subscribers = Table(
    "subscribers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("address", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("topics", JSON, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("hour", Integer, nullable=False),
    Column("rhythm", _word(Rhythm), nullable=False),
    Column("status", _word(Status), nullable=False),
    Column("origin", String(16), nullable=False),
    Column("locale", String(35), nullable=False, server_default=text("''")),
    # An id stands in ledgers and links for ever: it is never given to anybody else.
    sqlite_autoincrement=True,
)

# No foreign key: a suppression outlives the subscriber, and may come before one.
suppressions = Table(
    "suppressions",
    metadata,
    Column("address", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
)

editions = Table(
    "editions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("day", Date, nullable=False, unique=True),
    Column("curators", JSON, nullable=False),
    # What the sources answered: [name, verdict, papers]; None where nobody noted it.
    Column("verdicts", JSON(none_as_null=True)),
    sqlite_autoincrement=True,
)

edition_papers = Table(
    "edition_papers",
    metadata,
    Column("edition_id", ForeignKey("editions.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    # Unique: a paper is taken by one edition, ever.
    Column("paper_id", ForeignKey("papers.id"), nullable=False, unique=True),
)

rankings = Table(
    "rankings",
    metadata,
    Column("edition_id", ForeignKey("editions.id"), primary_key=True),
    Column("slug", Text, primary_key=True),
    Column("topic", JSON(none_as_null=True)),
    Column("picks", JSON, nullable=False),
    Column("excluded", JSON(none_as_null=True)),
    Column("groups", JSON(none_as_null=True)),
)

# What a reader with feedback of their own was ranked. The topic, as it was worded then, is that of the edition's own
# ranking.
personal_rankings = Table(
    "personal_rankings",
    metadata,
    Column("subscriber_id", ForeignKey("subscribers.id"), primary_key=True),
    Column("edition_id", Integer, primary_key=True),
    Column("slug", Text, primary_key=True),
    Column("picks", JSON, nullable=False),
    Column("excluded", JSON(none_as_null=True)),
    ForeignKeyConstraint(["edition_id", "slug"], ["rankings.edition_id", "rankings.slug"]),
)

_standing = text("undone IS NULL")

feedback = Table(
    "feedback",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("subscriber_id", ForeignKey("subscribers.id"), nullable=False, index=True),
    Column("topic", Text, nullable=False),
    Column("paper_id", ForeignKey("papers.id"), nullable=False),
    Column("opinion", _word(Opinion), nullable=False),
    Column("given", UtcDateTime, nullable=False),
    Column("undone", UtcDateTime),
    # A reader has one opinion on a paper for a topic, however often, and from however many places, it is given.
    Index(
        None,
        "subscriber_id",
        "topic",
        "paper_id",
        unique=True,
        sqlite_where=_standing,
        postgresql_where=_standing,
    ),
    # An id stands in links: it is never given to anything else.
    sqlite_autoincrement=True,
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("subscriber_id", ForeignKey("subscribers.id"), nullable=False),
    Column("local_date", Date, nullable=False),
    Column("state", _word(State), nullable=False),
    Column("phase", _word(Phase)),
    Column("lease_owner", Text),
    Column("lease_until", UtcDateTime),
    Column("attempt", Integer, nullable=False, default=0),
    Column("next_at", UtcDateTime),
    Column("resent", Boolean, nullable=False, default=False),
    Column("reason", Text, nullable=False, default=""),
    Column("code", Integer),
    Column("reply", Text, nullable=False, default=""),
    Column("message_id", Text, nullable=False, default=""),
    Column("enhanced", String(16), nullable=False, default="", server_default=text("''")),
    Column("queue_id", Text, nullable=False, default="", server_default=text("''")),
    Column("sections", Integer, nullable=False, default=0),
    Column("papers", Integer, nullable=False, default=0),
    Column("size", Integer, nullable=False, default=0),
    Column("updated_at", UtcDateTime, nullable=False),
    # What the reader said until then shapes the digest; None where nobody noted it.
    Column("planned_at", UtcDateTime),
    UniqueConstraint("subscriber_id", "local_date"),
    Index(None, "state", "local_date"),
    Index(None, "local_date"),
    # Bounces and relay logs name a message by its Message-ID.
    Index(None, "message_id"),
    sqlite_autoincrement=True,
)

# What came back: bounce and complaint reports, each once. `subscriber_id` is None when nobody could tell whose it was.
bounces = Table(
    "bounces",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("subscriber_id", ForeignKey("subscribers.id")),
    Column("address", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("message_id", Text, nullable=False),
    Column("enhanced", String(16), nullable=False),
    Column("detail", Text, nullable=False),
    # SHA-256 of the report: reading a mailbox twice counts nothing twice.
    Column("report", String(64), nullable=False, unique=True),
    Column("received_at", UtcDateTime, nullable=False),
    Index(None, "subscriber_id"),
    sqlite_autoincrement=True,
)

# How many rows were ever planned for a date: what the ledger is held against, so that a lost row is seen.
audiences = Table(
    "audiences",
    metadata,
    Column("local_date", Date, primary_key=True),
    Column("planned", Integer, nullable=False),
)
