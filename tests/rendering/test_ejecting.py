"""The e-mail's templates one by one: what each is, whose it is, and copies that overwrite nothing."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from places import PROJECT

from newsletter.errors import NewsletterError, NotFoundError
from newsletter.rendering.ejecting import Whose, about, eject, missing, shipped_name, templates

SHIPPED = PROJECT / "templates"
NAMES = sorted(path.name for path in (SHIPPED / "email").glob("*.j2"))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path / "templates"


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith(".txt.j2")])
def test_every_shipped_template_says_what_it_is(name: str) -> None:
    said = about((SHIPPED / "email" / name).read_bytes())
    assert 10 <= len(said) <= 150
    assert said.endswith(".")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{# One. Two. #}\n<p>", "One."),
        ("\n {#- One\n  more, 1.5 times? Two -#}", "One more, 1.5 times?"),
        ("{#- No end -#}{# Not this. #}", "No end"),
        ("{##}", ""),
        ("<p>{# Not at the beginning. #}", ""),
        ("{# Never closed.", ""),
        ("", ""),
    ],
)
def test_what_a_template_is_is_the_first_sentence_of_its_first_comment(content: str, said: str) -> None:
    assert about(content.encode()) == said


def test_bytes_that_are_no_text_do_no_harm() -> None:
    assert about(b"\xff{# x #}") == ""
    assert about(b"{# a\xff. #}") == "a\ufffd."


def test_without_a_folder_of_ones_own_all_are_shipped() -> None:
    found = templates(SHIPPED, None)
    assert [one.name for one in found] == NAMES
    assert {one.whose for one in found} == {Whose.SHIPPED}
    assert all(one.path == SHIPPED / "email" / one.name for one in found)


def test_ones_own_are_marked_with_what_they_are_to_the_shipped_ones(own: Path) -> None:
    eject(["card.html.j2", "row.html.j2", "footer.html.j2"], SHIPPED, own)
    (own / "email" / "row.html.j2").write_text("{# A row of mine. #}<p>")
    (own / "email" / "footer.html.j2").write_text("<p>Bye</p>")
    (own / "email" / "logo.html.j2").write_text("<p>")
    for no_template in ("notes.txt", "card.html.j2~"):
        (own / "email" / no_template).write_text("x")
    found = {one.name: one for one in templates(SHIPPED, own)}
    assert sorted(found) == sorted([*NAMES, "logo.html.j2"])
    yours = {name: one.whose for name, one in found.items() if one.whose is not Whose.SHIPPED}
    assert yours == {
        "card.html.j2": Whose.SAME,
        "row.html.j2": Whose.DIFFERS,
        "footer.html.j2": Whose.DIFFERS,
        "logo.html.j2": Whose.YOURS_ONLY,
    }
    assert {name for name, one in found.items() if one.path == own / "email" / name} == set(yours)
    assert found["row.html.j2"].about == "A row of mine."
    assert found["footer.html.j2"].about == about((SHIPPED / "email" / "footer.html.j2").read_bytes()) != ""
    assert found["logo.html.j2"].about == ""


@pytest.mark.parametrize("asked", ["card.html.j2", "email/card.html.j2", "card.html", "email/card.html"])
def test_a_template_may_be_named_in_full_or_in_short(asked: str) -> None:
    assert shipped_name(asked, SHIPPED) == "card.html.j2"


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("crad.html", "card.html.j2"),
        ("heder.html.j2", "header.html.j2"),
        ("digest.html.j2", "digest.txt.j2"),
        ("dark", "dark.css.j2"),
    ],
)
def test_a_name_that_is_not_there_brings_the_nearest(asked: str, near: str) -> None:
    with pytest.raises(NotFoundError) as raised:
        shipped_name(asked, SHIPPED)
    assert str(raised.value).startswith(f"there is no template “{asked}”; did you mean ")
    assert near in str(raised.value)


@pytest.mark.parametrize(
    "asked", ["", "x" * 500, "../../config/newsletter.toml", "../preview/page.html.j2", "/etc/passwd", "\0"]
)
def test_nothing_but_a_template_of_the_email_can_be_named(asked: str) -> None:
    with pytest.raises(NotFoundError, match="newsletter templates list"):
        shipped_name(asked, SHIPPED)


def test_a_copy_is_the_shipped_file_and_never_overwrites(own: Path) -> None:
    [copy] = eject(["card.html.j2"], SHIPPED, own)
    assert copy == own / "email" / "card.html.j2"
    assert copy.read_bytes() == (SHIPPED / "email" / "card.html.j2").read_bytes()
    copy.write_text("mine")
    with pytest.raises(NewsletterError, match=r"card\.html\.j2 is there already and stays as it is; remove it first"):
        eject(["row.html.j2", "card.html.j2"], SHIPPED, own)
    assert copy.read_text() == "mine"
    # All or nothing: the first of the two was not copied either.
    assert os.listdir(own / "email") == ["card.html.j2"]


def test_a_link_that_leads_nowhere_is_not_written_through(own: Path, tmp_path: Path) -> None:
    (own / "email").mkdir(parents=True)
    (own / "email" / "card.html.j2").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NewsletterError, match="is there already"):
        eject(["card.html.j2"], SHIPPED, own)
    assert not (tmp_path / "elsewhere").exists()


def test_what_is_missing_is_all_but_ones_own(own: Path) -> None:
    assert missing(SHIPPED, own) == NAMES
    eject(["card.html.j2"], SHIPPED, own)
    assert missing(SHIPPED, own) == [name for name in NAMES if name != "card.html.j2"]
    eject(missing(SHIPPED, own), SHIPPED, own)
    assert missing(SHIPPED, own) == []
    assert {one.whose for one in templates(SHIPPED, own)} == {Whose.SAME}


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "templates").write_text("a file")
    with pytest.raises(NewsletterError, match=r"cannot be written: Not a directory; check the folder \S+email$"):
        eject(["card.html.j2"], SHIPPED, tmp_path / "templates")


def test_a_full_disk_leaves_no_half_a_template(own: Path) -> None:
    """A process that may write 100 bytes to a file; the shipped card is longer."""
    code = (
        "import sys; from pathlib import Path; from newsletter.errors import NewsletterError\n"
        "from newsletter.rendering.ejecting import eject\n"
        "try:\n    eject(['card.html.j2'], Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "except NewsletterError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(SHIPPED), str(own)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(PROJECT)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
    )
    assert "card.html.j2 cannot be written: File too large" in done.stdout
    assert list((own / "email").iterdir()) == []
