"""The keys that sign links: those of the settings, else those of the state folder."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from newsletter.errors import StoreError
from newsletter.settings.schema import Settings

SECRET_KEYS = "secret_keys"


def secret_keys(settings: Settings) -> list[str]:
    """The keys of the settings, else those in the state folder, made there on first start with private permissions.

    Raises StoreError when the file can neither be read nor made.
    """
    if settings.secret_keys:
        return [key.get_secret_value() for key in settings.secret_keys]
    path = settings.state_dir / SECRET_KEYS
    try:
        private_folder(settings.state_dir)
        if not path.exists():
            _write_once(path, secrets.token_urlsafe(32) + "\n")
        keys = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(
            f"the signing keys in {path} cannot be read or made: {error}; check its permissions"
        ) from error
    if not keys:
        raise StoreError(f"{path} is empty; put the keys back, or remove it to have a new one made")
    return keys


def log_key(settings: Settings) -> bytes:
    """What hides addresses in logs: the oldest key, so that a reader is called the same when a newer one is put in
    front. Where there is none yet, one for as long as this process lasts: a line of a log makes no folder."""
    if settings.secret_keys or (settings.state_dir / SECRET_KEYS).exists():
        with suppress(StoreError):
            return secret_keys(settings)[-1].encode()
    return secrets.token_bytes(32)


def private_folder(folder: Path) -> None:
    """Make `folder` with private permissions, unless it is there. Raises StoreError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the state folder {folder} cannot be made: {error.strerror}; set state_dir (NEWSLETTER_STATE_DIR)"
        ) from error


def _write_once(path: Path, text: str) -> None:
    """Make `path` with private permissions, whole or not at all; who comes second keeps the first one's."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
