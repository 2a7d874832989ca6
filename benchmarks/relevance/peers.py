"""What others do, on the same papers: BM25, TF-IDF cosine, and arxiv-sanity-lite's scheme.

Terms are counted once for all papers; what is known of a term (rarity, vocabulary) is of the archive alone each time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import Stemmer
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC

from newsletter.model import ReadablePaper, Topic

_WORD = re.compile(r"\w\w+")


class Terms:
    """Term counts of all papers of a stream."""

    def __init__(self, papers: Sequence[ReadablePaper]) -> None:
        self._papers = papers

    @cached_property
    def stems(self) -> tuple[sparse.csr_matrix, CountVectorizer]:
        """Papers x stems of title and abstract, without sklearn's English stop words."""
        counter = CountVectorizer(analyzer=_Stems())
        return counter.fit_transform(f"{one.title} {one.abstract}" for one in self._papers).tocsr(), counter

    @cached_property
    def words(self) -> sparse.csr_matrix:
        """Papers x words and pairs of words of title, abstract and authors, as arxiv-sanity-lite counts them (its
        compute.py: stop words, no accents, terms of at least 5 papers)."""
        counter = CountVectorizer(
            strip_accents="unicode",
            stop_words="english",
            token_pattern=r"(?u)\b[a-zA-Z_][a-zA-Z0-9_]+\b",
            ngram_range=(1, 2),
            min_df=5,
            dtype=np.float32,
        )
        texts = (f"{one.title} {one.abstract} {' '.join(one.paper.authors)}" for one in self._papers)
        return counter.fit_transform(texts).tocsr()


class _Stems:
    def __init__(self) -> None:
        self._stem = Stemmer.Stemmer("english").stemWord
        self._known: dict[str, str] = {}

    def __call__(self, text: str) -> list[str]:
        found = [word for word in _WORD.findall(text.casefold()) if word not in ENGLISH_STOP_WORDS]
        for word in found:
            if word not in self._known:
                self._known[word] = self._stem(word)
        return [self._known[word] for word in found]


class Searches:
    """BM25 (k1 1.2, b 0.75) and TF-IDF cosine (sublinear), for the name and description of topics as they stand."""

    def __init__(self, terms: Terms, archive: range, rows: range) -> None:
        counts, self._counter = terms.stems
        known, self._rows = counts[archive.start : archive.stop], counts[rows.start : rows.stop].astype(np.float64)
        self._having = np.bincount(known.indices, minlength=counts.shape[1])
        self._size, self._usual = len(archive), known.sum() / max(len(archive), 1)

    def bm25(self, topics: Sequence[Topic]) -> NDArray[np.float64]:
        """Papers x topics."""
        rarity = np.log(1 + (self._size - self._having + 0.5) / (self._having + 0.5))
        lengths = np.asarray(self._rows.sum(axis=1)).ravel()
        norm = np.repeat(1.2 * (0.25 + 0.75 * lengths / self._usual), np.diff(self._rows.indptr))
        weighted = self._rows.copy()
        weighted.data = weighted.data * 2.2 / (weighted.data + norm) * rarity[weighted.indices]
        return np.asarray((weighted @ self._asked(topics).T).todense())

    def cosine(self, topics: Sequence[Topic]) -> NDArray[np.float64]:
        """Papers x topics."""
        rarity = np.log((1 + self._size) / (1 + self._having)) + 1
        papers, asked = (_sublinear(one, rarity) for one in (self._rows, self._asked(topics)))
        return np.asarray((papers @ asked.T).todense())

    def _asked(self, topics: Sequence[Topic]) -> sparse.csr_matrix:
        return self._counter.transform(f"{one.name} {one.description}" for one in topics).astype(np.float64).tocsr()


class Sanity:
    """arxiv-sanity-lite: a linear SVM (C 0.01, balanced) on TF-IDF of the 20,000 most frequent terms, which alone
    decides. Tagged papers against all others: those shown, and an even spread over the archive."""

    VOCABULARY, MOST_COMMON, SPREAD = 20_000, 0.1, 1500

    def __init__(self, terms: Terms, archive: range) -> None:
        known = terms.words[archive.start : archive.stop]
        having = np.bincount(known.indices, minlength=known.shape[1])
        usable = np.flatnonzero((having >= 5) & (having <= self.MOST_COMMON * len(archive)))
        often = np.asarray(known.sum(axis=0)).ravel()[usable]
        self._columns = np.sort(usable[np.argsort(-often, kind="stable")[: self.VOCABULARY]])
        self._rarity = np.log((1 + len(archive)) / (1 + having[self._columns])) + 1
        self._terms = terms
        rows = np.linspace(archive.start, archive.stop - 1, min(self.SPREAD, len(archive)))
        self._others = np.unique(rows.round().astype(int)).tolist()

    def scores(self, rows: range, liked: Sequence[int], others: Sequence[int]) -> NDArray[np.float64]:
        """The decision for the papers of `rows`, learnt from rows that were liked (not none) and were not."""
        known = {*liked, *others}
        against = [*others, *(row for row in self._others if row not in known)]
        features = self._vectors([*liked, *against])
        tagged = np.arange(features.shape[0]) < len(liked)
        model = LinearSVC(class_weight="balanced", C=0.01, max_iter=10_000, tol=1e-6, random_state=0)
        return np.asarray(model.fit(features, tagged).decision_function(self._vectors(list(rows))))

    def _vectors(self, rows: Sequence[int]) -> sparse.csr_matrix:
        return _sublinear(self._terms.words[rows][:, self._columns].astype(np.float64), self._rarity)


def _sublinear(counts: sparse.csr_matrix, rarity: NDArray[np.float64]) -> sparse.csr_matrix:
    weighted = counts.tocsr(copy=True)
    weighted.data = (1 + np.log(weighted.data)) * rarity[weighted.indices]
    return normalize(weighted)
