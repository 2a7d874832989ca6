"""A paper as a person reads it."""

from __future__ import annotations

from newsletter.model import Paper, ReadablePaper
from newsletter.text.latex import to_text


def readable(paper: Paper) -> ReadablePaper:
    """`paper` with its title and abstract as plain text, the form that is ranked, summarised and shown."""
    return ReadablePaper(paper, to_text(paper.title), to_text(paper.abstract))
