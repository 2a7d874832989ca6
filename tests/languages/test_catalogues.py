"""Every language is complete and right: what the code and the templates say now is what the catalogues translate."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import PoFileError
from places import PROJECT

from newsletter.languages import LANGUAGES
from newsletter.rendering import Look


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("refresh_catalogues", PROJECT / "docs" / "refresh_catalogues.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


catalogues = _script()
TRANSLATED = [code for code in LANGUAGES if code != "en"]


@pytest.fixture(scope="module")
def template() -> Catalog:
    return catalogues.extracted()


def test_there_is_english_and_at_least_one_more() -> None:
    assert LANGUAGES[0] == "en"
    assert "de" in TRANSLATED


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_catalogue_is_complete_and_right(code: str, template: Catalog) -> None:
    catalogue = catalogues.read(catalogues.path_of(code))
    assert catalogues.faults(catalogue, template) == []
    assert not catalogue.obsolete


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_refreshed_catalogue_keeps_its_words(code: str, template: Catalog, tmp_path: Path) -> None:
    before = catalogues.read(catalogues.path_of(code))
    path = tmp_path / code / "newsletter.po"
    catalogues.write(catalogues.refreshed(catalogues.read(catalogues.path_of(code)), template), path)
    after = catalogues.read(path)
    assert {one.id: one.string for one in after if one.id} == {one.id: one.string for one in before if one.id}
    assert after.header_comment == before.header_comment
    first = path.read_bytes()
    catalogues.write(catalogues.refreshed(after, template), path)
    assert path.read_bytes() == first


def test_every_way_to_say_something_is_found(template: Catalog) -> None:
    messages = {one.id for one in template if one.id}
    assert "Hello %(name)s." in messages  # said inside an f-string
    assert ("%(number)s paper", "%(number)s papers") in messages  # counted
    assert "EEEE d MMMM" in messages  # the pattern of a date
    assert {"%(first)s and %(last)s", "%(first)s to %(last)s"} <= messages  # one or the other
    assert "Also new" in messages  # in code, in the HTML and in the text
    assert "A picture from the paper: %(title)s" in messages  # in a template, with a value
    assert Look().tagline in messages  # a default that an operator may replace
    assert len(messages) > 50


def test_a_message_brings_along_where_it_stands(template: Catalog) -> None:
    message = template.get("View in browser")
    assert {Path(file).name for file, _ in message.locations} == {"digest.txt.j2", "header.html.j2"}
    assert any("whose mail this is" in comment for comment in message.auto_comments)
    assert any("Who chose the papers" in note for note in template.get("Curated by %(names)s.").auto_comments)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('language.say("a %(b)s", b=1)', ["a %(b)s"]),
        ('self.language.say("a" "b")', ["ab"]),
        ('language.say("a" if x else "b")', ["a", "b"]),
        ("f\"{language.say('a')} b\"", ["a"]),
        ('language.count("a", "b", 3)', [("a", "b")]),
        ('language.date(date(2025, 3, 12), "d")', ["d"]),
        ('language.listed(["a"]), language.number(1), text.count("a"), b"".count(b"a"), date("a")', []),
    ],
)
def test_what_counts_as_a_message(source: str, found: list[object]) -> None:
    assert [message for message, _ in catalogues._of_code(f"language = 1\n{source}\n")] == found


@pytest.mark.parametrize(
    "source",
    [
        "language.say(message)",
        'language.say("a" if x else message)',
        'language.say(f"{x}")',
        "language.count(one, many, 3)",
    ],
)
def test_a_message_that_nobody_could_translate_is_an_error(source: str) -> None:
    with pytest.raises(ValueError, match="line 2: a message must be written out"):
        list(catalogues._of_code(f"language = 1\n{source}\n"))


def test_a_message_of_a_template_that_nobody_could_translate_is_an_error() -> None:
    with pytest.raises(ValueError, match="line 2: a message must be written out"):
        list(catalogues._of_template("{# A part. #}\n{{ _(words) }}"))


ENGLISH = Catalog()
ENGLISH.add("Hello %(name)s.")
ENGLISH.add(("%(number)s paper on %(day)s", "%(number)s papers on %(day)s"))
ENGLISH.add("EEEE d MMMM")
RIGHT = {
    "Hello %(name)s.": "Hallo, %(name)s.",
    "%(number)s paper on %(day)s": ("Ein Artikel am %(day)s", "%(number)s Artikel am %(day)s"),
    "EEEE d MMMM": "EEEE, d. MMMM",
}


def german(**changes: object) -> Catalog:
    """A catalogue of ENGLISH, right but for `changes`, by the message's first word."""
    made = Catalog("de")
    for message in ENGLISH:
        if message.id:
            first = message.id if isinstance(message.id, str) else message.id[0]
            word = first.split()[0].strip("%()s")
            made.add(message.id, changes.get(word, RIGHT[first]))  # type: ignore[arg-type]  # a builder with changes by name
    return made


