"""The newsletter's own words in the reader's language: gettext catalogues, and Babel for dates, numbers and lists.

English stands in the code; every other language is one file, `<code>/newsletter.po`, read as it is: there is nothing to
compile. `docs/translating.md` says how to add one.
"""

from newsletter.languages.language import ENGLISH, LANGUAGES, Language, language

__all__ = ["ENGLISH", "LANGUAGES", "Language", "language"]
