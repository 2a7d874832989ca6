"""The house keeps its promises: sizes, words, documentation, shipped files."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from places import PROJECT

from newsletter.settings import Settings

PACKAGE = PROJECT / "newsletter"
CODE = sorted(path for path in PACKAGE.rglob("*.py") if "_shipped" not in path.parts)
DOCS = "\n".join(path.read_text(encoding="utf-8") for path in [PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")])
TEXTS = [
    path
    for pattern in ("*.py", "*.toml", "*.md", "*.txt", "*.j2", "*.cfg")
    for path in PROJECT.rglob(pattern)
    if not {".venv", ".git", "var", "node_modules"} & set(path.relative_to(PROJECT).parts)
]


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(PROJECT)))
def test_a_module_is_at_most_400_lines_and_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    assert not text.strip() or text.startswith('"""')


def test_words_we_do_not_use_name_nothing() -> None:
    # Two names are what SQLAlchemy calls a type's way to the driver and back.
    library = r"(?!(?:bind|result)_processor\b)"
    banned = re.compile(rf"\b(?:def|class) {library}\w*(?:manager|helper|utils|handler|processor|campaign)\w*", re.I)
    found = [(path.name, match.group()) for path in CODE for match in banned.finditer(path.read_text(encoding="utf-8"))]
    assert found == []
    assert not [path for path in CODE if re.search(r"manager|helper|utils|handler|processor", path.name)]


def _setting_names() -> list[str]:
    names = []
    for name, field in Settings.model_fields.items():
        inner = getattr(field.annotation, "model_fields", None)
        names += [f"{name}.{one}" for one in inner] if inner else [name]
    return names


def test_every_command_is_documented() -> None:
    commands = "run preview lint schedule serve worker collect papers topics channels status init".split()
    commands += ["subscribers list", "subscribers import", "subscribers export", "subscribers leave"]
    commands += ["config show", "config check", "deliveries", "resend", "reconcile", "bounces", "doctor", "dkim new"]
    commands += ["plan-capacity"]
    commands += ["suppressions list", "suppressions add", "suppressions remove", "templates list", "templates eject"]
    commands += ["db copy", "db migrate", "db check", "db backup", "db restore", "prune", "export", "forget"]
    commands += [
        "rank",
        "explain",
        "replay",
        "suggest",
        "feedback list",
        "feedback add",
        "feedback undo",
        "feedback reset",
    ]
    assert [command for command in commands if f"`newsletter {command}" not in DOCS] == []


def test_the_shipped_settings_file_shows_every_default_as_it_is() -> None:
    """With the examples left out, removing every # from the file must change nothing but the source."""
    text = (PROJECT / "config" / "newsletter.toml").read_text(encoding="utf-8")
    examples = ["state_dir", "secret_keys", "path", "templates", "reply_to", "unsubscribe", "host", "username", "url"]
    examples += ["rsa_key", "ed25519_key"]
    lines = []
    for line in text.splitlines():
        setting = re.fullmatch(r"# (\w+) = (.*)", line)
        shown = (
            setting
            and setting.group(1) not in examples
            and not line.startswith(('# address = "bounces', '# address = "you'))
        )
        lines.append(line[2:] if shown else line)
    values = tomllib.loads("\n".join(lines))
    defaults = Settings().model_dump(mode="json")
    secret = {"password", "operator_token", "webhook_secret", "key"}
    for name, table in values.items():
        if name == "sources":
            continue
        if not isinstance(table, dict):
            assert defaults[name] == table, name
            continue
        for key, value in table.items():
            assert defaults[name][key] == value or (key in secret and value == ""), (name, key)
    commented = set(re.findall(r"^#? ?(\w+) = ", text, re.M))
    assert {name.split(".")[-1] for name in _setting_names()} - commented - {"sources"} == set()


def test_ci_calls_the_readmes_two_commands() -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    script = (PROJECT / ".ci" / "run").read_text(encoding="utf-8")
    commands = [line for line in readme.splitlines() if line.startswith("python3 -m venv")]
    assert len(commands) == 2
    assert all(command in script for command in commands)


def test_nothing_names_a_registry_or_the_path_of_a_machine() -> None:
    hosts = re.compile(
        r"pypi\.org|python[h]osted|npmjs\.(?:org|com)|deb\.debian\.org|(?:^|[ \"'(=])/(?:home|root|work|tmp)/\w", re.M
    )
    found = {str(path): hosts.findall(path.read_text(encoding="utf-8", errors="replace")) for path in TEXTS}
    assert {path: hits for path, hits in found.items() if hits} == {}


def test_pinned_versions_are_names_and_versions_only() -> None:
    lines = (PROJECT / "constraints.txt").read_text().splitlines()
    assert all(re.fullmatch(r"#.*|[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line) for line in lines)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the tree as it stands, with a private file in it that must not get out."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(PROJECT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_carries_templates_configuration_and_seeds(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    shipped = {name for name in names if name.startswith("newsletter/_shipped/")}
    for beside_the_code in (
        "rendering/lint/caniemail.json",
        "languages/de/newsletter.po",
        "vectors/minilm/tokenizer.json",
    ):
        assert f"newsletter/{beside_the_code}" in names
    for folder in ("templates/email", "templates/preview", "seeds", "config"):
        for path in (PROJECT / folder).iterdir():
            if path.suffix in {".toml", ".txt", ".j2"}:
                assert f"newsletter/_shipped/{path.relative_to(PROJECT)}" in shipped
    assert {Path(name).name for name in shipped if "/config/" in name} == {
        "newsletter.toml",
        "topics.toml",
        "subscribers.toml",
    }
    top = {name.split("/")[0] for name in names}
    assert top == {"newsletter", next(name for name in top if name.endswith(".dist-info"))}


def test_the_wheel_runs_elsewhere(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed into a fresh environment that shares only our dependencies, it does the main job in an empty folder."""
    monkeypatch.delenv("PYTHONPATH", raising=False)  # which may lead back to the checkout
    monkeypatch.setenv("NEWSLETTER_RANKING__MODELS", "none")  # those of the extras take their time
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    python = venv / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    [site] = venv.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(str(Path(pytest.__file__).parent.parent) + "\n")
    where = "import newsletter; print(newsletter.__file__)"
    found = subprocess.run([str(python), "-c", where], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert found.stdout.startswith(str(venv))
    done = subprocess.run(
        [str(venv / "bin" / "newsletter"), "run", "--date", "latest"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list((tmp_path / "var" / "outbox" / "new").iterdir())) == 4
