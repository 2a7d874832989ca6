"""Names of time zones: the same ones on every machine, whatever its own folder of them holds."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from newsletter import timezones
from newsletter.errors import ConfigurationError
from newsletter.settings import load

NONE = [
    ("localtime", "use a name like “Europe/Berlin” or “UTC”"),
    ("posixrules", "use a name like “Europe/Berlin” or “UTC”"),
    ("Factory", "use a name like “Europe/Berlin” or “UTC”"),
    ("posix/Europe/Berlin", "did you mean “Europe/Berlin”?"),
    ("right/Asia/Tokyo", "did you mean “Asia/Tokyo”?"),
    ("europe/berlin", "did you mean “Europe/Berlin”?"),
    ("Berlin", "did you mean “Europe/Berlin”?"),
    ("../Europe/Berlin", "did you mean “Europe/Berlin”?"),
    ("", "use a name like “Europe/Berlin” or “UTC”"),
]


@pytest.mark.parametrize(("name", "remedy"), NONE)
def test_what_only_a_host_knows_is_none(name: str, remedy: str) -> None:
    with pytest.raises(ValueError, match="there is no time zone") as refused:
        timezones.checked(name)
    assert str(refused.value) == f"there is no time zone “{name}”; {remedy}"


def test_all_the_others_are_some() -> None:
    assert {"UTC", "Europe/Berlin", "US/Pacific", "Asia/Calcutta", "Etc/GMT+5"} <= timezones.names()
    assert len(timezones.names()) > 500
    for name in timezones.names():
        assert ZoneInfo(timezones.checked(name)).key == name


@pytest.mark.parametrize(("name", "remedy"), NONE)
def test_a_file_with_one_is_refused(tmp_path: Path, name: str, remedy: str) -> None:
    (tmp_path / "newsletter.toml").write_text(f'[schedule]\ntimezone = "{name}"\n')
    (tmp_path / "topics.toml").write_text("")
    (tmp_path / "subscribers.toml").write_text(f'[[subscribers]]\naddress = "x@y.org"\ntimezone = "{name}"\n')
    with pytest.raises(ConfigurationError) as refused:
        load(tmp_path, {})
    said = [f"{one.key}: {one.why}" for one in refused.value.faults]
    sentence = f"there is no time zone “{name}”; {remedy}"
    assert said == [f"schedule.timezone: {sentence}", f"subscribers[1].timezone: {sentence}"]
