"""`newsletter`, but for a fleet that takes a worker for dead in seconds, and whose jobs are small."""

from __future__ import annotations

from newsletter.cli import main
from newsletter.fleet import jobs

jobs.BEAT, jobs.STALLED = 0.5, 3.0
jobs.ROWS, jobs.READERS = 40, 100

if __name__ == "__main__":
    main()
