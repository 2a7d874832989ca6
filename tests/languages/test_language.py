"""Words, numbers, dates and lists of one language."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from datetime import date
from gettext import NullTranslations

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.languages import ENGLISH, LANGUAGES, Language, language
from newsletter.languages.language import CATALOGUES
from newsletter.rendering import Look, words

GERMAN = language("de")
DAY = date(2025, 3, 12)


def catalogue(code: str) -> Catalog:
    with (CATALOGUES / code / "newsletter.po").open("rb") as file:
        return read_po(file, locale=code)


MESSAGES = [one for one in catalogue("de") if one.id]


def test_english_is_what_stands_in_the_code() -> None:
    assert ENGLISH.say("Hello %(name)s.", name="Ada") == "Hello Ada."
    assert [ENGLISH.count("%(number)s paper", "%(number)s papers", n) for n in (0, 1, 2, 1234)] == [
        "0 papers",
        "1 paper",
        "2 papers",
        "1,234 papers",
    ]
    assert ENGLISH.listed(["a", "b", "c"]) == "a, b and c"
    assert ENGLISH.direction == "ltr"


def test_german_numbers_lists_and_quotes() -> None:
    assert GERMAN.number(1234567) == "1.234.567"
    assert GERMAN.listed(["a"]) == "a"
    assert GERMAN.listed(["a", "b"]) == "a und b"
    assert GERMAN.listed(["a", "b", "c"]) == "a, b und c"
    assert GERMAN.say("“%(word)s”", word="views") == "„views“"
    assert GERMAN.direction == "ltr"


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 weitere"), (1, "ein weiterer"), (2, "2 weitere"), (1_001, "1.001 weitere")]
)
def test_german_plurals(number: int, said: str) -> None:
    assert GERMAN.count("%(number)s more", "%(number)s more", number) == said


def test_german_days() -> None:
    assert words.short_day(GERMAN, DAY) == "12. März"
    assert words.long_day(GERMAN, DAY) == "Mittwoch, 12. März"
    assert words.full_day(GERMAN, DAY) == "12. März 2025"
    assert words.span(GERMAN, [DAY]) == "12. März"
    assert words.span(GERMAN, [date(2025, 3, 11), DAY]) == "11. und 12. März"
    assert words.span(GERMAN, [date(2025, 3, day) for day in range(6, 13)]) == "6. bis 12. März"
    assert words.span(GERMAN, [date(2025, 2, 28), date(2025, 3, 1), date(2025, 3, 3)]) == "28. Februar bis 3. März"
    # The days of a span, also those without an edition.
    friday, monday = date(2025, 3, 14), date(2025, 3, 17)
    said = words.opening(GERMAN, 3, 20, 460, [friday, monday])
    assert said == "3 Artikel von 20 neuen aus 4 Tagen, 2 Min."


@pytest.mark.parametrize("month", range(1, 13))
def test_every_german_month_has_its_name(month: int) -> None:
    name = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()[month - 1]
    assert words.short_day(GERMAN, date(2025, month, 1)) == f"1. {name}"


def test_a_text_that_an_operator_replaced_stays() -> None:
    assert GERMAN.known(Look().tagline) == "Die Forschungsartikel des Tages, passend zu Ihren Themen"
    assert GERMAN.known("100 % our own %(words)s {here}") == "100 % our own %(words)s {here}"
    assert GERMAN.known("") == ""


def test_a_message_without_translation_stays_english() -> None:
    assert GERMAN.say("There is no such message, %(name)s.", name="Ada") == "There is no such message, Ada."
    assert GERMAN.count("%(number)s strange paper", "%(number)s strange papers", 1234) == "1.234 strange papers"


@pytest.mark.parametrize("code", ["fr", "", "../de", "languages", "de/../de", "\x00", "x" * 1_000])
def test_a_language_that_there_is_not_is_one_short_sentence(code: str) -> None:
    with pytest.raises(ValueError, match="there is no language") as caught:
        language(code)
    said = str(caught.value)
    assert said.endswith(f"; there are {', '.join(LANGUAGES)}")
    assert len(said) < 120


def test_a_language_is_read_once() -> None:
    assert language("de") is language("de")
    assert language("en") is ENGLISH
    assert Language("de", NullTranslations()) == GERMAN  # two of one code are the same language
    assert hash(GERMAN) == hash(Language("de"))


ANYTHING = st.text(st.characters(codec=None, exclude_categories=()), max_size=30)
HOSTILE = st.one_of(
    ANYTHING,
    st.sampled_from(["%", "%%", "100 %", "%(name)s", "%(x)s", "%d", "{0}", "{name}", "{{ 7*7 }}", "\ue000name\ue001"]),
)


def filled(form: str, values: dict[str, str]) -> str:
    """The form with its values, put in one by one and never looked at again."""
    parts = enumerate(re.split(r"%\((\w+)\)s", form))
    return "".join(values[part] if place % 2 else part.replace("%%", "%") for place, part in parts)


@given(st.sampled_from(MESSAGES), st.integers(0, 10**9), st.data())
@settings(deadline=None, max_examples=300)
def test_no_value_breaks_a_message_or_is_changed(message, number: int, data: st.DataObject) -> None:  # type: ignore[no-untyped-def]  # babel's Message
    forms = [message.id] if isinstance(message.id, str) else list(message.id)
    names = sorted(set(re.findall(r"%\((\w+)\)s", "".join(forms))) - {"number"})
    values = {name: data.draw(HOSTILE) for name in names}
    for one in (ENGLISH, GERMAN):
        theirs = [message.string] if isinstance(message.string, str) else message.string
        translated = forms if one is ENGLISH else theirs
        if len(forms) == 1:
            assert one.say(forms[0], **values) == filled(translated[0], values)
        else:
            wanted = filled(translated[number != 1], values | {"number": one.number(number)})
            assert one.count(forms[0], forms[1], number, **values) == wanted


def test_the_same_whatever_was_said_before() -> None:
    """Numbers and days are remembered: by language, too."""
    assert [one.number(12_345) for one in (ENGLISH, GERMAN, ENGLISH)] == ["12,345", "12.345", "12,345"]
    assert [one.date(DAY, "d MMMM") for one in (GERMAN, ENGLISH, GERMAN)] == ["12. März", "12 March", "12. März"]


def test_a_language_with_a_region_or_script() -> None:
    assert Language("pt-BR").number(1234) == "1.234"
    assert Language("zh-Hant").date(DAY, "EEEE") == "星期三"


def test_a_language_is_ready_quickly() -> None:
    """In a process of its own, because a process reads each language once. 100 ms is what nobody notices in a run."""
    code = """if True:
        import time
        from datetime import date
        from newsletter.languages import language
        begin = time.perf_counter()
        german = language("de")
        german.date(date(2025, 3, 12), "d MMMM"), german.number(3), german.listed(["a", "b"])
        print(time.perf_counter() - begin)
    """
    took = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout) for _ in range(3)
    ]
    assert min(took) < 0.1


def test_what_every_reader_needs_takes_no_time() -> None:
    begin = time.perf_counter()
    for _ in range(1_000):
        language("de").count("%(number)s paper", "%(number)s papers", 12)
        language("de").date(DAY, "EEEE d MMMM")
    assert (time.perf_counter() - begin) / 1_000 < 0.000_1


@pytest.mark.parametrize("code", ["de", "DE", "de-AT", "de_CH", "De-Latn-DE"])
def test_a_language_is_found_by_its_first_subtag(code: str) -> None:
    assert language(code) is GERMAN
