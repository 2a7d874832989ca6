"""Which papers are worth a reader's time, and why. Pure functions of papers and topics.

`rank` scores every paper for every topic, once per topic and never per reader; `select` makes one reader's sections
from the rankings of the topics that the reader follows.
"""

from newsletter.ranking.digests import digest
from newsletter.ranking.scoring import rank
from newsletter.ranking.selection import Limits, merge_rankings, select

__all__ = ["Limits", "digest", "merge_rankings", "rank", "select"]
