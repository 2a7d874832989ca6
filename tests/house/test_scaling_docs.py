"""docs/scaling.md: its tables are what the calculator says, and so is what it shows of the command."""

from __future__ import annotations

import re

import pytest
import scaling
from places import PROJECT

from newsletter.policy.measured import MEASURED

TEXT = (PROJECT / "docs" / "scaling.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("table", [scaling.needs, scaling.limits, scaling.figures], ids=lambda table: table.__name__)
def test_a_table_is_what_the_calculator_says(table: scaling.Table) -> None:
    """`python tests/house/scaling.py` prints what belongs there."""
    assert "\n".join(["", *table(), ""]) in TEXT


def test_the_figures_that_come_from_the_page_of_performance_stand_there() -> None:
    """What is measured anew is written in both places."""
    measured = (PROJECT / "docs" / "performance.md").read_text(encoding="utf-8")
    for sender in MEASURED.senders.values():
        assert re.search(rf"\| {sender.rate:,.0f} \|.*\| {sender.cpu * 1000:.3f} \|", measured)
    for figure in (f"{MEASURED.message / 1000:.1f}", f"{MEASURED.sqlite.rate:,.0f}"):
        assert f"| {figure} |" in measured
    assert f"({MEASURED.memory / 1e6:.0f}) |" in measured


def test_what_one_machine_does_is_what_was_measured() -> None:
    """Every number of that section stands in the page of performance, or in a table of this one."""
    section = TEXT.split("\n## What one machine does\n")[1].split("\n## ")[0]
    measured = (PROJECT / "docs" / "performance.md").read_text(encoding="utf-8")
    tables = "\n".join([*scaling.needs(), *scaling.figures()])
    numbers = re.findall(r"(?<![\w-])\d[\d,.]*\d(?![\w-])", section)
    assert len(numbers) > 8
    assert [one for one in numbers if not re.search(rf"(?<![\d,.]){one}(?![\d,.]?\d)", measured + tables)] == []


def test_the_page_tells_every_option_of_the_command() -> None:
    import typer

    from newsletter.cli.app import app

    [command] = [one for name, one in typer.main.get_command(app).commands.items() if name == "plan-capacity"]  # type: ignore[attr-defined]  # a group has commands
    options = {option for parameter in command.params for option in parameter.opts if option != "--help"}
    assert {option for option in options if f"`{option}" not in TEXT} == set()
