"""A URL that was not meant as it reads is refused, and no piece of it is shown."""

from __future__ import annotations

import pytest

from newsletter.errors import StoreError
from newsletter.policy.database_urls import fault
from newsletter.store.database import Database


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:p@s3cr3t@127.0.0.1:5999/news",
        "postgresql://me:p@x:s3cr3t/a@host/news",
        "postgresql://me:s3cr3t/@host/news",
        "postgresql://me:word@host:s3cr3t/news",
        "postgresql://me:word@host:99999/news",
        "postgresql://me:word@[::1]:s3cr3t/news",
    ],
)
def test_what_would_be_read_otherwise_is_refused(url: str) -> None:
    why = fault(url)
    assert why is not None
    assert "s3cr3t" not in why
    with pytest.raises(StoreError, match="cannot be read") as error:
        Database(url, 1)
    assert "s3cr3t" not in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:p%40ss%2F@db.example.org:5432/news",
        "postgresql://me@[::1]:5432/news",
        "postgresql://postgres:@/news?host=/var/run/postgresql",
        "postgresql+psycopg://db/news?options=-csearch_path%3Da@b",
        "postgresql://",
    ],
)
def test_what_is_right_is_taken(url: str) -> None:
    assert fault(url) is None
