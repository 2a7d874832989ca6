"""Which papers are worth a reader's time, and why. Pure functions of papers, topics, archive and verdicts.

The archive makes a `background`; `rank` scores every paper for every topic against it, once per topic and never per
reader; `select` makes one reader's sections from the rankings of the topics that the reader follows.
"""

from newsletter.ranking.background import Background, background, extended
from newsletter.ranking.candidates import Candidates
from newsletter.ranking.digests import digest
from newsletter.ranking.encoding import Encoder
from newsletter.ranking.learning import Judged
from newsletter.ranking.scoring import Scored, rank, ranking, score, trending
from newsletter.ranking.selection import Limits, merge_rankings, select

__all__ = [
    "Background",
    "Candidates",
    "Encoder",
    "Judged",
    "Limits",
    "Scored",
    "background",
    "digest",
    "extended",
    "merge_rankings",
    "rank",
    "ranking",
    "score",
    "select",
    "trending",
]
