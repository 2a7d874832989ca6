"""Read the configuration folder and the environment; report everything wrong at once."""

from __future__ import annotations

import os
import re
import shlex
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource, NestedSecretsSettingsSource, SecretsSettingsSource, SettingsError

from newsletter.errors import ConfigurationError, Fault
from newsletter.model import Subscriber, Topic
from newsletter.settings.faults import Place, faults_of, key_of
from newsletter.settings.readers import subscribers_of, topics_of, unknown_topic
from newsletter.settings.schema import ENV_PREFIX, NESTED, Settings, source_options
from newsletter.settings.shipped import installed_from_wheel, shipped
from newsletter.sources import registry

SETTINGS_FILE, TOPICS_FILE, SUBSCRIBERS_FILE = "newsletter.toml", "topics.toml", "subscribers.toml"

# Read by the command line, not settings themselves.
_OTHER_VARIABLES = {"CONFIG", "SECRETS_DIR"}

# Three slashes and no fourth: a path that counts from somewhere.
_RELATIVE_SQLITE = re.compile(r"(sqlite(?:\+aiosqlite)?:///)([^/].*)")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the value of a setting came from: `default`, a file's name, `secret file`, `environment` or `flag`."""

    key: str
    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the three files and the environment say, checked as a whole."""

    folder: Path
    settings: Settings
    topics: tuple[Topic, ...]
    subscribers: tuple[Subscriber, ...]
    origins: tuple[Origin, ...]

    def command(self, *words: str) -> str:
        """`newsletter WORDS` as one would type it to stay with the same configuration."""
        own = [] if self.folder == shipped("config") else ["--config", str(self.folder)]
        return shlex.join(["newsletter", *own, *words])


def configuration_folder(flag: Path | None = None) -> Path:
    """The folder of the three files: the `--config` flag, else NEWSLETTER_CONFIG, else the shipped one."""
    named = flag or (Path(value) if (value := os.environ.get(f"{ENV_PREFIX}CONFIG")) else None)
    return named.resolve() if named else shipped("config")


def load(folder: Path, flags: Mapping[str, Any] | None = None) -> Configuration:
    """Read and check everything. `flags` are settings given on the command line, nested like the file.

    Relative paths in the file count from the file's folder; those in the environment from the working directory.
    Raises ConfigurationError with every fault of all three files and the environment.
    """
    faults: list[Fault] = []
    files = {name: _read_toml(folder / name, faults) for name in (SETTINGS_FILE, TOPICS_FILE, SUBSCRIBERS_FILE)}
    layers = [
        ("flag", dict(flags or {})),
        ("environment", _environment(faults)),
        ("secret file", _secret_files(folder, faults)),
        (SETTINGS_FILE, _from_folder(files[SETTINGS_FILE] or {}, folder)),
    ]
    settings = _validated(layers, folder, faults)
    topics = topics_of(files[TOPICS_FILE] or {}, TOPICS_FILE, faults)
    known = {topic.slug for topic in topics} if files[TOPICS_FILE] is not None else None
    subscribers = subscribers_of(files[SUBSCRIBERS_FILE] or {}, SUBSCRIBERS_FILE, known, faults)
    if settings and known is not None:
        faults += _undefined_topics(settings, known, layers)
    if faults or settings is None:
        raise ConfigurationError(faults)
    return Configuration(folder, settings, tuple(topics), tuple(subscribers), _origins(settings, layers))


def _undefined_topics(
    settings: Settings, known: Collection[str], layers: list[tuple[str, dict[str, Any]]]
) -> list[Fault]:
    """The topics of channels that nobody defined."""
    return [
        Fault(*_where(("channels", number, "topics"), layers), unknown_topic(slug, known))
        for number, one in enumerate(settings.channels)
        for slug in one.topics
        if slug not in known
    ]


def _read_toml(path: Path, faults: list[Fault]) -> dict[str, Any] | None:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        remedy = f"there is no such file in {path.parent}; `newsletter init DIR` makes a folder with all three"
        faults.append(Fault(path.name, "", remedy))
    except OSError as error:
        faults.append(Fault(path.name, "", f"cannot be read: {error.strerror}; check its permissions"))
    except UnicodeDecodeError as error:
        faults.append(Fault(path.name, "", f"is not UTF-8 text (byte {error.start}); save it as UTF-8"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        faults.append(Fault(path.name, "", f"is not valid TOML: {error}"))
    return None


def _environment(faults: list[Fault]) -> dict[str, Any]:
    for variable in sorted(os.environ):
        if variable.upper().startswith(ENV_PREFIX):
            name = variable[len(ENV_PREFIX) :].upper()
            if name.split(NESTED)[0].lower() not in Settings.model_fields and name not in _OTHER_VARIABLES:
                faults.append(
                    Fault("environment", variable, "there is no such setting; `newsletter config show` lists them")
                )
    source = EnvSettingsSource(Settings)
    variables, values = dict(source.env_vars), dict[str, Any]()
    for field in Settings.model_fields:
        # One table at a time, so that one that cannot be read does not hide what is wrong with the others.
        own = f"{ENV_PREFIX}{field}".casefold()
        source.env_vars = {name: text for name, text in variables.items() if name.casefold().split(NESTED)[0] == own}
        try:
            values |= {key: value for key, value in source().items() if key == field}
        except SettingsError:
            faults.append(Fault("environment", own.upper(), "is not valid JSON; lists and tables are written as JSON"))
    return values


def _secret_files(folder: Path, faults: list[Fault]) -> dict[str, Any]:
    """Files named after settings (`smtp__password`) in NEWSLETTER_SECRETS_DIR, else in `secrets` beside the files."""
    named = os.environ.get(f"{ENV_PREFIX}SECRETS_DIR")
    secrets = Path(named) if named else folder / "secrets"
    if not secrets.is_dir():
        if named:
            faults.append(Fault("environment", f"{ENV_PREFIX}SECRETS_DIR", f"there is no folder {named}"))
        return {}
    try:
        files = SecretsSettingsSource(Settings, secrets_dir=secrets, env_prefix="")
        return dict(NestedSecretsSettingsSource(files, secrets_nested_delimiter=NESTED, secrets_prefix="")())
    except (SettingsError, OSError, UnicodeDecodeError) as error:
        faults.append(Fault(str(secrets), "", f"the secret files cannot be read: {error}"))
        return {}


def _from_folder(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The file's values with its relative paths made absolute, and the state folder's default beside the file."""
    values = {**values}
    for table, key in (("", "state_dir"), ("email", "templates"), ("dkim", "rsa_key"), ("dkim", "ed25519_key")):
        holder = values if not table else values.get(table)
        if isinstance(holder, dict) and isinstance(holder.get(key), str) and holder[key]:
            changed = {**holder, key: str(folder / Path(holder[key]).expanduser())}
            values = changed if not table else {**values, table: changed}
    database = values.get("database")
    if isinstance(database, dict) and (relative := _RELATIVE_SQLITE.fullmatch(str(database.get("url", "")))):
        values["database"] = {**database, "url": f"{relative[1]}{(folder / relative[2]).resolve()}"}
    if isinstance(values.get("sources"), list):
        values["sources"] = [_absolute_paths(source, folder) for source in values["sources"]]
    return values


