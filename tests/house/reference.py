"""The reference tables of all settings and sources, as `docs/configuration.md` and `docs/sources.md` must hold them.

python tests/house/reference.py        prints it
"""

from __future__ import annotations

import json
import sys

from pydantic import BaseModel

from newsletter.settings import Settings
from newsletter.sources import registry
from newsletter.sources.options import NetworkOptions, SourceOptions


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


def source_tables() -> dict[str, list[str]]:
    """The same for the options of a `[[sources]]` table: those that every source has (under ""), those that every
    source on the network has ("network"), and by kind what it has besides, or with another default."""
    common, network = rows(SourceOptions), rows(NetworkOptions)
    own = {
        name: [row for row in rows(registry.kind(name).Options) if row not in network and not _of_all(row)]
        for name in registry.KINDS
    }
    return {"": common, "network": [row for row in network if row not in common], **own}


def _of_all(row: str) -> bool:
    """`kind` is worded by each kind in its own way, and says what its heading says."""
    return row.startswith(("| `kind`", "| `name`"))


def _shown(default: object) -> str:
    if default is None or default == "" or default == ():
        return ""
    value = list(default) if isinstance(default, tuple) else default
    return f"`{json.dumps(value, ensure_ascii=False, default=str)}`"


if __name__ == "__main__":
    tables = [f"\n{kind or 'every source'}\n" + "\n".join(table) for kind, table in source_tables().items()]
    sys.stdout.write("\n".join([*rows(), *tables]) + "\n")
