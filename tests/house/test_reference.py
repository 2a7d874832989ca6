"""The reference tables of the pages are what the code says today: `python docs/refresh_reference.py` writes them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from places import PROJECT

from newsletter.settings import Settings
from newsletter.sources import registry


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("refresh_reference", PROJECT / "docs" / "refresh_reference.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reference = _script()


@pytest.mark.parametrize("page", reference.PAGES)
def test_a_page_has_the_tables_of_today(page: str) -> None:
    text = (PROJECT / "docs" / page).read_text(encoding="utf-8")
    made = reference.PAGES[page](text)
    wrong = set(text.splitlines()) ^ set(made.splitlines())
    assert made == text, f"run `python docs/refresh_reference.py`: {sorted(wrong)}"


def test_every_setting_and_every_kind_of_source_is_in_them() -> None:
    settings = (PROJECT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert [name for name in Settings.model_fields if f"| `{name}" not in settings] == ["sources"]
    sources = (PROJECT / "docs" / "sources.md").read_text(encoding="utf-8")
    assert [kind for kind in registry.KINDS if f"\n## `{kind}`\n" not in sources] == []


def test_what_was_changed_by_hand_is_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = {page: (PROJECT / "docs" / page).read_text(encoding="utf-8") for page in reference.PAGES}
    for page, text in pages.items():
        lines = text.splitlines(keepends=True)
        rows = [place for place, line in enumerate(lines) if line.startswith("| `") and line.count("|") == 4]
        del lines[rows[0]]
        lines[rows[-1] - 1] = "| `made.up` | `1` | what nobody knows |\n"
        (tmp_path / page).write_text("".join(lines), encoding="utf-8")
    monkeypatch.setattr(reference, "DOCS", tmp_path)
    assert reference.main(["--check"]) == 1
    assert reference.main([]) == 0
    assert {page: (tmp_path / page).read_text(encoding="utf-8") for page in pages} == pages
    assert reference.main(["--check"]) == 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("# Configuration\n", "there is no section “Settings”"),
        ("## Settings\n", "needs 1 tables"),
        (
            "## Settings\n\n| setting | default | meaning |\n|---|---|---|\n\n"
            "## More\n\n| setting | default | meaning |\n|---|---|---|\n",
            "nothing is known of what the section “More”",
        ),
    ],
)
def test_a_page_that_has_no_place_for_a_table_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        reference.configuration(text)
