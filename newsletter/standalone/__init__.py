"""The ranking alone: records in, scores with their parts and reasons out. No database, no configuration, no clock.

    for name, entries in rank_records(papers, topics, archive).items(): ...

papers, topics, archive, feedback ── records ── verdicts ── ranking.score ──> Ranked ──> entries
"""

from newsletter.standalone.ranked import Entry, Ranked, rank_records, ranked
from newsletter.standalone.records import Record, Records

__all__ = ["Entry", "Ranked", "Record", "Records", "rank_records", "ranked"]
