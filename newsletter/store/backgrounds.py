"""The archive as ranking counts it, kept in a file: counting ten thousand papers takes seconds, reading them does not.

A file is a copy of what the database says and may be deleted at any time.
"""

from __future__ import annotations

import json
import os
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from newsletter.model import Paper, ReadablePaper

if TYPE_CHECKING:
    import numpy as np

    from newsletter.ranking import Known

KEPT = 3
"""So many files stay: this week's, last week's, and one for whoever looks back."""

_FORM = 1  # of the files; a change of what is counted, or how, needs a new number


class Backgrounds:
    """Keeps counted archives in `folder`, each under the key that says what it was made of.

    numpy and scipy are imported where they are needed: most commands open no archive.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, key: str) -> Known | None:
        """The archive of `key`; None when there is no file, or none that can be read."""
        import numpy as np

        try:
            # Opened here, because numpy leaves a file that is none open.
            with self._path(key).open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                return _known({name: file[name] for name in file.files})
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError, TypeError):
            return None

    def save(self, key: str, known: Known) -> None:
        """Keep `known`. A folder that cannot be written to loses nothing but time."""
        import numpy as np

        path = self._path(key)
        draft = path.with_name(f".{os.getpid()}.{path.name}")
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                np.savez(file, allow_pickle=False, **_arrays(known))
            draft.replace(path)
            files = sorted(self._folder.glob("archive-*.npz"), key=lambda one: one.stat().st_mtime)
            for old in files[:-KEPT]:
                old.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / f"archive-{_FORM}-{key}.npz"


def _arrays(known: Known) -> dict[str, np.ndarray]:
    import numpy as np

    papers = [
        [one.id, one.title, one.abstract, list(one.paper.authors), list(one.paper.categories)] for one in known.papers
    ]
    matrix = known.counts.frequencies
    return {
        "papers": _text(json.dumps(papers)),
        "terms": _text("\n".join(known.counts.vocabulary)),
        "data": matrix.data.astype(np.float32),
        "indices": matrix.indices.astype(np.int32),
        "indptr": matrix.indptr.astype(np.int64),
        "lengths": known.counts.lengths,
    }


def _known(arrays: dict[str, np.ndarray]) -> Known:
    from scipy import sparse

    from newsletter.ranking.archive import Known
    from newsletter.ranking.counting import Counts

    papers = tuple(
        ReadablePaper(Paper(identity, title, abstract, tuple(authors), categories=tuple(categories)), title, abstract)
        for identity, title, abstract, authors, categories in json.loads(arrays["papers"].tobytes())
    )
    terms = arrays["terms"].tobytes().decode().split("\n")
    vocabulary = {term: column for column, term in enumerate(terms) if term}
    shape = (len(papers), len(vocabulary))
    frequencies = sparse.csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape)
    frequencies.check_format()
    if len(arrays["lengths"]) != len(papers):
        raise ValueError("the file is torn")
    return Known(papers, Counts(frequencies, vocabulary, arrays["lengths"]))


def _text(text: str) -> np.ndarray:
    import numpy as np

    return np.frombuffer(text.encode(), np.uint8)