def test_a_right_catalogue_has_no_faults() -> None:
    assert catalogues.faults(german(), ENGLISH) == []
    unnumbered = german(number=("Ein Artikel am %(day)s", "%(number)s Artikel am %(day)s"))
    assert catalogues.faults(unnumbered, ENGLISH) == []
    spoken = german(EEEE="EEEE, 'den' d. LLLL")
    assert catalogues.faults(spoken, ENGLISH) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"Hello": "Hallo."}, "lacks %(name)s"),
        ({"Hello": "Hallo, %(nam)s."}, "has %(nam)s, which the English has not"),
        ({"Hello": "Hallo, %(name)d."}, "broken placeholder"),
        ({"Hello": "Hallo, %(name)s, 100 %."}, "broken placeholder"),
        ({"Hello": "Hallo, %s, %(name)s."}, "broken placeholder"),
        ({"Hello": "Hallo, %(name)s"}, None),
        ({"Hello": " Hallo, %(name)s."}, "begins or ends with a space"),
        ({"Hello": "Hallo,\n%(name)s."}, "line break"),
        ({"Hello": "Hallo,\u202e%(name)s."}, "a character nobody sees"),
        ({"Hello": "<b>Hallo</b>, %(name)s."}, "holds mark-up"),
        ({"Hello": ""}, "is not translated"),
        ({"number": ("Ein Artikel am %(day)s", "")}, "is not translated"),
        ({"number": ("Ein Artikel", "%(number)s Artikel am %(day)s")}, "lacks %(day)s"),
        ({"number": ("Ein Artikel am %(day)s", "Artikel am %(day)s")}, "lacks %(number)s"),
        ({"number": ("%(number)s a %(day)s",) * 3}, "has 3 forms instead of 2"),
        ({"EEEE": "EEEE, d. MMM yyyy"}, "is a date's pattern"),
        ({"EEEE": "Tag d. MMMM"}, "is a date's pattern"),
    ],
)
def test_a_fault_is_found_before_it_runs(changes: dict[str, object], fault: str | None) -> None:
    found = catalogues.faults(german(**changes), ENGLISH)
    assert any(fault in one for one in found) if fault else found == []


def test_fuzzy_missing_and_old_messages_are_faults() -> None:
    made = german()
    made.get("Hello %(name)s.").flags.add("fuzzy")
    made.delete("EEEE d MMMM")
    made.add("Good bye.", "Auf Wiedersehen.")
    assert sorted(catalogues.faults(made, ENGLISH)) == [
        "“EEEE d MMMM” is missing; refresh the catalogue",
        "“Good bye.” is no message any more; refresh the catalogue",
        "“Hello %(name)s.” is marked as fuzzy: check its translation and take the mark away",
    ]


def test_a_form_for_many_numbers_needs_the_number() -> None:
    """Russian's first form serves 1, 21, 31...: “one paper” would be wrong for 21."""
    russian = Catalog("ru")
    for message in ENGLISH:
        if message.id:
            russian.add(message.id, message.id)
    russian["%(number)s paper on %(day)s"].string = ("Статья %(day)s", *["%(number)s %(day)s"] * 2)
    found = catalogues.faults(russian, ENGLISH)
    assert found == ["“%(number)s paper on %(day)s” lacks %(number)s: “Статья %(day)s”"]


def test_a_language_with_another_languages_plural_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "de" / "newsletter.po"
    catalogues.write(german(), path)
    path.write_text(path.read_text().replace("plural=(n != 1)", "plural=(n > 1)"))
    assert "Plural-Forms" in catalogues.faults(catalogues.read(path), ENGLISH)[0]


def test_a_new_language_begins_with_every_message(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, template: Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(catalogues, "CATALOGUES", tmp_path)
    monkeypatch.setattr(catalogues, "LANGUAGES", ("en",))
    assert catalogues.main(["ar"]) == 1
    begun = catalogues.read(tmp_path / "ar" / "newsletter.po")
    assert {one.id for one in begun} == {one.id for one in template}
    assert begun.num_plurals == 6
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"ar: {len(template)} messages, {len(template)} to do"
    assert len(said) == len(template) + 1


@pytest.mark.parametrize(
    ("code", "why"),
    [("xx", "no language has the code “xx”"), ("DE", "write the code as “de”"), ("../fr", "expected only letters")],
)
def test_what_is_no_language_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str, why: str
) -> None:
    monkeypatch.setattr(catalogues, "CATALOGUES", tmp_path)
    monkeypatch.setattr(catalogues, "LANGUAGES", ("en",))
    with pytest.raises(SystemExit, match=why):
        catalogues.main([code])
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_catalogue_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "de" / "newsletter.po"
    path.parent.mkdir()
    path.write_text("Hallo Welt")
    with pytest.raises(PoFileError, match="misformatted"):
        catalogues.read(path)
