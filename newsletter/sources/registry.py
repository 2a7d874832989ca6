"""Every kind of source: `kind` in a `[[sources]]` table -> class. One line here and one file make a source.

An outside package adds its own with an entry point (docs/adding-a-source.md):

    [project.entry-points."newsletter.sources"]
    mykind = "mypackage.mymodule:MyClass"
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import entry_points
from typing import cast

from newsletter.sources.base import Kind

GROUP = "newsletter.sources"

KINDS = {
    "listing": "newsletter.sources.listing.source:ListingSource",
    "huggingface": "newsletter.sources.huggingface.source:HuggingFaceSource",
    "arxiv": "newsletter.sources.arxiv.source:ArxivSource",
    "feed": "newsletter.sources.feed.source:FeedSource",
    "jsonl": "newsletter.sources.jsonl.source:JsonlSource",
    "semanticscholar": "newsletter.sources.semanticscholar.source:SemanticScholarSource",
    "openalex": "newsletter.sources.openalex.source:OpenAlexSource",
}
"""As text, so that only those are imported that somebody configured."""


def kind(name: str) -> Kind:
    """The class of that name. Raises ValueError, one sentence, when there is none or it cannot be imported."""
    # Others' are looked for only where none of ours is meant: every installed distribution has to be asked.
    places = KINDS if name in KINDS else {one.name: one.value for one in entry_points(group=GROUP)} | KINDS
    if name not in places:
        near = get_close_matches(name, places, n=1)
        hint = f"; did you mean “{near[0]}”?" if near else f"; there are {', '.join(sorted(places))}"
        raise ValueError(f"there is no kind of source “{name}”{hint}")
    module, _, attribute = places[name].partition(":")
    try:
        found = getattr(import_module(module.strip()), attribute.strip())
    except Exception as error:  # a stranger's module may fail in any way
        raise ValueError(f"the source kind “{name}” ({places[name]}) cannot be imported: {error}") from error
    if not hasattr(found, "Options") or not hasattr(found, "build"):
        raise ValueError(f"the source kind “{name}” ({places[name]}) is no source: it has no Options or no build")
    return cast(Kind, found)
