"""What a language model writes of a paper."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Draft:
    """What a model answered: `text` as it came, the `tokens` of question and answer together, and `flaw`, why the
    answer is none (cut off, refused); empty where it is one."""

    text: str
    tokens: int
    flaw: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """What is kept of an answer, for ever: `text` is fit to be shown, or empty, and then `flaw` says why.

    `model`, `prompt` (the number of the prompt's wording) and `abstract` (the hash of what was summarised) say what was
    asked about the paper of that id; the same is never asked twice.
    """

    paper: str
    model: str
    prompt: int
    abstract: str
    text: str
    flaw: str
    tokens: int
    written_at: datetime
