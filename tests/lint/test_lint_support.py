"""The table of what mail programs support: complete, and renewed by a script that always writes the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from good_mail import Good
from places import PROJECT

from newsletter.rendering.lint import lint
from newsletter.rendering.lint.support import MAPPINGS, table

SCRIPT = PROJECT / "docs" / "refresh_caniemail.py"
SHIPPED = PROJECT / "newsletter" / "rendering" / "lint" / "caniemail.json"


def test_the_table_has_every_feature_that_is_asked_for() -> None:
    known = table()
    asked = {feature for mapping in MAPPINGS for feature in mapping.values()}
    assert asked - set(known.features) == set()
    assert len(asked) > 100
    assert len(known.clients) == 15
    assert all(len(letters) == 15 and set(letters) <= set("yanu") for letters, _ in known.features.values())


def test_the_table_names_its_source_date_and_licence() -> None:
    head = json.loads(SHIPPED.read_text(encoding="utf-8"))
    assert "caniemail" in head["source"]
    assert head["version"].count(".") == 2
    assert head["date"] >= "2026-05-13"
    assert "Permission is hereby granted, free of charge" in head["licence"]
    assert "The above copyright notice" in head["licence"]
    assert SHIPPED.stat().st_size < 26_000


def test_known_verdicts() -> None:
    assert table().without("css-border-radius") == ["Outlook (Windows)"]
    assert "Gmail (web)" in table().without("css-at-media-prefers-color-scheme")
    assert table().without("css-text-align") == []


def package(folder: Path) -> Path:
    """A package of the shape of the real one, with two features."""
    features = [
        {
            "slug": "html-b",
            "last_test_date": "2024-02-03",
            "stats": {"gmail": {"ios": {"2019-01": "y", "2024-01": "n #1"}}},
        },
        {
            "slug": "css-a",
            "last_test_date": "2020-01-02",
            "stats": {"outlook": {"windows": {"2019": "a #2"}}, "yahoo": {}},
        },
    ]
    (folder / "data").mkdir(parents=True)
    (folder / "package.json").write_text('{"version": "9.8.7"}')
    (folder / "LICENSE").write_text("MIT\n\nPermission  is granted\n")
    data = {"last_update_date": "2026-01-02 03:04:05 +0000", "data": features}
    (folder / "data" / "caniemail.json").write_text(json.dumps(data))
    return folder


def test_the_script_makes_the_table_from_a_package(tmp_path: Path) -> None:
    code = f"import sys, json; sys.path.insert(0, {str(SCRIPT.parent)!r})\nfrom refresh_caniemail import table\n"
    code += "from pathlib import Path; print(json.dumps(table(Path(sys.argv[1]))))"
    command = [sys.executable, "-c", code, str(package(tmp_path / "package"))]
    once, again = (subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2))
    assert once == again
    made = json.loads(once)
    assert made["version"] == "9.8.7"
    assert made["date"] == "2026-01-02"
    assert made["licence"].endswith("MIT Permission is granted")
    assert made["features"] == {"css-a": "uuuuauuuuuuuuuu 2020-01", "html-b": "unuuuuuuuuuuuuu 2024-02"}
    assert list(made["features"]) == sorted(made["features"])
    assert made["clients"] == list(table().clients)


@pytest.mark.parametrize(
    ("style", "feature", "program"),
    [
        ("text-shadow:1px 1px #ffffff", "css-text-shadow", "Gmail (web)"),
        ("opacity:1", "css-opacity", "Gmail (mobile web)"),
        ("width:min(100%, 200px)", "css-function-min", "Outlook (Windows)"),
        ("transform:none", "css-transform", "Outlook (Windows)"),
    ],
)
def test_a_finding_names_the_programs(style: str, feature: str, program: str) -> None:
    html = Good().with_("html", "<h1 ", f'<p style="{style}">x</p><h1 ')
    [found] = [finding for finding in lint(html.content) if finding.check == f"support:{feature}"]
    assert program in found.message or " more " in found.message
    assert "see that the mail reads well without it" in found.message
    assert style in found.where
