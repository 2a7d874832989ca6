"""The lint is part of the wire gate: what it calls an error stops an edition, and no paper can make it one."""

from __future__ import annotations

from pathlib import Path

import pytest
from world import FRIDAY, World, reader

from newsletter.errors import CompositionError
from newsletter.model import State

TEMPLATES = Path(__file__).parents[2] / "templates" / "email"


def restyled(world: World, folder: Path, name: str, old: str, new: str) -> None:
    (folder / "email").mkdir(parents=True)
    source = (TEMPLATES / name).read_text(encoding="utf-8")
    assert old in source
    (folder / "email" / name).write_text(source.replace(old, new), encoding="utf-8")
    email = world.configuration.settings.email.model_copy(update={"templates": folder})
    world.settings(email=email)


@pytest.mark.parametrize(
    ("name", "old", "new", "check"),
    [
        ("header.html.j2", "<h1>", '<img src="https://example.org/logo.png" width="90"><h1>', "lint A3"),
        ("card.html.j2", ' role="presentation"', "", "lint A1"),
        ("base.css.j2", ".quiet { color: #57606a; }", ".quiet { color: #b0b8c0; }", "lint A6"),
        (
            "dark.css.j2",
            "color: #e6edf3 !important; }\n.preheader",
            "color: #30363d !important; }\n.preheader",
            "lint A6",
        ),
        ("shell.html.j2", 'content="width=device-width, initial-scale=1"', 'content="user-scalable=no"', "lint H6"),
    ],
)
async def test_a_template_that_no_reader_should_get_sends_nothing(
    tmp_path: Path, name: str, old: str, new: str, check: str
) -> None:
    world = World(tmp_path)
    world.readers(reader("ada"), reader("alan"))
    world.list_papers(FRIDAY, "A Robot That Walks")
    restyled(world, tmp_path / "own", name, old, new)
    with pytest.raises(CompositionError, match=check):
        await world.run(FRIDAY)
    assert world.mail() == []


async def test_whatever_a_paper_says_goes_out(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.readers(reader("ada"))
    world.list_papers(
        FRIDAY,
        'A Robot <img src=x onerror=alert(1)> {{ 7*7 }} {% raw %} Reads "HTML" & </td></table></body></html>',
        "A Robot Says click here **bold** [link](http://x) &amp;nbsp; `code` -- \\textbf{tex} $x$ None undefined",
    )
    assert await world.run(FRIDAY) == {"ada@example.org": State.ACCEPTED}
