"""Moving up to PostgreSQL, and keeping what there is, as one types it."""

from __future__ import annotations

import shlex
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import postgres
import pytest
from databases import execute
from installation import Installation
from sqlalchemy import make_url

pytestmark = pytest.mark.sqlite
"""They begin with a file, and make servers of their own."""


@pytest.fixture
def server() -> Iterator[str]:
    with postgres.database(empty=True) as url:
        yield url


@pytest.fixture
def own(delivered: Installation, tmp_path: Path) -> Installation:
    """What `delivered` is, to be changed."""
    made = Installation(tmp_path / "var")
    made.state.mkdir(mode=0o700)
    delivered("db", "copy", "--to", made.database)
    return made


def test_an_edition_that_was_copied_is_rebuilt_byte_for_byte(own: Installation, server: str) -> None:
    said = own("db", "copy", "--to", server)
    assert "the same on both sides" in said.out
    assert "as it is now" in said.err
    assert said.out.splitlines()[-1].startswith('url = "postgresql://')
    there = {"NEWSLETTER_DATABASE__URL": server}
    messages = []
    for database in ({}, there):
        own("preview", "--subscriber", "ada@example.org", "--date", "2025-03-12", "--format", "eml", **database)
        [shown] = (own.state / "previews").iterdir()
        messages.append(shown.read_bytes())
        shown.unlink()
    assert b"Subject: " in messages[0]
    assert messages[0] == messages[1]
    # Nothing is new and nothing open: a run on the copy sends nothing.
    assert "4 accepted" in own("run", "--date", "2025-03-12", **there).out
    assert own.mail() == {}


def test_a_run_on_the_server_sends_what_is_open_and_no_more(own: Installation, server: str) -> None:
    execute(
        own.database,
        "UPDATE deliveries SET state = 'ready', message_id = '', code = NULL WHERE subscriber_id = 1",
        "UPDATE deliveries SET state = 'deferred', code = 421, next_at = '2025-03-12 07:30:00.000000'"
        " WHERE subscriber_id = 2",
        "UPDATE deliveries SET state = 'refused', code = 550 WHERE subscriber_id = 3",
    )
    own("db", "copy", "--from", own.database, "--to", server)
    own("run", "--date", "2025-03-12", expect=3, NEWSLETTER_DATABASE__URL=server)
    addresses = dict(execute(own.database, "SELECT id, address FROM subscribers"))
    assert set(own.mail()) == {addresses[1], addresses[2]}
    status = own("status", "--json", NEWSLETTER_DATABASE__URL=server).json
    assert status["balanced"] is True
    assert {state: number for state, number in status["deliveries"].items() if number} == {"accepted": 3, "refused": 1}


def test_an_older_database_is_brought_up_to_date_by_the_command_that_is_said(
    own: Installation, server: str, tmp_path: Path
) -> None:
    """It need not be the configured one, to which nothing is done."""
    old = tmp_path / "an old one.db"
    shutil.copy(own.state / "newsletter.db", old)
    older = "UPDATE alembic_version SET version_num = '0003'"
    execute(f"sqlite:///{old}", older)
    said = " ".join(own("db", "copy", "--from", f"sqlite:///{old}", "--to", server, expect=1).err.split())
    [command] = [part for part in said.split("`") if part.endswith("newsletter db migrate")]
    assert shlex.split(command) == [f"NEWSLETTER_DATABASE__URL=sqlite:///{old}", "newsletter", "db", "migrate"]
    execute(own.database, older)
    said = own("db", "copy", "--to", server, expect=1).err
    assert "bring it there by `newsletter db migrate`" in " ".join(said.split())


def test_a_copy_says_what_it_did_as_json_and_refuses_a_second(own: Installation, server: str, tmp_path: Path) -> None:
    url = make_url(server)
    # One that the server does not ask for, unless it does.
    word = url.password or "made-up-word"
    guarded = url.set(password=word).render_as_string(hide_password=False)
    said = own("db", "copy", "--to", guarded, "--json")
    told = said.json
    assert told["tables"]["papers"]["rows"] == 107
    assert told["found"] == 0
    assert told["rows"] == sum(one["rows"] for one in told["tables"].values())
    again = own("db", "copy", "--to", guarded, expect=1)
    assert "is not empty" in again.err
    assert word not in said.out + said.err + again.err
    back = f"sqlite:///{tmp_path}/back.db"
    assert own("db", "copy", "--from", server, "--to", back, "--json").json["tables"] == told["tables"]
    assert stat.S_IMODE((tmp_path / "back.db").stat().st_mode) == 0o600


def test_a_bad_url_is_a_sentence(own: Installation) -> None:
    said = own("db", "copy", "--to", "mysql://me:secret@example.org/news", expect=1).err
    assert "newsletter: --to names a mysql database" in said
    assert "secret" not in said
    assert "newsletter: --to is not a database URL: write it as" in own("db", "copy", "--to", "nonsense", expect=1).err
    said = own("db", "copy", "--from", "nonsense", "--to", "sqlite:///new.db", expect=1).err
    assert "newsletter: --from is not a database URL" in said


def test_migrating_says_from_where_to_where(installation: Installation, server: str) -> None:
    assert "was made, at revision" in installation("db", "migrate").out
    of_digests = ("edition_summaries", "summaries", "shown", "shown_digests", "standings")
    execute(
        installation.database,
        "DROP INDEX ix_subscribers_origin",
        "DROP INDEX ix_subscribers_timezone_hour_rhythm",
        *(f"DROP TABLE {table}" for table in (*of_digests, "posts", "moments", "steps", "alerts", "allowances")),
        "ALTER TABLE audiences DROP COLUMN dropped",
        "ALTER TABLE deliveries DROP COLUMN through",
        "ALTER TABLE batches DROP COLUMN expected",
        "UPDATE alembic_version SET version_num = '0007'",
    )
    assert "went from revision 0007 to" in installation("db", "migrate").out
    assert "already" in installation("db", "migrate").out
    assert "was made, at revision" in installation("db", "migrate", NEWSLETTER_DATABASE__URL=server).out
    assert installation("db", "check", NEWSLETTER_DATABASE__URL=server).code == 0


def test_checking_ends_with_3_when_something_is_wrong(own: Installation, tmp_path: Path) -> None:
    said = own("db", "check", "--json").json
    assert {one["what"] for one in said["checks"]} == {"revision", "integrity", "references", "ledger", "numbers"}
    assert all(one["fine"] for one in said["checks"])
    execute(own.database, "DELETE FROM deliveries WHERE id = 1")
    assert "WRONG" in own("db", "check", expect=3).out
    ledger = next(one for one in own("db", "check", "--json", expect=3).json["checks"] if one["what"] == "ledger")
    assert ledger["fine"] is False
    assert "There is no database" in Installation(tmp_path / "other")("db", "check", expect=1).err


def test_a_backup_can_be_worked_on(own: Installation, tmp_path: Path) -> None:
    own("db", "backup", str(tmp_path / "kept.db"))
    kept = own("status", "--json", NEWSLETTER_DATABASE__URL=f"sqlite:///{tmp_path}/kept.db").json
    assert kept["deliveries"]["accepted"] == 4
    own("db", "backup")
    [made] = (own.state / "backups").iterdir()
    assert made.suffix == ".db"
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.parent.stat().st_mode) == 0o700
