"""The reference table of all settings, as `docs/configuration.md` must hold it.

python tests/house/reference.py        prints it
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pydantic import BaseModel

from newsletter.settings import Settings
from newsletter.settings.schema import ListingOptions


def rows(model: type[BaseModel] = Settings, prefix: str = "") -> list[str]:
    """One line of the table for each setting, with its default and meaning."""
    found = []
    for name, field in model.model_fields.items():
        table = field.annotation
        if isinstance(table, type) and issubclass(table, BaseModel):
            found += rows(table, f"{name}.")
        elif name != "sources":
            default = "" if field.is_required() else _shown(field.default)
            found.append(f"| `{prefix}{name}` | {default} | {field.description or ''} |")
    return found


def source_rows() -> list[str]:
    """The same for the options of a `[[sources]]` table."""
    return rows(ListingOptions)


def _shown(default: object) -> str:
    if default is None or default == "" or default == ():
        return ""
    value = str(default) if isinstance(default, Path) else default
    return f"`{json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)}`"


if __name__ == "__main__":
    sys.stdout.write("\n".join([*rows(), "", *source_rows()]) + "\n")
