"""`newsletter templates`: from the list to an e-mail in a design of one's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from installation import Installation
from places import PROJECT

SHIPPED = PROJECT / "templates" / "email"
NAMES = sorted(path.name for path in SHIPPED.glob("*.j2"))


@pytest.mark.parametrize("command", ["list", "eject"])
def test_help_has_an_example(installation: Installation, command: str) -> None:
    assert "Example:" in installation("templates", command, "--help").out


def test_the_list_names_every_template_and_whose_it_is(installation: Installation) -> None:
    rows = installation("templates", "list", "--json").json
    assert [row["name"] for row in rows] == NAMES
    assert {row["whose"] for row in rows} == {"shipped"}
    assert all(Path(row["path"]).read_bytes() == (SHIPPED / row["name"]).read_bytes() for row in rows)
    table = installation("templates", "list")
    assert all(name in table.out for name in NAMES)
    assert f"{len(NAMES)} templates" in table.out
    assert "One paper in full." in table.out
    assert table.err == ""


def test_from_a_copy_to_an_email_of_ones_own(installation: Installation, folder: Callable[..., Path]) -> None:
    made = folder()
    said = installation("--config", str(made), "templates", "eject", "footer.html").out
    own = made / "templates" / "email" / "footer.html.j2"
    assert own.read_bytes() == (SHIPPED / "footer.html.j2").read_bytes()
    assert said.splitlines() == [
        "papers/templates/email/footer.html.j2",
        "",
        "To use it, set under [email] in papers/newsletter.toml:",
        "",
        'templates = "templates"',
    ]

    # Copied and not yet set: the list says so, and the shipped one is in use.
    waiting = installation("--config", str(made), "templates", "list")
    assert "papers/templates is not in use yet. To use it, set under [email] in papers/newsletter.toml" in waiting.err
    assert "yours" not in waiting.out

    settings = made / "newsletter.toml"
    shown = settings.read_text(encoding="utf-8").replace('# templates = "templates"', said.splitlines()[-1])
    settings.write_text(shown, encoding="utf-8")
    whose = whose_is(installation, made)
    assert whose.pop("footer.html.j2") == "yours, same as shipped"
    assert set(whose.values()) == {"shipped"}

    own.write_text(own.read_text(encoding="utf-8").replace("</table>", "</table>\n<p>Yours, the reading group</p>", 1))
    assert whose_is(installation, made)["footer.html.j2"] == "yours, differs from shipped"
    composed = installation("--config", str(made), "preview", "--format", "eml", "--out", "-").out
    assert "Yours, the reading group" in composed

    again = installation("--config", str(made), "templates", "eject", "footer.html.j2", expect=1)
    assert "papers/templates/email/footer.html.j2 is there already and stays as it is; remove it first" in again.err
    assert "reading group" in own.read_text(encoding="utf-8")
    rest = installation("--config", str(made), "templates", "eject", "--all").out.splitlines()
    assert rest == [f"papers/templates/email/{name}" for name in NAMES if name != "footer.html.j2"]
    nothing = installation("--config", str(made), "templates", "eject", "--all").out
    assert nothing == "papers/templates has a copy of every template already.\n"


def whose_is(installation: Installation, folder: Path) -> dict[str, str]:
    rows = installation("--config", str(folder), "templates", "list", "--json").json
    return {row["name"]: row["whose"] for row in rows}


def test_the_folder_that_the_settings_name_is_used(
    installation: Installation, folder: Callable[..., Path], tmp_path: Path
) -> None:
    """From the environment it counts from the working directory; and then the shipped configuration will do."""
    (tmp_path / "mine").mkdir()
    said = installation("templates", "eject", "card.html", "card.txt", NEWSLETTER_EMAIL__TEMPLATES="mine").out
    assert said.splitlines() == ["mine/email/card.html.j2", "mine/email/card.txt.j2"]
    assert sorted(path.name for path in (tmp_path / "mine" / "email").iterdir()) == ["card.html.j2", "card.txt.j2"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["card.html"], 1, "the shipped configuration is in use"),
        (["--all"], 1, "newsletter init DIR"),
        ([], 2, "name the templates to copy, or give --all"),
        (["card.html", "--all"], 2, "name the templates to copy, or give --all"),
    ],
    ids=["one", "all", "none", "both"],
)
def test_a_mistake_is_one_sentence(installation: Installation, arguments: list[str], code: int, said: str) -> None:
    assert said in installation("templates", "eject", *arguments, expect=code).err
    assert not (PROJECT / "config" / "templates").exists()


def test_a_name_that_is_not_there_brings_the_nearest(installation: Installation, folder: Callable[..., Path]) -> None:
    made = folder()
    said = installation("--config", str(made), "templates", "eject", "crad.html", expect=1).err
    assert "there is no template “crad.html”; did you mean card.html.j2" in said
    assert not (made / "templates").exists()
