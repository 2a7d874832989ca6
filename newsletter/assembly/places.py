"""Where things are, and what time it is."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL

from newsletter.settings import Settings, shipped
from newsletter.settings.keys import private_folder
from newsletter.store import backing_up
from newsletter.store.opening import file_of
from newsletter.store.owners import Owner

OUTBOX = "outbox"

DATABASE = "newsletter.db"

RUNNING = "running"

ARCHIVES = "archives"

PREVIEWS = "previews"

ASIDE = "aside"

BACKUPS = backing_up.FOLDER

EXPORTS = "exports"


def utc_now() -> datetime:
    """The one clock."""
    return datetime.now(UTC)


def present(settings: Settings) -> AbstractContextManager[object]:
    """Says, while it lasts, that this process works with the state folder."""
    private_folder(settings.state_dir)
    return Owner(settings.state_dir / RUNNING)


def outbox(settings: Settings) -> Path:
    """The Maildir of the local mailbox."""
    return settings.state_dir / OUTBOX


def of_readers(settings: Settings) -> list[Path]:
    """Folders whose files may name a reader: mails, previews, reports that nobody understood."""
    return [outbox(settings), settings.state_dir / PREVIEWS, settings.state_dir / ASIDE]


def copies(settings: Settings) -> list[Path]:
    """Folders of whole copies that somebody made to keep them."""
    file = file_of(database_url(settings))
    beside = [file.parent / BACKUPS] if file and file.parent != settings.state_dir.resolve() else []
    return [settings.state_dir / BACKUPS, settings.state_dir / EXPORTS, *beside]


def database_url(settings: Settings) -> str:
    """The configured database, else the file in the state folder."""
    path = str(settings.state_dir.resolve() / DATABASE)
    # Through URL, because a folder's name may hold what means something in a URL.
    return settings.database.url or URL.create("sqlite", database=path).render_as_string()


def site(settings: Settings) -> str | None:
    return str(settings.site.url).rstrip("/") if settings.site.url else None


def template_folders(settings: Settings) -> list[Path]:
    own = settings.email.templates
    return [*([own] if own else []), shipped("templates")]
