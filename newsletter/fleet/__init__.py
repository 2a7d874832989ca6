"""The same journey on many machines: PostgreSQL holds the state, Procrastinate (https://procrastinate.readthedocs.io),
in the same database, carries the work.

    newsletter run, schedule, serve        defer jobs, in the transactions of the rows that they speak of     jobs.py
                                           and wait for them                                           dispatching.py
    newsletter worker, on any machine      takes jobs, and those of workers that died                       working.py
                                           tells the others how it stands                                   staff.py
                                           carries them out, with the code that one process has               steps.py

A job is only a reason to look: what there is to do the ledger says. So one too many does nothing, one that is done
twice does it once, and one that is lost is made again by the next run.
"""

from newsletter.fleet.dispatching import Fleet
from newsletter.fleet.jobs import QUEUES, Jobs
from newsletter.fleet.working import work

__all__ = ["QUEUES", "Fleet", "Jobs", "work"]
