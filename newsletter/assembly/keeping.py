"""For how long what is kept."""

from __future__ import annotations

from newsletter.assembly.places import ARCHIVES, ASIDE, BACKUPS, DATABASE, EXPORTS, PREVIEWS, outbox
from newsletter.daily.pruning import Keep
from newsletter.settings import Settings
from newsletter.settings.keys import SECRET_KEYS

_MAILDIR = ("new/*", "cur/*")


def keep(settings: Settings) -> Keep:
    """The retention that the settings name, and the folders it is about."""
    keeping, state = settings.keeping, settings.state_dir
    mailbox, aside = outbox(settings), state / ASIDE
    return Keep(
        look_back=settings.edition.look_back,
        deliveries=settings.delivery.keep,
        answers=settings.collecting.keep_answers,
        sign_ups=keeping.sign_ups,
        batches=keeping.batches,
        observations=keeping.observations,
        opinions=keeping.opinions,
        rankings=keeping.rankings,
        reports=keeping.reports,
        folders=(
            ("outbox", keeping.outbox, mailbox, _MAILDIR),
            ("aside", keeping.aside, aside, _MAILDIR),
            ("previews", keeping.previews, state / PREVIEWS, ("*",)),
        ),
        drafts=(
            (mailbox, "tmp/*"),
            (aside, "tmp/*"),
            *((state / name, ".*") for name in (ARCHIVES, BACKUPS, EXPORTS)),
            *((state, f".{name}.*") for name in (SECRET_KEYS, DATABASE)),
        ),
    )
