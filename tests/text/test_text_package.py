"""The package as others see it."""

from __future__ import annotations

import subprocess
import sys

from newsletter.model import Paper
from newsletter.text import readable


def test_readable_keeps_the_paper_and_reads_its_words() -> None:
    paper = Paper(id="title:x", title=r"BT^2: \textbf{Bold}", abstract="Scales as $O(N^2)$,\n360{\\deg}.")
    found = readable(paper)
    assert found.paper is paper
    assert (found.id, found.title, found.abstract) == ("title:x", "BT²: Bold", "Scales as O(N²), 360°.")


def test_importing_the_package_leaves_the_symbol_table_alone() -> None:
    check = "import sys, newsletter.text; sys.exit('pylatexenc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
