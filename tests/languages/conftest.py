"""The builders of the e-mail's tests and of the journey's serve here too."""

from __future__ import annotations

import sys

from places import PROJECT

sys.path.extend(str(PROJECT / "tests" / folder) for folder in ("rendering", "daily"))
