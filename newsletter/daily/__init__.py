"""The day's journey, written once.

    now -> which day
        | source.collect              per source; one that fails is recorded, the others go on      collecting.py
        | store.batches.remember      upsert on identity; each answer gets a verdict
        | ranking.background          the archive of the weeks before: what papers are usually like  appraising.py
        | ranking.rank                once per topic, never once per reader                         publishing.py
        | store.editions.freeze       UNIQUE(day): a second run finds it and continues
        | store.ledger.plan           UNIQUE(subscriber, local_date), in one transaction
        -------------------------     publishing ends, delivering begins; restartable at any point below
        | ledger.claim                suppression is checked again here                             delivering.py
        | ranking.rank                once more for readers who said what they like; frozen as well
        | ranking.digest              empty -> settled as skipped                                   composing.py
        | rendering.compose           cards were rendered and inlined once for all readers
        | mail.build
        | mailer.send                 -> accepted | refused | deferred | unknown
        | ledger.settle               as policy.retry decides

A preview is the same path without the ledger: the edition is not saved, and the message is handed back instead of sent.
"""

from newsletter.daily.appraising import Appraising
from newsletter.daily.collecting import Collected, Collecting
from newsletter.daily.composing import Composing, Preview
from newsletter.daily.delivering import Delivering, Mailer
from newsletter.daily.journey import Daily, Report
from newsletter.daily.publishing import Publishing, Rules

__all__ = [
    "Appraising",
    "Collected",
    "Collecting",
    "Composing",
    "Daily",
    "Delivering",
    "Mailer",
    "Preview",
    "Publishing",
    "Report",
    "Rules",
]
