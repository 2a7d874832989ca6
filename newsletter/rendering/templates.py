"""Loading and rendering the e-mail's templates, with an operator's own before the shipped ones."""

from __future__ import annotations

import re
import traceback
from collections.abc import Sequence
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


class Templates:
    """The templates of `folders`, the first folder that has a file winning.

    HTML and XML escape what they print, text and CSS do not. In a template stand, besides what `render` is given:
    `_("...")` for words of our own in `language`, `start` and `end` for the sides where its lines begin and end, the
    filters `readable` (LaTeX to plain text) and `html` (LaTeX to text with strong, em, code, sub and sup), and
    `{% call given("x") %}...{% endcall %}` for what is shown only to a reader whose value `x` is not empty.
    """

    def __init__(self, folders: Sequence[Path], language: Language) -> None:
        self._folders = tuple(folders)
        self._environment = Environment(
            loader=ChoiceLoader([FileSystemLoader(folder) for folder in folders]),
            undefined=StrictUndefined,
            autoescape=select_autoescape(enabled_extensions=("html", "html.j2", "xml"), default=False),
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            finalize=_printed,
            extensions=["jinja2.ext.i18n"],
        )
        # Set by the extension, so no type checker knows it.
        self._environment.install_gettext_translations(language.translations, newstyle=True)  # type: ignore[attr-defined]
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
        self._environment.globals["given"] = lambda name, caller: given_mark(name, caller())

    def render(self, name: str, /, **values: object) -> str:
        """The template `email/<name>` with `values`.

        Raises TemplateError with file and line if the template is missing, does not parse, names what does not exist,
        or fails in any other way.
        """
        try:
            return self._environment.get_template(f"email/{name}").render(values)
        except TemplateNotFound as error:
            folders = ", ".join(str(folder) for folder in self._folders)
            raise TemplateError(f"the template {error.name} is in none of: {folders}") from error
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
