"""Where the others live: a Python environment and a folder of Node modules in a cache, outside of this repository.

django-newsletter cannot be an extra of this project: its package is called `newsletter`, too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

DJANGO = ("django==5.2.*", "django-newsletter==1.2.*", "sorl-thumbnail==12.*")
NODE = ("nunjucks@3", "juice@12", "nodemailer@10")


class MissingError(Exception):
    """A peer cannot be run here; says why, in a few words."""


def cache() -> Path:
    """The folder of the user's caches that is ours (XDG Base Directory specification)."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "paper-newsletter-benchmarks"


def django_python() -> Path:
    """The interpreter of an environment with django-newsletter, made the first time. Raises MissingError."""
    folder = cache() / "django"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        _done([sys.executable, "-m", "venv", "--clear", str(folder)])
        _done([str(python), "-m", "pip", "install", "--quiet", *DJANGO])
        (folder / "ready").touch()
    return python


def node_modules() -> Path:
    """A folder with nunjucks, juice and nodemailer, made the first time. Raises MissingError."""
    folder = cache() / "node"
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise MissingError("node or npm is not there")
    if not (folder / "ready").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}\n')
        _done(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *NODE], folder)
        (folder / "ready").touch()
    return folder / "node_modules"


def _done(command: list[str], folder: Path | None = None) -> None:
    try:
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingError(f"{command[0]} does not run: {error}") from error
    if ended.returncode:
        raise MissingError(f"{Path(command[0]).name} failed: {(ended.stderr.strip().splitlines() or ['no word'])[-1]}")
