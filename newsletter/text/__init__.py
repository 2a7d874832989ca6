"""Pure functions on text: LaTeX to text and HTML, sentences and summaries, title fingerprints."""

from newsletter.text.clean import clean
from newsletter.text.fingerprint import fingerprint, identity_keys
from newsletter.text.latex import to_html, to_text
from newsletter.text.readable import readable
from newsletter.text.sentences import sentences
from newsletter.text.summary import summarise

__all__ = [
    "clean",
    "fingerprint",
    "identity_keys",
    "readable",
    "sentences",
    "summarise",
    "to_html",
    "to_text",
]
