"""Alembic's entry: runs the migrations over the connection it is given, inside the transaction that is open on it."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
