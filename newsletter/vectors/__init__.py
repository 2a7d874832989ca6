"""Sentence vectors: the two extras, `static` and `neural`, and a cache so that a text is encoded once.

Both models come inside packages from pip and are read from there; nothing is ever downloaded. This room is an adapter
of `ranking.encoding.Encoder`; importing it loads no model and no heavy package.
"""

from newsletter.vectors.cached import Cached
from newsletter.vectors.loading import available, encoders
from newsletter.vectors.neural import Neural
from newsletter.vectors.static import Static

__all__ = ["Cached", "Neural", "Static", "available", "encoders"]
