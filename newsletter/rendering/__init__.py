"""Digest to message parts: Jinja2 templates, styles written in by premailer, an equal text part.

picks, papers ── card ── templates ── pieces ── inlining ── checks ──> Compiled        (renderer: once per edition)
Compiled + digest ── words ── fitting ── checks ──> Parts                              (compiled: per reader)
"""

from newsletter.rendering.compiled import Compiled
from newsletter.rendering.look import Look
from newsletter.rendering.renderer import Renderer

__all__ = ["Compiled", "Look", "Renderer"]
