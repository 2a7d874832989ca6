"""What the URL of a server says, wherever in it: which database, and its password."""

from __future__ import annotations

from pathlib import Path

import postgres
import pytest
from sqlalchemy import make_url

from newsletter.errors import StoreError
from newsletter.store.backing_up import dump_command, password_of
from newsletter.store.copying import copy
from newsletter.store.opening import opened


@pytest.mark.parametrize(
    ("url", "password"),
    [
        ("postgresql://me@db.example.org/news", None),
        ("postgresql://me:sec%2Fret@db.example.org/news", "sec/ret"),
        ("postgresql://me@db.example.org/news?password=sec%2Fret&sslmode=require", "sec/ret"),
        ("postgresql://me:old@/news?host=/run/postgresql&password=old&password=sec/ret", "sec/ret"),
    ],
)
def test_the_password_goes_where_no_command_line_shows_it(url: str, password: str | None) -> None:
    assert password_of(url) == password
    command = " ".join(dump_command(url, Path("news.dump")))
    assert [word for word in ("sec", "old") if word in command] == []


async def test_a_database_of_the_same_name_at_another_socket_is_another_one(tmp_path: Path) -> None:
    with postgres.database() as url:
        elsewhere = make_url(url).update_query_dict({"host": str(tmp_path)}).render_as_string(hide_password=False)
        again = make_url(url).update_query_dict({"application_name": "it"}).render_as_string(hide_password=False)
        for target, said in ((elsewhere, "cannot be reached"), (again, "to itself")):
            async with opened(url) as one, opened(target) as other:
                with pytest.raises(StoreError) as error:
                    await copy(one, other, progress=lambda step, done, every: None)
            assert said in str(error.value)
