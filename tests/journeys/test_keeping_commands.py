"""Letting go, putting back, taking away and forgetting, as one types it."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import databases
import pytest
from installation import Installation

from newsletter.store.owners import Owner

pytestmark = pytest.mark.skipif(databases.ON_POSTGRESQL, reason="about files, as SQLite's databases are")

ADA = "ada@example.org"
TODAY = {"NEWSLETTER_SCHEDULE__TIMEZONE": "UTC"}


@pytest.fixture
def own(delivered: Installation, tmp_path: Path) -> Installation:
    """What `delivered` is, to be changed."""
    made = Installation(tmp_path / "var")
    made.state.mkdir(mode=0o700)
    delivered("db", "backup", str(made.state / "newsletter.db"))
    return made


def execute(installation: Installation, *statements: str) -> None:
    connection = sqlite3.connect(installation.state / "newsletter.db")
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def old_mail(installation: Installation) -> Path:
    mail = installation.state / "outbox" / "new" / "1.M1P1Q1.localhost"
    mail.parent.mkdir(parents=True)
    mail.write_text(f"To: {ADA}\n\nA digest.\n")
    os.utime(mail, (0, 0))
    return mail


def test_pruning(own: Installation) -> None:
    mail = old_mail(own)
    long_ago = f"{datetime.now(UTC) - timedelta(days=500):%Y-%m-%d %H:%M:%S.%f}"
    execute(own, f"UPDATE batches SET collected_at = '{long_ago}' WHERE id = 1")
    would = own("prune", "--dry-run", "--json").json
    numbers = {kind: one["number"] for kind, one in would["kinds"].items() if one["number"]}
    assert (would["dry_run"], numbers) == (True, {"batches": 1, "outbox": 1})
    assert mail.exists()
    said = own("prune", "--compact").out
    assert "2 things gone." in said
    assert "MB; it had" in said
    assert not mail.exists()
    assert own("prune").out.rstrip().endswith("0 things gone.")
    assert "cannot be combined" in own("prune", "--dry-run", "--compact", expect=2).err
    assert own("db", "check", "--json").json["checks"]


def test_a_backup_comes_back_and_what_it_does_not_know_is_held(own: Installation, tmp_path: Path) -> None:
    kept = tmp_path / "kept.db"
    own("db", "backup", str(kept))
    own("subscribers", "leave", "grace@example.org")
    would = own("db", "restore", str(kept), "--dry-run", "--json", **TODAY).json
    assert (would["dry_run"], would["aside"], would["refused"], would["waiting"]) == (True, None, 1, {})
    done = own("db", "restore", str(kept), "--held", **TODAY)
    assert "kept.db is in place, and knows nothing later than" in done.out
    assert "Taken over from the database that was there: 1 suppression;" in done.out
    assert "held: unknown, and never sent by themselves" in done.out
    held = own("status", "--json").json["deliveries"]["unknown"]
    assert held >= would["due"]
    # The same day's run makes the edition and sends nothing of it.
    own("run", expect=3 if held else 0, **TODAY)  # 3: some want a look
    assert own.mail() == {}
    assert own("status", "--json").json["balanced"] is True
    [aside] = (own.state / "backups").iterdir()
    assert aside.name.startswith("newsletter-before-restore-")
    # A backup of a backup: what was there comes back whole.
    own("db", "restore", str(aside))
    statuses = {one["address"]: one["status"] for one in own("subscribers", "list", "--json").json}
    assert statuses["grace@example.org"] == "left"


def test_a_restore_tells_of_what_channels_had_since(own: Installation, tmp_path: Path) -> None:
    kept = tmp_path / "kept.db"
    own("db", "backup", str(kept))
    columns = "channel, local_date, state, attempt, reason, resent, papers, updated_at, through"
    day = f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%d}"  # later than the edition
    row = f"'lab', '{day}', 'accepted', 1, '', 0, 5, '{day} 08:00:00.000000', '{day}'"
    execute(own, f"INSERT INTO posts ({columns}) VALUES ({row})")
    had = f"It says what was posted in channels that the backup does not know of: 1 of {day}."
    would = own("db", "restore", str(kept), "--dry-run", **TODAY).out
    assert had in would
    assert "Channels get the papers of what was posted since once more." in would
    assert own("db", "restore", str(kept), "--dry-run", "--json", **TODAY).json["posted"] == {day: 1}
    (own.state / "newsletter.db").rename(tmp_path / "aside.db")
    assert "channels may get once more what was posted since" in own("db", "restore", str(kept), "--dry-run").out
    (tmp_path / "aside.db").rename(own.state / "newsletter.db")
    done = own("db", "restore", str(kept), "--held", **TODAY).out
    assert had in done
    assert "1 post is held likewise: channels never get it." in done


def test_nothing_is_restored_under_who_is_at_work_or_from_nonsense(own: Installation, tmp_path: Path) -> None:
    kept = tmp_path / "kept.db"
    own("db", "backup", str(kept))
    with Owner(own.state / "running"):
        assert "is in use by" in own("db", "restore", str(kept), expect=1).err
    (tmp_path / "no.db").write_text("no database")
    assert "is no SQLite database" in own("db", "restore", str(tmp_path / "no.db"), expect=1).err
    server = {"NEWSLETTER_DATABASE__URL": "postgresql://news:word@127.0.0.1:1/news"}
    assert "is no dump" in own("db", "restore", str(kept), expect=1, **server).err
    (tmp_path / "papers.dump").write_bytes(b"PGDMP")
    error = " ".join(own("db", "restore", str(tmp_path / "papers.dump"), expect=1, **server).err.split())
    assert "pg_restore --exit-on-error --no-owner --dbname=postgresql://news@127.0.0.1:1/news_restored" in error
    assert "word" not in error


def test_everything_to_take_away(own: Installation, tmp_path: Path) -> None:
    said = own("export", "--json").json
    folder = Path(said["folder"])
    assert folder.parent == own.state / "exports"
    assert (said["numbers"]["papers"], said["numbers"]["deliveries"]) == (107, 4)
    assert len((folder / "papers.jsonl").read_text().splitlines()) == 107
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert "is there already" in own("export", "--to", str(folder), expect=1).err
    addresses = {json.loads(line)["address"] for line in (folder / "subscribers.jsonl").read_text().splitlines()}
    other = Installation(tmp_path / "other")
    other("collect", "--from", str(folder / "papers.jsonl"))
    assert len(other("papers", "--json").json) == 107
    assert len(addresses) == 4
    assert (folder / "subscribers.csv").read_text().startswith("address,name,topics")


def test_forgetting_a_person(own: Installation) -> None:
    mail = old_mail(own)
    own("db", "backup")
    refused = own("forget", ADA, stdin="n\n", expect=1)
    assert "Delete everything that is known" in refused.err
    assert mail.exists()
    done = own("forget", ADA.upper(), stdin="y\n")
    assert f"{ADA} is forgotten, with 1 file. A hash of the address stays" in done.out
    assert "is a copy that still names it" in done.err
    assert "It still stands in subscribers.toml" in done.err
    assert not mail.exists()
    assert own("status", "--json").json["balanced"] is True
    assert ADA.encode() not in (own.state / "newsletter.db").read_bytes()
    [row] = own("suppressions", "list", "--json").json
    assert row["address"].startswith("forgotten:")
    assert "was suppressed already" in own("suppressions", "add", ADA).out
    assert ADA not in {one["address"] for one in own("subscribers", "list", "--json").json}
    assert "was no reader" in own("forget", ADA, "--yes").out
    assert "is not an e-mail address" in own("forget", "nonsense", "--yes", expect=2).err
    own("suppressions", "remove", ADA)
    assert own("suppressions", "list", "--json").json == []
