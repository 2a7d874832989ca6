"""The three files and the environment: what wins, and how every mistake is one sentence."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from places import PROJECT

from newsletter.errors import ConfigurationError
from newsletter.rendering import Look
from newsletter.settings import Configuration, configuration_folder, load, shipped


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An operator's folder with the shipped files."""
    for name in ("newsletter.toml", "topics.toml", "subscribers.toml"):
        shutil.copyfile(shipped("config") / name, tmp_path / name)
    return tmp_path


def faults(folder: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(folder)
    return [str(fault) for fault in caught.value.faults]


def origin(loaded: Configuration, key: str) -> str:
    return next(one.origin for one in loaded.origins if one.key == key)


def append(folder: Path, name: str, text: str) -> None:
    with (folder / name).open("a", encoding="utf-8") as file:
        file.write(f"\n{text}\n")


def test_the_shipped_configuration_works() -> None:
    loaded = load(configuration_folder())
    assert len(loaded.topics) >= 6
    assert len(loaded.subscribers) == 4
    assert len({one.topics for one in loaded.subscribers}) == 4
    assert all(one.address.endswith("@example.org") for one in loaded.subscribers)
    assert loaded.settings.smtp.host is None
    assert loaded.settings.sources[0].year == 2025
    assert loaded.settings.state_dir == PROJECT / "var"


def test_an_operators_state_lies_beside_the_files(folder: Path) -> None:
    assert load(folder).settings.state_dir == folder / "var"
    text = (folder / "newsletter.toml").read_text().replace('# state_dir = "var"', 'state_dir = "elsewhere"')
    (folder / "newsletter.toml").write_text(text)
    assert load(folder).settings.state_dir == folder / "elsewhere"


def test_environment_beats_secret_file_beats_file_beats_default(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (folder / "newsletter.toml").read_text().replace("# port = 587", 'port = 1\npassword = "from the file"')
    (folder / "newsletter.toml").write_text(text)
    loaded = load(folder)
    assert (loaded.settings.smtp.port, origin(loaded, "smtp.port")) == (1, "newsletter.toml")
    assert origin(loaded, "smtp.security") == "default"
    (folder / "secrets").mkdir()
    (folder / "secrets" / "smtp__password").write_text("from the secret file\n")
    loaded = load(folder)
    assert loaded.settings.smtp.password
    assert loaded.settings.smtp.password.get_secret_value() == "from the secret file"
    assert origin(loaded, "smtp.password") == "secret file"
    monkeypatch.setenv("NEWSLETTER_SMTP__PASSWORD", "from the environment")
    monkeypatch.setenv("NEWSLETTER_SMTP__PORT", "2")
    loaded = load(folder, {"smtp": {"port": 3}})
    assert loaded.settings.smtp.password
    assert loaded.settings.smtp.password.get_secret_value() == "from the environment"
    assert (loaded.settings.smtp.port, origin(loaded, "smtp.port")) == (3, "flag")


def test_no_secret_is_ever_printed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_SMTP__PASSWORD", "hunter2-hunter2")
    monkeypatch.setenv("NEWSLETTER_SECRET_KEYS", "hunter2-hunter2, another-secret")
    loaded = load(folder)
    assert [key.get_secret_value() for key in loaded.settings.secret_keys] == ["hunter2-hunter2", "another-secret"]
    assert "hunter2" not in repr(loaded)
    assert "hunter2" not in json.dumps([str(one.value) for one in loaded.origins])
    monkeypatch.setenv("NEWSLETTER_SECRET_KEYS", '["a-json-list-of-keys"]')
    assert load(folder).settings.secret_keys[0].get_secret_value() == "a-json-list-of-keys"
    monkeypatch.setenv("NEWSLETTER_SECRET_KEYS", '["hunter2')
    assert "hunter2" not in "".join(faults(folder))


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        ("newsletter.toml", 'stat_dir = "x"', "newsletter.toml: database.stat_dir: there is no such setting"),
        (
            "newsletter.toml",
            "[smpt]\nport = 3",
            "newsletter.toml: smpt: there is no such setting; did you mean “smtp”?",
        ),
        ("topics.toml", '[[topics]]\nslug = "x"\nname = "x"\nkeyword = []', "did you mean “keywords”?"),
        (
            "topics.toml",
            '[[topics]]\nslug = "A B"\nname = "x"',
            "must be lower-case letters, digits and single hyphens",
        ),
        ("topics.toml", '[[topics]]\nslug = "trending"\nname = "x"', "choose another slug"),
        ("topics.toml", '[[topics]]\nslug = "neural-fields"\nname = "x"', "“neural-fields” is defined twice"),
        ("topics.toml", '[[topics]]\nname = "x"', "topics[9].slug: is missing"),
        ("topics.toml", '[[topics]]\nslug = "x"\nname = "x"\nmin_score = nan', "must be a finite number"),
        ("subscribers.toml", '[[subscribers]]\naddress = "ada@"', "subscribers[5].address: “ada@” is not an e-mail"),
        ("subscribers.toml", '[[subscribers]]\naddress = "Ada@Example.org"', "is already subscriber 1"),
        (
            "subscribers.toml",
            '[[subscribers]]\naddress = "x@y.org"\ntopics = ["brain-decodin"]',
            "did you mean “brain-",
        ),
        (
            "subscribers.toml",
            '[[subscribers]]\naddress = "x@y.org"\ntimezone = "Mars/Base"',
            "no time zone “Mars/Base”",
        ),
        (
            "subscribers.toml",
            '[[subscribers]]\naddress = "x@y.org"\nhour = 24',
            "hour: must be less than or equal to 23",
        ),
        ("subscribers.toml", '[[subscribers]]\naddress = "x@y.org"\nrhythm = "hourly"', "must be one of “daily”"),
        (
            "subscribers.toml",
            '[[subscribers]]\naddress = "x@y.org"\nlocale = "tlh"',
            "locale: there is no language “tlh”",
        ),
        ("subscribers.toml", '[[subscribers]]\naddress = "x@y.org"\nname = "a\\r\\nBcc: b"', "must be one line"),
        ("subscribers.toml", 'x = "', "subscribers.toml: is not valid TOML"),
    ],
)
def test_a_mistake_is_one_sentence_with_file_and_key(folder: Path, file: str, text: str, sentence: str) -> None:
    append(folder, file, text)
    found = faults(folder)
    assert len(found) == 1
    assert sentence in found[0]
    assert found[0].startswith(f"{file}: ")
    assert "\n" not in found[0]


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("NEWSLETTER_SMTP__PORT", "many", "environment: NEWSLETTER_SMTP__PORT: must be a whole number, not “many”"),
        ("NEWSLETTER_SMTP__SECURITY", "ssl", "must be one of “starttls”, “tls”, “none”, not “ssl”"),
        ("NEWSLETTER_SMPT__PORT", "25", "environment: NEWSLETTER_SMPT__PORT: there is no such setting"),
        ("NEWSLETTER_SMTP__PROT", "25", "environment: NEWSLETTER_SMTP__PROT: there is no such setting; did you mean"),
        ("NEWSLETTER_SOURCES", "nonsense", "environment: "),
        ("NEWSLETTER_SCHEDULE__AT", "7 o'clock", "“7 o'clock” is not a time of day"),
        ("NEWSLETTER_EMAIL__ACCENT", "#ffff00", "contrast"),
        ("NEWSLETTER_EMAIL__LOCALE", "tlh", "there is no language “tlh”; there are en, de"),
        ("NEWSLETTER_EMAIL__SUMMARIES", "none", "must be one of “abstract”, “source”, “llm”, not “none”"),
        ("NEWSLETTER_EMAIL__FOOTER", "a\r\nb", "must be one line"),
        ("NEWSLETTER_EMAIL__LOGO_TEXT", "a\nb", "must be one line"),
        ("NEWSLETTER_DIGEST__OUTSIDE", "sometimes", "NEWSLETTER_DIGEST__OUTSIDE: must be"),
        ("NEWSLETTER_SITE__URL", "javascript:alert(1)", "environment: NEWSLETTER_SITE__URL: "),
        ("NEWSLETTER_DATABASE__URL", "mysql://x", "only SQLite ("),
        ("NEWSLETTER_SITE__URL", "https://u:p@x.org/?q#f", "must be a plain address"),
        ("NEWSLETTER_SENDER__LIST_ID", "my list", "must look like papers.example.org"),
        ("NEWSLETTER_SCHEDULE__AT", "07:00+02:00", "is not a time of day"),
        ("NEWSLETTER_EMAIL__TEMPLATES", "/nowhere/at/all", "there is no folder /nowhere/at/all"),
        ("NEWSLETTER_SECRETS_DIR", "/nowhere/at/all", "there is no folder /nowhere/at/all"),
        ("NEWSLETTER_SMTP__USERNAME", "ada", ""),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(
    folder: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, value)
    if variable.endswith("USERNAME"):
        monkeypatch.setenv("NEWSLETTER_SMTP__SECURITY", "none")
        sentence = "a login never goes over an open line"
    found = faults(folder)
    assert len(found) == 1
    assert sentence in found[0]


