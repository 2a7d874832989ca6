"""`[[sources]]` tables: each is checked by its own kind, and every mistake is one sentence with file and key."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from newsletter.errors import ConfigurationError
from newsletter.settings import load, shipped
from newsletter.sources import registry
from newsletter.sources.options import NetworkOptions

HF = 'kind = "huggingface"\nname = "hf"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An operator's folder with the shipped topics and readers, and no source."""
    for name in ("topics.toml", "subscribers.toml"):
        shutil.copyfile(shipped("config") / name, tmp_path / name)
    return tmp_path


def write(folder: Path, *tables: str) -> Path:
    (folder / "newsletter.toml").write_text("".join(f"[[sources]]\n{table}\n" for table in tables), encoding="utf-8")
    return folder


def faults(folder: Path, *tables: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(write(folder, *tables))
    return [str(fault) for fault in caught.value.faults]


def test_each_kind_has_its_own_options(folder: Path) -> None:
    arxiv = 'kind = "arxiv"\nname = "arxiv"\ncategories = ["cs.CL", "math"]'
    feed = 'kind = "feed"\nname = "journal"\nurl = "https://journal.example/feed.xml"\ntimeout = 5'
    lines = 'kind = "jsonl"\nname = "ours"\npath = "papers.jsonl"'
    loaded = load(write(folder, 'kind = "listing"\nname = "page"', HF, arxiv, feed, lines)).settings.sources
    assert [one.kind for one in loaded] == ["listing", "huggingface", "arxiv", "feed", "jsonl"]
    assert [isinstance(one, NetworkOptions) for one in loaded] == [False, True, True, True, False]
    assert loaded[4].model_dump()["path"] == folder / "papers.jsonl"
    assert loaded[3].model_dump()["timeout"] == 5


def test_without_a_source_the_seeds_are_read_and_an_empty_list_is_none(folder: Path) -> None:
    [one] = load(write(folder)).settings.sources
    assert (one.kind, one.name) == ("listing", "daily-papers")
    (folder / "newsletter.toml").write_text("sources = []")
    assert load(folder).settings.sources == ()


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ('name = "x"', "newsletter.toml: sources[1].kind: is missing"),
        ('kind = 3\nname = "x"', "newsletter.toml: sources[1].kind: must be text"),
        ('kind = "arxive"\nname = "x"', "sources[1].kind: there is no kind of source “arxive”; did you mean “arxiv”?"),
        ('kind = "scholar-inbox"\nname = "x"', "there are arxiv, feed, huggingface, jsonl, listing"),
        ('kind = "huggingface"', "sources[1].name: is missing"),
        (f'{HF}tokn = "x"', "sources[1].tokn: there is no such setting; did you mean “token”?"),
        (f"{HF}pace = -1", "sources[1].pace: must be greater than or equal to 0, not -1"),
        (f'{HF}base_url = "ftp://x.org"', "sources[1].base_url: "),
        (f'{HF}token = "x"\ntoken_file = "y"', "sources[1]: give `token` or `token_file`, not both"),
        ('kind = "listing"\nname = "x"\nyear = "soon"', "sources[1].year: must be a whole number, not “soon”"),
        ('kind = "feed"\nname = "x"', "sources[1].url: is missing"),
        ('kind = "jsonl"\nname = "x"', "sources[1].path: is missing"),
        ('kind = "arxiv"\nname = "x"\ncategories = ["cs.CL"]\npace = 1', "every three seconds"),
    ],
)
def test_a_mistake_is_one_sentence_with_file_and_key(folder: Path, table: str, sentence: str) -> None:
    found = faults(folder, table)
    assert len(found) == 1
    assert sentence in found[0]
    assert found[0].startswith("newsletter.toml: sources[1]")
    assert "\n" not in found[0]


def test_all_mistakes_are_told_and_counted(folder: Path) -> None:
    found = faults(folder, HF, 'kind = "feed"\nname = "x"', f"{HF}pace = -1\ntimeout = 0")
    assert [one.split(": ")[1] for one in found] == ["sources[2].url", "sources[3].pace", "sources[3].timeout"]


def test_two_sources_of_one_name_are_refused(folder: Path) -> None:
    assert faults(folder, HF, HF) == [
        "newsletter.toml: sources: two sources are named “hf”; give each a name of its own"
    ]


def test_sources_from_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_SOURCES", json.dumps([{"kind": "huggingface", "name": "hf"}]))
    assert [one.kind for one in load(write(folder)).settings.sources] == ["huggingface"]
    monkeypatch.setenv("NEWSLETTER_SOURCES", json.dumps([{"kind": "huggingface", "name": "hf", "pace": "fast"}]))
    assert faults(folder) == ["environment: NEWSLETTER_SOURCES__PACE: must be a number, not “fast”"]


@pytest.mark.parametrize("value", ["3", '"hf"', '{"kind": "huggingface"}', "[3]", "[[]]"])
def test_what_is_no_list_of_tables_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("NEWSLETTER_SOURCES", value)
    assert len(faults(folder)) == 1


def test_a_token_is_never_printed(folder: Path) -> None:
    write(folder, f'{HF}token = "hush-hush"')
    assert "hush-hush" not in repr(load(folder))
    assert "hush" not in faults(folder, f'{HF}token = ["hush-hush"]')[0]
    assert "hush" not in faults(folder, f'{HF}token = "hush-hush"\npace = -1')[0]


def test_a_token_may_lie_in_a_file_beside_the_settings(folder: Path) -> None:
    (folder / "secrets").mkdir()
    (folder / "hf-token").write_text("hush-hush\n")
    [one] = load(write(folder, f'{HF}token_file = "hf-token"')).settings.sources
    assert isinstance(one, NetworkOptions)
    assert one.secret() == "hush-hush"
    (folder / "hf-token").write_text("two\nlines")
    with pytest.raises(ValueError, match="holds no token"):
        one.secret()
    (folder / "hf-token").unlink()
    with pytest.raises(ValueError, match="cannot be read"):
        one.secret()


def test_every_kind_can_be_imported() -> None:
    for name in registry.KINDS:
        assert registry.kind(name).Options.model_fields["kind"].description


def test_a_kind_of_another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distribution = tmp_path / "strange-1.0.dist-info"
    distribution.mkdir()
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: strange\nVersion: 1.0\n")
    (distribution / "entry_points.txt").write_text(
        "[newsletter.sources]\nmissing = nowhere_at_all:Source\nnumber = math:pi\nlisting = math:pi\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match=r"“missing” \(nowhere_at_all:Source\) cannot be imported"):
        registry.kind("missing")
    with pytest.raises(ValueError, match="is no source: it has no Options or no build"):
        registry.kind("number")
    # What comes with the newsletter cannot be replaced by accident.
    assert registry.kind("listing").__name__ == "ListingSource"  # type: ignore[attr-defined]  # a class has a name
