"""A topic in a reader's own words, as it is typed, and what forms hold."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from typing import Any, TypeVar

Some = TypeVar("Some")

SECRET = 'Zebrafish <script>alert("own")</script>'
OWN = {
    "own_slug": "",
    "own_name": SECRET,
    "own_description": "Fish that\nglow.",
    "own_keywords": 'zebrafish,\n"calcium imaging"',
    "own_exclude": "survey",
    "own_authors": "Ada Lovelace, Alan Turing",
}


def waited(work: Coroutine[Any, Any, Some]) -> Some:
    with ThreadPoolExecutor(1) as other:
        return other.submit(asyncio.run, work).result()


def values(page: str, name: str) -> list[str]:
    """What a form's fields of that name hold."""
    found = re.findall(
        rf'<(?:input[^>]*? name="{name}" value="([^"]*)"|textarea[^>]*? name="{name}"[^>]*>\n(.*?)</)', page, re.S
    )
    return [unescape("".join(one)) for one in found]
