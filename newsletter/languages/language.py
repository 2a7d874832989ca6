"""One language: its words, dates, numbers and direction."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

from babel import Locale
from babel.dates import format_date
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

CATALOGUES = Path(__file__).parent

LANGUAGES = ("en", *sorted(folder.parent.name for folder in CATALOGUES.glob("*/newsletter.po")))
"""The codes of all languages there are."""

_FORMATS = {"en": "en-GB"}
"""Whose dates, numbers and lists a language has, where that is not its own main one: "12 March", "a, b and c"."""


@dataclass(frozen=True, slots=True)
class Language:
    """A language by its `code` (BCP 47) and `translations`; made by `language`.

    Messages are in English and hold their values as `%(name)s`. A message without a translation stays English.
    """

    code: str
    translations: NullTranslations = field(default_factory=NullTranslations, compare=False, repr=False)

    @property
    def locale(self) -> Locale:
        """Babel's rules for the language."""
        return _locale(self.code)

    @property
    def direction(self) -> str:
        """ "ltr" or "rtl", as HTML's `dir` has it."""
        return _direction(self.code)

    def say(self, message: str, /, **values: object) -> str:
        """`message` in this language, with its values."""
        return self.translations.gettext(message) % values

    def known(self, text: str) -> str:
        """The translation of a text that an operator may have replaced; the text itself where there is none."""
        return self.translations.gettext(text) if text else ""

    def count(self, one: str, many: str, number: int, /, **values: object) -> str:
        """`one` or `many`, whichever form the language uses for `number`; `%(number)s` in it is the number, written
        out as the language does ("1,234")."""
        return self.translations.ngettext(one, many, number) % ({"number": self.number(number)} | values)

    def number(self, number: int) -> str:
        """ "1,234"."""
        return _number(number, self.code)

    def listed(self, words: Sequence[str]) -> str:
        """ "a", "a and b", "a, b and c"."""
        return format_list(words, locale=self.locale)

    def date(self, day: date, pattern: str) -> str:
        """`day` by the translation of `pattern` (Unicode TR 35, "d MMMM")."""
        return _date(day, self.translations.gettext(pattern), self.code)


# Every reader of an edition has the same few numbers and days, and Babel takes 8 µs for each.


@cache
def _locale(code: str) -> Locale:
    return Locale.parse(_FORMATS.get(code, code), sep="-")


@cache
def _direction(code: str) -> str:
    return str(_locale(code).text_direction)


@lru_cache(4096)
def _number(number: int, code: str) -> str:
    return format_decimal(number, locale=_locale(code))


@lru_cache(4096)
def _date(day: date, pattern: str, code: str) -> str:
    return format_date(day, pattern, locale=_locale(code))


ENGLISH = Language("en")


def language(code: str) -> Language:
    """The language of `code` (BCP 47, in any case; "de-AT" is "de"). Raises ValueError for one without a catalogue."""
    wanted = code.casefold().replace("_", "-")
    for known in LANGUAGES:
        if known.casefold() in (wanted, wanted.partition("-")[0]):
            return ENGLISH if known == ENGLISH.code else _catalogued(known)
    raise ValueError(f"there is no language “{code[:20]}”; there are {', '.join(LANGUAGES)}")


@cache
def _catalogued(code: str) -> Language:
    with (CATALOGUES / code / "newsletter.po").open("rb") as file:
        catalogue = read_po(file, locale=code.replace("-", "_"))
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Language(code, GNUTranslations(compiled))
