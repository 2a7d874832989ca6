"""Loading and rendering the e-mail's templates, with an operator's own before the shipped ones."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
    UndefinedError,
    select_autoescape,
)
from markupsafe import Markup

from newsletter import text
from newsletter.errors import TemplateError
from newsletter.languages import Language
from newsletter.rendering.pieces import Mark, given_mark

# What no printed value may hold: the characters of marks, and lone surrogates, at which lxml silently ends a document.
_UNPRINTABLE = re.compile("[\ue000-\uf8ff\ud800-\udfff\x00]")


# What of a style template is no rule: comments, and what Jinja2 reads.
_NO_RULES = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|/\*.*?\*/", re.DOTALL)


class _Folder(FileSystemLoader):
    """A folder of templates that says of a file which one cannot be read."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        try:
            return super().get_source(environment, template)
        except UnicodeDecodeError as error:
            path = Path(self.searchpath[0]) / template
            raise TemplateError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error


class Templates:
    """The templates of `folders`, the first folder that has a file winning; `values` are what `given` may ask for.

    HTML and XML escape what they print, text and CSS do not. In a template stand, besides what `render` is given:
    `_("...")` for words of our own in `language`, `start` and `end` for the sides where its lines begin and end, the
    filters `readable` (LaTeX to plain text) and `html` (LaTeX to text with strong, em, code, sub and sup), and
    `{% call given("x") %}...{% endcall %}` for what is shown only to a reader whose value `x` is not empty.
    """

    def __init__(self, folders: Sequence[Path], language: Language, values: Collection[str] = ()) -> None:
        self._folders = tuple(folders)
        self._values = frozenset(values)
        self._loader = ChoiceLoader([_Folder(folder) for folder in folders])
        self._environment = Environment(
            loader=self._loader,
            undefined=StrictUndefined,
            autoescape=select_autoescape(enabled_extensions=("html", "html.j2", "xml"), default=False),
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            finalize=_printed,
            extensions=["jinja2.ext.i18n"],
        )
        install = self._environment.install_gettext_translations  # type: ignore[attr-defined]  # set by the extension
        install(language.translations, newstyle=True)
        left_to_right = language.direction == "ltr"
        self._environment.globals |= {
            "language": language,
            "start": "left" if left_to_right else "right",
            "end": "right" if left_to_right else "left",
        }
        self._environment.filters |= {
            "readable": text.to_text,
            "html": lambda raw: Markup(text.to_html(raw)),  # to_html escapes all but its five tags
        }
        self._environment.globals["given"] = self._given

    def _given(self, name: str, caller: Callable[[], str]) -> Mark:
        if name not in self._values:
            raise UndefinedError(f'given("{name}"): there is no such value')
        return given_mark(name, caller())

    def check_rules(self) -> None:
        """Raises TemplateError for a style template with a rule that does not end: it would swallow all that follow."""
        for name in self._environment.list_templates(filter_func=lambda name: name.endswith(".css.j2")):
            source, path, _ = self._loader.get_source(self._environment, name)
            rules = _NO_RULES.sub("", source)
            if rules.count("{") != rules.count("}"):
                raise TemplateError(f"{path}: a rule is not closed, or closed twice; count its braces")

    def place_of(self, text: str) -> str:
        """File and line of the first template that says `text`, "an e-mail template" when none does."""
        for name in self._environment.list_templates(filter_func=lambda name: name.startswith("email/")):
            source, path, _ = self._loader.get_source(self._environment, name)
            if (start := source.casefold().find(text.casefold())) >= 0:
                return f"{path}, line {source.count(chr(10), 0, start) + 1}"
        return "an e-mail template"

    def render(self, name: str, /, **values: object) -> str:
        """The template `email/<name>` with `values`.

        Raises TemplateError with file and line if the template is missing, does not parse, names what does not exist,
        or fails in any other way.
        """
        try:
            return self._environment.get_template(f"email/{name}").render(values)
        except TemplateError:
            raise
        except TemplateNotFound as error:
            folders = ", ".join(str(folder) for folder in self._folders)
            asked = f"{_place(error, name)}: " if error.name != f"email/{name}" else ""
            raise TemplateError(f"{asked}the template {error.name} is in none of: {folders}") from error
        except TemplateSyntaxError as error:
            raise TemplateError(f"{error.filename or error.name}, line {error.lineno}: {error.message}") from error
        except Exception as error:  # a template is a program of the operator's: whatever it raises is its fault
            raise TemplateError(f"{_place(error, name)}: {error}") from error


def _printed(value: Any) -> Any:
    """What an expression prints: never None, never a character that only marks may hold."""
    if isinstance(value, Mark):
        return value
    if value is None:
        raise UndefinedError("an expression has no value (None)")
    return (Markup if isinstance(value, Markup) else str)(_UNPRINTABLE.sub("", str(value)))


def _place(error: Exception, name: str) -> str:
    """File and line of the innermost template frame; Jinja2 rewrites tracebacks to the template's own lines."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename.endswith(".j2"):
            return f"{frame.filename}, line {frame.lineno}"
    return f"email/{name}"
