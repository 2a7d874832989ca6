"""docs/lint.md says what the lint does.

python tests/lint/test_lint_docs.py        prints the tables as they are to be
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from newsletter.rendering.lint import CHECKS
from newsletter.rendering.lint.allowances import ALLOWED
from newsletter.rendering.lint.support import table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "lint.md"


def rows() -> tuple[list[str], list[str]]:
    """The rows of the two tables: checks, and what is accepted."""
    checks = [f"| {check} | {asked.replace('|', '&#124;').replace('<', '&lt;')} |" for check, asked in CHECKS.items()]
    return checks, [f"| `{check}` | {reason} |" for check, reason in ALLOWED.items()]


def test_every_check_and_every_reason_is_documented_and_no_other() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    checks, reasons = rows()
    assert [line for line in lines if re.match(r"\| (?:[A-Z]\d+|RTL|support) \|", line)] == checks
    assert [line for line in lines if re.match(r"\| `(?:[A-Z]\d+[:`]|[a-z]+:)", line)] == reasons


def test_the_programs_are_named() -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert [client for client in table().clients if client not in text] == []


if __name__ == "__main__":
    sys.stdout.write("\n".join("\n".join(part) + "\n" for part in rows()))
