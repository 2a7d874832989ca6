"""The operator's page, `/admin`: today at a glance, every list behind a number, and what only the operator does.

door.py       in by the operator's token, out again
today.py      at a glance; charts.py draws, without a browser's help
asked.py      filters of lists; lists.py shows deliveries, batches, subscribers, suppressions
acting.py     suppress, lift, take out: a question first, then the deed
importing.py  lists of subscribers, in and out
"""

from newsletter.web.admin import acting, door, importing, lists, today

__all__ = ["acting", "importing", "lists", "router", "today"]

router = door.router