def test_all_mistakes_of_all_files_are_reported_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append(folder, "newsletter.toml", '[smpt]\nport = "x"')
    append(folder, "topics.toml", '[[topics]]\nslug = "B C"\nname = "x"')
    append(folder, "subscribers.toml", '[[subscribers]]\naddress = "nobody"\ntopics = ["nothing"]\nhour = 99')
    monkeypatch.setenv("NEWSLETTER_SMTP__PORT", "x")
    found = faults(folder)
    assert [fault.split(":")[0] for fault in found] == ["environment", "newsletter.toml", "topics.toml"] + [
        "subscribers.toml"
    ] * 3 or len(found) == 6


def test_missing_files_are_named_with_the_remedy(tmp_path: Path) -> None:
    found = faults(tmp_path / "nowhere")
    assert len(found) == 3
    assert all("newsletter init" in fault for fault in found)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[" * 20_000, b"\x00", b"a = {" * 5_000])
def test_a_file_of_nonsense_is_one_sentence(folder: Path, content: bytes) -> None:
    (folder / "newsletter.toml").write_bytes(content)
    [found] = faults(folder)
    assert found.startswith("newsletter.toml: is not ")


def test_a_folder_without_subscribers_tables_has_no_readers(folder: Path) -> None:
    (folder / "subscribers.toml").write_text("# nobody yet\n")
    assert load(folder).subscribers == ()


def test_one_variable_that_is_no_json_hides_no_other_mistake(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_SOURCES", "[")
    monkeypatch.setenv("NEWSLETTER_SMTP__PORT", "x")
    found = faults(folder)
    assert len(found) == 2
    assert "NEWSLETTER_SOURCES: is not valid JSON" in found[0]
    assert "NEWSLETTER_SMTP__PORT: must be a whole number" in found[1]


def test_an_empty_variable_is_no_variable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SMTP__HOST", "STATE_DIR", "SITE__URL", "SENDER__REPLY_TO", "SECRET_KEYS"):
        monkeypatch.setenv(f"NEWSLETTER_{name}", "")
    loaded = load(folder)
    assert loaded.settings.smtp.host is None
    assert loaded.settings.state_dir == folder / "var"


def test_a_database_path_in_the_file_counts_from_the_file(folder: Path) -> None:
    text = (folder / "newsletter.toml").read_text().replace('# url = ""', 'url = "sqlite:///papers.db"')
    (folder / "newsletter.toml").write_text(text)
    assert load(folder).settings.database.url == f"sqlite:///{folder.resolve() / 'papers.db'}"


def test_the_looks_of_the_e_mail_are_what_is_set(folder: Path) -> None:
    plain = load(folder).settings.email.look()
    assert plain == Look()
    own = {"logo_text": "The Daily P", "footer": "Ask the library.", "thumbnails": True, "summaries": "source"}
    look = load(folder, {"email": own}).settings.email.look()
    assert look == replace(
        plain, logo_text="The Daily P", footer="Ask the library.", thumbnails=True, machine_summaries=True
    )


def test_a_reader_of_the_file_may_name_a_language(folder: Path) -> None:
    append(folder, "subscribers.toml", '[[subscribers]]\naddress = "x@y.org"\nlocale = "de"')
    append(folder, "subscribers.toml", '[[subscribers]]\naddress = "z@y.org"\nlocale = ""')
    assert {one.address: one.locale for one in load(folder).subscribers if "y.org" in one.address} == {
        "x@y.org": "de",
        "z@y.org": "",
    }


def test_a_wrong_weekday_is_one_fault(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_SCHEDULE__DAYS", '["monday"]')
    [found] = faults(folder)
    assert "must be one of “mon”" in found
