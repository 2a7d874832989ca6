"""What digests are made from besides rankings, and what they showed."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Date, ForeignKey, Integer, String, Table, Text

from newsletter.store.columns import UtcDateTime, metadata

# What a language model was asked about papers, for ever: the same question is never paid for twice. No foreign key: a
# paper that no edition took may go.
summaries = Table(
    "summaries",
    metadata,
    Column("paper_id", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("prompt", Integer, primary_key=True),
    # The hash of the title and the abstract that it read.
    Column("abstract", String(64), primary_key=True),
    # Empty where the answer was none; `flaw` says why.
    Column("text", Text, nullable=False),
    Column("flaw", Text, nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("written_at", UtcDateTime, nullable=False, index=True),
)

# The summaries that are frozen with an edition.
edition_summaries = Table(
    "edition_summaries",
    metadata,
    # A paper is taken by one edition, ever.
    Column("paper_id", ForeignKey("papers.id"), primary_key=True),
    Column("edition_id", ForeignKey("editions.id"), nullable=False),
    Column("text", Text, nullable=False),
)

# Where papers stood by their votes when the digests of a day were made: by id, the fields of a `Standing`.
standings = Table("standings", metadata, Column("day", Date, primary_key=True), Column("papers", JSON, nullable=False))

# What digests showed: ids. Its own number is made from what it says.
shown_digests = Table(
    "shown_digests",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("local_date", Date, nullable=False, index=True),
    Column("editions", JSON, nullable=False),
    Column("papers", JSON, nullable=False),
    Column("rising", JSON, nullable=False),
)

# To whom. A digest that was made twice, with other topics between, may have been shown both times.
shown = Table(
    "shown",
    metadata,
    Column("subscriber_id", ForeignKey("subscribers.id"), primary_key=True),
    Column("local_date", Date, primary_key=True, index=True),
    # By its index a digest that goes finds whether somebody was shown it.
    Column("digest_id", ForeignKey("shown_digests.id"), primary_key=True, index=True),
)
