"""The tables. Portable types only, so that the same metadata serves SQLite and PostgreSQL.

A rule of the house lives here: what must never happen twice is a UNIQUE constraint, not a flag.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from newsletter.model import Opinion, Phase, Rhythm, State, Status, Verdict
from newsletter.store.columns import UtcDateTime, word
from newsletter.store.columns import metadata as metadata  # with all tables in it, which are here
from newsletter.store.digest_tables import edition_summaries as edition_summaries
from newsletter.store.digest_tables import shown as shown
from newsletter.store.digest_tables import shown_digests as shown_digests
from newsletter.store.digest_tables import standings as standings
from newsletter.store.digest_tables import summaries as summaries
from newsletter.store.shared_tables import allowances as allowances
from newsletter.store.shared_tables import moments as moments
from newsletter.store.shared_tables import paces as paces

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
    Column("verdict", word(Verdict), nullable=False),
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
    # The newest day that it should have told of.
    Column("expected", Date),
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
    Column("rejected", Boolean, nullable=False, default=False, server_default=false()),
    # When it was last found to be still good.
    Column("fetched_at", UtcDateTime, nullable=False, index=True),
    Index(None, "source", "request", "fetched_at"),
    sqlite_autoincrement=True,
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
    Column("rhythm", word(Rhythm), nullable=False),
    Column("status", word(Status), nullable=False),
    Column("origin", String(16), nullable=False),
    Column("locale", String(35), nullable=False, server_default=text("''")),
    Column("paused_until", Date),
    # When they last signed up on the page; what is not confirmed in time goes.
    Column("asked_at", UtcDateTime),
    # Of one who had left and signs up again: what was typed on the page, until it is confirmed.
    Column("wishes", JSON(none_as_null=True)),
    Column("joined_at", UtcDateTime),
    # Topics that the reader worded: definitions, as in `topics`.
    Column("own", JSON, nullable=False, server_default=text("'[]'")),
    Column("muted_words", JSON, nullable=False, server_default=text("'[]'")),
    Column("muted_authors", JSON, nullable=False, server_default=text("'[]'")),
    # Every start holds the readers of the file against it, and they may be few of very many.
    Index(None, "origin"),
    # Every look at the clock asks who is due.
    Index(None, "timezone", "hour", "rhythm"),
    # An id stands in ledgers and links for ever: it is never given to anybody else.
    sqlite_autoincrement=True,
)

# What was heard on the page and waits for its message. `wishes` are values of columns of subscribers.
sign_ups = Table(
    "sign_ups",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("address", Text, nullable=False, index=True),
    Column("wishes", JSON, nullable=False),
    Column("site", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", UtcDateTime, nullable=False, index=True),
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
    Column("opinion", word(Opinion), nullable=False),
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
    # There are more of them than of anything else; SQLite counts as far with its own kind of integer.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("subscriber_id", ForeignKey("subscribers.id"), nullable=False),
    Column("local_date", Date, nullable=False),
    Column("state", word(State), nullable=False),
    Column("phase", word(Phase)),
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
    # The newest edition that was there then, where it need not be that of the local date.
    Column("through", Date),
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
    # Its rows are not kept any more: nobody can tell who had that day's mail, so it is never planned again.
    Column("dropped", Boolean, nullable=False, default=False, server_default=false()),
)

# One row for each channel and local date: the deliveries of channels, with their states.
posts = Table(
    "posts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("local_date", Date, nullable=False),
    Column("state", word(State), nullable=False, index=True),
    Column("phase", word(Phase)),
    Column("lease_owner", Text),
    Column("lease_until", UtcDateTime),
    Column("attempt", Integer, nullable=False, default=0),
    Column("next_at", UtcDateTime),
    Column("reason", Text, nullable=False, default=""),
    Column("resent", Boolean, nullable=False, default=False),
    Column("papers", Integer, nullable=False, default=0),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("through", Date),
    UniqueConstraint("channel", "local_date"),
    sqlite_autoincrement=True,
)
