"""Sentence vectors: the two extras, `static` and `neural`, and a cache so that a text is encoded once.

Both models come inside packages from pip and are read from there; nothing is ever downloaded. This room is an adapter
of `ranking.encoding.Encoder`; importing it loads no model and no heavy package.
"""

from newsletter.vectors.loading import available, encoders

__all__ = ["available", "encoders"]
