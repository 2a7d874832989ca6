"""Pages from the templates in `templates/web`, any of which an operator's folder may replace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from newsletter.rendering.look import Look


class Pages:
    """Renders `templates/web/NAME.html.j2`. Every page knows `look`, `site` (its address, without a slash at its end;
    empty when there is none) and `root` (the path it is served below, empty or like `/papers`): links are written
    `{{ root }}/topics/x`."""

    def __init__(self, folders: Sequence[Path], look: Look, site: str, root: str = "") -> None:
        loaders = [FileSystemLoader(folder / "web") for folder in folders]
        self._environment = Environment(
            loader=ChoiceLoader(loaders),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(look=look, site=site, root=root)
        self.root = root
        self.site = site

    def page(
        self,
        name: str,
        values: Mapping[str, Any] | None = None,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> HTMLResponse:
        """The page `name` (without `.html.j2`) with `values`."""
        return HTMLResponse(self.text(f"{name}.html.j2", values or {}), status, dict(headers or {}))

    def text(self, file: str, values: Mapping[str, Any]) -> str:
        """A template of the folder, whatever its kind, as text."""
        return self._environment.get_template(file).render(values)
