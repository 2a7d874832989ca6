"""Bring the catalogues of the e-mail's words up to date with the code and the templates.

    python docs/refresh_catalogues.py        every language there is
    python docs/refresh_catalogues.py fr     these too, and French, which begins empty

Says what is still to translate and what is wrong; the exit code is 1 if there is anything. The same sources and
translations give the same files. docs/translating.md tells the whole story.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from gettext import c2py
from itertools import product
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.messages.catalog import Catalog, Message
from babel.messages.plurals import get_plural
from babel.messages.pofile import PoFileError, read_po, write_po
from jinja2 import Environment

from newsletter.languages import ENGLISH, LANGUAGES
from newsletter.rendering import Look

PROJECT = Path(__file__).resolve().parent.parent
CATALOGUES = PROJECT / "newsletter" / "languages"

REPLACEABLE = {"newsletter/rendering/look.py": [Look().tagline]}
"""Defaults that an operator may replace: they reach `Language.known` by way of the settings."""

_MESSAGES = {"say": slice(0, 1), "count": slice(0, 2), "date": slice(1, 2)}
"""Which arguments of `Language`'s methods are messages."""

_PLACEHOLDER = re.compile(r"%\((\w+)\)")
_PATTERN = re.compile(r"[EMdy]+(?: [EMdy]+)*")
_DAY = date(2025, 3, 12)
_TEMPLATES = Environment(extensions=["jinja2.ext.i18n"])


def extracted() -> Catalog:
    """Every message of the project, in English, with the files it is in and what these say of the place.

    Raises ValueError for a call whose message is not written out where it is made, because nobody could translate it.
    """
    template = Catalog()
    for pattern, messages_of in (("newsletter/**/*.py", _of_code), ("templates/**/*.j2", _of_template)):
        for path in sorted(PROJECT.glob(pattern)):
            file = path.relative_to(PROJECT).as_posix()
            try:
                for message, place in messages_of(path.read_text(encoding="utf-8")):
                    template.add(message, locations=[(file, 0)], auto_comments=[place] if place else [])
            except ValueError as error:
                raise ValueError(f"{file}, {error}") from error
    for file, messages in REPLACEABLE.items():
        for message in messages:
            template.add(message, locations=[(file, 0)])
    return template


