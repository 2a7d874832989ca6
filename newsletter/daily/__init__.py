"""The day's journey, written once.

    now -> which day
        | source.collect              per source; one that fails is recorded, the others go on      collecting.py
        | store.batches.remember      upsert on identity; each answer gets a verdict
        | ranking.background          the archive of the weeks before: what papers are usually like  appraising.py
        | ranking.rank                once per topic, never once per reader                         publishing.py
        | summarising.write           by a language model, where one is configured                  summarising.py
        | store.editions.freeze       UNIQUE(day): a second run finds it and continues
        | store.ledger.plan           UNIQUE(subscriber, local_date), many readers in one transaction
        -------------------------     publishing ends, delivering begins; restartable at any point below
        | ledger.claim                a slice of them; suppression is checked again here             delivering.py
        | ranking.rank                once more for readers who said what they like; frozen as well
        | ranking.digest              empty -> settled as skipped                                   composing.py
        | rendering.lay_out           once for all readers of a digest, as rendering.compose and
        | mail.build                  mail.build have it for each
        | mail.stencil                filled with what is a reader's own                            addressing.py
        | mailer.send                 -> accepted | refused | deferred | unknown
        | ledger.settle               as policy.retry decides

A run by hand begins with the day, a scheduler with a look at the clock (looking.py), which plans those whose own hour
has come. A preview is the same path without the ledger: the edition is not saved, and the message is handed back
instead of sent.
"""

from newsletter.daily.appraising import Appraising
from newsletter.daily.collecting import Collected, Collecting
from newsletter.daily.composing import Composing, Preview
from newsletter.daily.delivering import Delivering
from newsletter.daily.journey import Daily, Report, Sent
from newsletter.daily.looking import Looked
from newsletter.daily.publishing import Publishing, Rules
from newsletter.daily.rounds import Mailer
from newsletter.daily.sampling import Sampling
from newsletter.daily.summarising import Summarising

__all__ = [
    "Appraising",
    "Collected",
    "Collecting",
    "Composing",
    "Daily",
    "Delivering",
    "Looked",
    "Mailer",
    "Preview",
    "Publishing",
    "Report",
    "Rules",
    "Sampling",
    "Sent",
    "Summarising",
]
