"""`newsletter init`: a folder to make one's own."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import Annotated

import typer

from newsletter.cli.console import answer
from newsletter.errors import NewsletterError


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder to make; it must not hold these files yet.")
    ],
) -> None:
    """Make a folder with the three configuration files, ready to run and to edit.

    Example: newsletter init ~/papers
    """
    from newsletter.settings.loading import SETTINGS_FILE, SUBSCRIBERS_FILE, TOPICS_FILE
    from newsletter.settings.shipped import shipped

    names = (SETTINGS_FILE, TOPICS_FILE, SUBSCRIBERS_FILE)
    if there := [name for name in names if (folder / name).exists()]:
        raise typer.BadParameter(f"{folder / there[0]} is there already; choose another folder, or edit that one")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copyfile(shipped("config") / name, folder / name)
        if not (folder / ".gitignore").exists():
            (folder / ".gitignore").write_text(
                "# State and secrets do not belong into a repository.\n/var/\n/secrets/\n"
            )
    except OSError as error:
        raise NewsletterError(f"{error.filename or folder} cannot be written: {error.strerror}") from error
    answer(f"{folder} is ready: edit {', '.join(names)}.")
    answer(f"Then: {shlex.join(['newsletter', '--config', str(folder), 'run', '--date', 'latest'])}")
