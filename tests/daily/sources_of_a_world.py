"""A world with other sources than its folder."""

from __future__ import annotations

from dataclasses import replace

from world import World

from newsletter.settings import source_options


def use(world: World, *tables: dict[str, object]) -> None:
    """Configure the sources that `[[sources]]` tables describe, and no other."""
    sources = tuple(source_options(table) for table in tables)
    settings = world.configuration.settings.model_copy(update={"sources": sources})
    world.configuration = replace(world.configuration, settings=settings)