def _absolute_paths(source: Any, folder: Path) -> Any:
    if not isinstance(source, dict):
        return source
    paths = {key: source[key] for key in ("path", "token_file") if isinstance(source.get(key), str) and source[key]}
    return source | {key: str(folder / Path(path).expanduser()) for key, path in paths.items()}


def _default_state_dir(folder: Path) -> Path:
    """`var` beside an operator's own files. The shipped ones lie in the code: then the checkout, or for a wheel, whose
    folder is not ours to write to, the working directory."""
    if folder != shipped("config"):
        return folder / "var"
    return Path.cwd() / "var" if installed_from_wheel() else folder.parent / "var"


def _validated(layers: list[tuple[str, dict[str, Any]]], folder: Path, faults: list[Fault]) -> Settings | None:
    merged: dict[str, Any] = {"state_dir": _default_state_dir(folder)}
    for _, values in reversed(layers):
        merged = _merged(merged, values)
    if (sources := merged.get("sources")) is not None:
        merged["sources"] = _sources(sources, layers, faults)
    try:
        return Settings(**merged)
    except ValidationError as error:
        faults.extend(faults_of(error, Settings, lambda place: _where(place, layers)))
        return None


def _sources(tables: Any, layers: list[tuple[str, dict[str, Any]]], faults: list[Fault]) -> Any:
    """Each table as the options of its kind; one that is wrong becomes faults."""
    if not isinstance(tables, (list, tuple)):
        return tables  # which the settings refuse
    made = []
    for number, table in enumerate(tables):
        try:
            made.append(source_options(table) if isinstance(table, dict) else table)
        except ValidationError as error:
            options = registry.kind(table["kind"]).Options
            faults.extend(faults_of(error, options, partial(_where_of_source, number, layers)))
        except ValueError as error:
            faults.append(Fault(*_where(("sources", number, "kind"), layers), str(error)))
    return made


def _where_of_source(number: int, layers: list[tuple[str, dict[str, Any]]], place: Place) -> tuple[str, str]:
    return _where(("sources", number, *place), layers)


def _merged(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        under = result.get(key)
        result[key] = _merged(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return result


def _where(place: Place, layers: list[tuple[str, dict[str, Any]]]) -> tuple[str, str]:
    origin = _origin(place, layers)
    if origin == "environment":
        steps = [str(step) for step in place if not isinstance(step, int)]
        return "environment", ENV_PREFIX + NESTED.join(steps).upper()
    return (SETTINGS_FILE if origin == "default" else origin), key_of(place)


def _origin(place: Place, layers: list[tuple[str, dict[str, Any]]]) -> str:
    """The topmost layer that holds the first steps of `place`."""
    for name, values in layers:
        current: Any = values
        for step in place:
            if isinstance(current, dict) and step in current:
                current = current[step]
            elif isinstance(current, (dict, type(None))):
                break
            else:
                return name
        else:
            return name
    return "default"


def _origins(settings: Settings, layers: list[tuple[str, dict[str, Any]]]) -> tuple[Origin, ...]:
    rows = []
    for key, value in settings.model_dump(mode="json").items():
        if isinstance(value, dict):
            rows += [Origin(f"{key}.{inner}", given, _origin((key, inner), layers)) for inner, given in value.items()]
        else:
            rows.append(Origin(key, value, _origin((key,), layers)))
    return tuple(rows)
