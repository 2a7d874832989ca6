"""The one place that builds concrete parts from the configuration: the journey, on the sources, the relays and the
store that are configured."""

from newsletter.assembly.channels import channels_of, unusable_channels
from newsletter.assembly.journey import (
    OpenedDispatch,
    calendar,
    limits,
    opened_daily,
    opened_pruning,
    opened_site,
    opened_store,
    opened_workplace,
    rules_of,
)
from newsletter.assembly.places import (
    BACKUPS,
    DATABASE,
    EXPORTS,
    RUNNING,
    copies,
    database_url,
    of_readers,
    outbox,
    present,
    utc_now,
)
from newsletter.assembly.sources import listing_source, records_source
from newsletter.assembly.watching import watch

__all__ = [
    "BACKUPS",
    "DATABASE",
    "EXPORTS",
    "RUNNING",
    "OpenedDispatch",
    "calendar",
    "channels_of",
    "copies",
    "database_url",
    "limits",
    "listing_source",
    "of_readers",
    "opened_daily",
    "opened_pruning",
    "opened_site",
    "opened_store",
    "opened_workplace",
    "outbox",
    "present",
    "records_source",
    "rules_of",
    "unusable_channels",
    "utc_now",
    "watch",
]
