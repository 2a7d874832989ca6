"""What is kept for how long: the table of the guide, the settings and the code say the same, and leave nothing out."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from places import PROJECT

from newsletter.assembly.keeping import keep
from newsletter.daily.pruning import LEFTOVERS, Pruning
from newsletter.settings import Settings
from newsletter.store import Store, tables
from newsletter.store.exporting import KINDS

TEXT = (PROJECT / "docs" / "keeping.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| (?:`([\w.]+)`)? ?\| (\d+) \|", re.M)

RULES = {
    **dict.fromkeys(("deliveries", "answers", "sign_ups", "batches", "observations"), "| `{}` |"),
    "feedback": "| `opinions` |",
    "personal_rankings": "| `rankings` |",
    "rankings": "| `rankings` |",
    "bounces": "| `reports` |",
    "audiences": "that there was such a day",
    **dict.fromkeys(("papers", "paper_keys", "listings", "editions", "edition_papers"), "papers with their keys and"),
    "subscribers": "readers who have left, with what they chose",
    "suppressions": "suppressions: an address that must not be mailed",
    "topics": "**What does not grow**: topics",
    "paces": "the turns to ask sources",
    "allowances": "the limits of relays",
    **dict.fromkeys(("moments", "steps"), "when something was last done and how each step went"),
    "alerts": "what the operator was told",
    **dict.fromkeys(("posts", "shown", "shown_digests", "standings"), "posts in channels, and what was shown"),
    **dict.fromkeys(("summaries", "edition_summaries"), "summaries that a language model wrote"),
}
"""Of each table, where the guide says what becomes of its rows."""


async def test_the_table_says_what_the_settings_say_and_what_is_pruned(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path)
    told = {kind: (setting, int(days)) for kind, setting, days in ROW.findall(TEXT)}
    async with await Store.open(f"sqlite:///{tmp_path}/newsletter.db") as store:
        now = datetime(2026, 1, 1, tzinfo=UTC)
        pruned = await Pruning(store, keep(settings), now.date).prune(now, rehearse=True)
    assert {one.kind: one.days for one in pruned} == {kind: days for kind, (_, days) in told.items()}
    assert list(told) == [one.kind for one in pruned]
    for kind, (setting, days) in told.items():
        if setting:
            table, name = setting.split(".")
            assert getattr(getattr(settings, table), name) == days, setting
        else:
            assert (kind, days) == ("leftovers", LEFTOVERS)
    named = {setting for setting, _ in told.values() if setting.startswith("keeping.")}
    assert named == {f"keeping.{name}" for name in type(settings.keeping).model_fields}


def test_of_every_table_it_is_said_what_becomes_of_it() -> None:
    assert RULES.keys() == set(tables.metadata.tables)
    assert [name for name, words in RULES.items() if words.format(name) not in TEXT] == []


def test_every_file_of_an_export_is_told_with_its_fields() -> None:
    rows = dict(re.findall(r"^\| `(\w+)\.jsonl` \| (.+) \|$", TEXT, re.M))
    assert tuple(rows) == ("papers", *KINDS[1:])
    for kind, words in rows.items():
        if kind not in {"papers", "editions"}:
            fields = {column.name for column in tables.metadata.tables[kind].columns} - {"lease_owner", "lease_until"}
            assert fields - set(re.findall(r"`(\w+)`", words)) == set(), kind