def _of_code(source: str) -> Iterator[tuple[str | tuple[str, ...], str]]:
    """The messages of Python code, each with the first paragraph of its function's docstring."""
    if "language" not in source:
        return
    tree, places = ast.parse(source), dict[int, str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):  # outer ones come first, inner ones overwrite
            said = (ast.get_docstring(node) or "").partition("\n\n")[0]
            if said:
                places |= dict.fromkeys((id(part) for part in ast.walk(node)), " ".join(said.split()))
    for node in sorted(ast.walk(tree), key=lambda node: (getattr(node, "lineno", 0), getattr(node, "col_offset", 0))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _MESSAGES:
            if not re.search(r"\b(language|ENGLISH)$", ast.unparse(node.func.value)):
                continue
            choices = [_literals(argument) for argument in node.args[_MESSAGES[node.func.attr]]]
            if not all(choices):
                raise ValueError(f"line {node.lineno}: a message must be written out where it is said")
            for message in product(*choices):
                yield (message if len(message) > 1 else message[0]), places.get(id(node), "")


def _literals(argument: ast.expr) -> list[str]:
    """The text of an argument, or the texts of one that is `"..." if this else "..."`; none of any other."""
    match argument:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp(body=one, orelse=other) if _literals(one) and _literals(other):
            return _literals(one) + _literals(other)
    return []


def _of_template(source: str) -> Iterator[tuple[str | tuple[str, ...], str]]:
    """The messages of a template, each with the comment that the template begins with."""
    comment = re.match(r"\{#-?(.*?)-?#\}", source, re.S)
    place = " ".join(comment[1].split()) if comment else ""
    found = _TEMPLATES.extract_translations(source)  # type: ignore[attr-defined]  # set by Jinja's i18n extension
    for line, function, arguments in found:
        given = arguments if isinstance(arguments, tuple) else (arguments,)
        messages = tuple(text for text in given[: 2 if function == "ngettext" else 1] if text)
        if not messages:
            raise ValueError(f"line {line}: a message must be written out where it is said")
        yield (messages if len(messages) > 1 else messages[0]), place


def path_of(code: str) -> Path:
    """Where the catalogue of the language `code` is. Raises ValueError for what is no language's code in BCP 47."""
    try:
        proper = str(Locale.parse(code, sep="-")).replace("_", "-")
    except UnknownLocaleError as error:
        raise ValueError(f"no language has the code “{code}”") from error
    if code != proper:
        raise ValueError(f"write the code as “{proper}”")
    return CATALOGUES / code / "newsletter.po"


def read(path: Path) -> Catalog:
    """The catalogue at `path`, `<code>/newsletter.po`; an empty one where there is no file yet.

    Raises PoFileError for one that is no catalogue.
    """
    locale = Locale.parse(path.parent.name, sep="-")
    if not path.exists():
        return Catalog(locale, header_comment=f"# The newsletter's words in {locale.english_name}.")
    with path.open("rb") as file:
        return read_po(file, locale=locale, abort_invalid=True)


def write(catalogue: Catalog, path: Path) -> None:
    """Write `catalogue` to `path`. Its header says what it must and no more, so that it changes only with the words."""
    header = [
        catalogue.header_comment,
        'msgid ""',
        'msgstr ""',
        f'"Language: {path.parent.name}\\n"',
        f'"Plural-Forms: {catalogue.plural_forms}\\n"',
        '"MIME-Version: 1.0\\n"',
        '"Content-Type: text/plain; charset=UTF-8\\n"',
        '"Content-Transfer-Encoding: 8bit\\n"',
    ]
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        file.write("\n".join([*header, "", ""]).encode())
        write_po(file, catalogue, width=0, include_lineno=False, ignore_obsolete=True, omit_header=True)


def refreshed(catalogue: Catalog, template: Catalog) -> Catalog:
    """`catalogue` with exactly the messages of `template`; what only changed a little keeps its old translation, marked
    as fuzzy: nobody sees it until somebody has looked at it and taken the mark away."""
    catalogue.update(template, update_creation_date=False)
    return catalogue


def faults(catalogue: Catalog, template: Catalog) -> list[str]:
    """What is missing or wrong in a catalogue, a sentence each; nothing when it is complete."""
    found = [
        f"“{_id(old)}” is no message any more; refresh the catalogue"
        for old in catalogue
        if old.id and old.id not in template
    ]
    if (catalogue.num_plurals, _plural(catalogue.plural_expr)) != (
        (cldr := get_plural(catalogue.locale)).num_plurals,
        _plural(cldr.plural_expr),
    ):
        found.append(f"the header has Plural-Forms “{catalogue.plural_forms}”; the language has “{cldr.plural_forms}”")
    for wanted in template:
        if wanted.id:
            found += (f"“{_id(wanted)}” {fault}" for fault in _faults_of(catalogue.get(_id(wanted)), wanted, catalogue))
    return found


def _id(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def _plural(expression: str) -> list[int]:
    """Which form each of the first numbers takes: two ways to write one rule are equal."""
    form = c2py(expression)
    return [form(number) for number in range(201)]


def _faults_of(message: Message | None, wanted: Message, catalogue: Catalog) -> Iterator[str]:
    if message is None:
        yield "is missing; refresh the catalogue"
        return
    forms: Sequence[str] = [message.string] if isinstance(message.string, str) else message.string or ()
    if not forms or not all(forms):
        yield "is not translated"
        return
    if message.fuzzy:
        yield "is marked as fuzzy: check its translation and take the mark away"
    plural = not isinstance(wanted.id, str)
    if len(forms) != (catalogue.num_plurals if plural else 1):
        yield f"has {len(forms)} forms instead of {catalogue.num_plurals if plural else 1}"
        return
    used = _plural(catalogue.plural_expr)
    for place, form in enumerate(forms):
        # "one more paper" needs no number where the form serves no other number.
        may_lack = {"number"} if plural and used.count(place) <= 1 else set()
        for fault in _faults_of_form(form, wanted.id if isinstance(wanted.id, str) else wanted.id[1], may_lack):
            yield f"{fault}: “{form}”"


def _faults_of_form(form: str, english: str, may_lack: set[str]) -> Iterator[str]:
    wanted, had = set(_PLACEHOLDER.findall(english)), set(_PLACEHOLDER.findall(form))
    for name in sorted(wanted - had - may_lack):
        yield f"lacks %({name})s"
    for name in sorted(had - wanted):
        yield f"has %({name})s, which the English has not"
    if "%" in re.sub(r"%\(\w+\)s|%%", "", form):
        yield "has a broken placeholder (each is %(name)s, a per cent sign is %%)"
    if (form[:1].isspace(), form[-1:].isspace()) != (english[:1].isspace(), english[-1:].isspace()):
        yield "begins or ends with a space where the English does not, or the other way round"
    if not form.strip().isprintable():
        yield "holds a line break or a character nobody sees"
    if strange := set("<>&{}") & set(form):
        yield f"holds mark-up ({' '.join(sorted(strange))})"
    if _PATTERN.fullmatch(english) and not _same_fields(form, english):
        yield "is a date's pattern: it needs the same letters, words of your own in '…' (Unicode TR 35)"


def _same_fields(form: str, english: str) -> bool:
    def fields(pattern: str) -> set[str]:
        bare = re.sub(r"'[^']*'", "", pattern).translate(str.maketrans("Lc", "ME"))
        return set(re.findall(r"[A-Za-z]", bare))

    try:
        format_date(_DAY, form, locale="en")
    except (ValueError, TypeError, KeyError, AttributeError):
        return False
    return fields(form) == fields(english)


def main(codes: Sequence[str]) -> int:
    """Refresh every catalogue and those of `codes`; 1 if anything is left to do, 0 if nothing is."""
    left = 0
    for code in dict.fromkeys([*(code for code in LANGUAGES if code != ENGLISH.code), *codes]):
        try:
            path, template = path_of(code), extracted()
            catalogue = refreshed(read(path), template)
        except (ValueError, PoFileError) as error:
            sys.exit(f"{code}: {error}")
        write(catalogue, path)
        found = faults(catalogue, template)
        print(f"{code}: {len(catalogue)} messages, {len(found)} to do", *found, sep="\n  ")  # noqa: T201  # to a terminal
        left += len(found)
    return min(left, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
