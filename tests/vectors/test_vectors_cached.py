"""The cache of vectors: bit for bit what the encoder says, whatever happens to the file."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hashed import Hashed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from places import PROJECT

from newsletter.vectors import cached
from newsletter.vectors.cached import Cached

TEXTS = [f"text number {number}" for number in range(40)]
DAY = date(2026, 1, 15)


def _rows(folder: Path) -> int:
    with sqlite3.connect(folder / cached.FILE) as file:
        count = int(file.execute("SELECT count(*) FROM vectors").fetchone()[0])
    file.close()
    return count


def _change(folder: Path, statement: str) -> None:
    file = sqlite3.connect(folder / cached.FILE)
    with file:
        file.execute(statement)
    file.close()


def _run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=_environment(), timeout=60)


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(PROJECT), str(Path(__file__).parent)])}


def test_a_text_is_encoded_once_and_comes_back_bit_for_bit(tmp_path: Path) -> None:
    plain = Hashed().vectors(TEXTS)
    first = Cached(Hashed(), tmp_path / "new" / "folder").vectors(TEXTS)
    second = Hashed()
    again = Cached(second, tmp_path / "new" / "folder")
    answer = again.vectors(list(reversed(TEXTS)))
    assert first.tobytes() == plain.tobytes()
    assert answer[::-1].tobytes() == plain.tobytes()
    assert answer.dtype == np.float32
    assert second.encoded == []
    assert again.trouble == ""


def test_it_stands_for_its_encoder(tmp_path: Path) -> None:
    one = Cached(Hashed("hashed-7"), tmp_path)
    assert (one.part, one.name) == ("hashed", "hashed-7")


def test_only_what_is_new_is_encoded_and_a_repeated_text_once(tmp_path: Path) -> None:
    Cached(Hashed(), tmp_path).vectors(TEXTS[:10])
    encoder = Hashed()
    answer = Cached(encoder, tmp_path).vectors(["new", *TEXTS[:10], "new", "newer"])
    assert encoder.encoded == ["new", "newer"]
    assert answer.tobytes() == Hashed().vectors(["new", *TEXTS[:10], "new", "newer"]).tobytes()


def test_two_models_do_not_see_each_others_vectors(tmp_path: Path) -> None:
    one, two = (Cached(Hashed(name), tmp_path).vectors(TEXTS) for name in ("hashed-1", "hashed-2"))
    assert not np.array_equal(one, two)
    assert np.array_equal(two, Hashed("hashed-2").vectors(TEXTS))


def test_texts_of_every_kind_are_keys(tmp_path: Path) -> None:
    texts = ["", " ", "\0", "a\0b", "研究", "\ud800", "'; DROP TABLE vectors; --", "x" * 100_000, "e\u0301", "\u00e9"]
    for _ in range(2):
        one = Cached(Hashed(), tmp_path)
        assert np.array_equal(one.vectors(texts), Hashed().vectors(texts))
        assert one.trouble == ""
    assert _rows(tmp_path) == len(texts)


def test_no_texts_give_no_rows_of_the_encoders_width(tmp_path: Path) -> None:
    assert Cached(Hashed(), tmp_path).vectors([]).shape == (0, Hashed.dimensions)


def test_many_texts_go_through_in_blocks_and_each_block_is_kept(tmp_path: Path) -> None:
    """When the model fails on the way, what it had done by then is not lost."""

    class Failing(Hashed):
        def vectors(self, texts: list[str]) -> np.ndarray:  # type: ignore[override]  # the test hands lists only
            if "text 300" in texts:
                raise MemoryError
            return super().vectors(texts)

    texts = [f"text {number}" for number in range(cached.BLOCK * 2 + 5)]
    with pytest.raises(MemoryError):
        Cached(Failing(), tmp_path).vectors(texts)
    assert _rows(tmp_path) == cached.BLOCK
    encoder = Hashed()
    assert np.array_equal(Cached(encoder, tmp_path).vectors(texts), Hashed().vectors(texts))
    assert len(encoder.encoded) == cached.BLOCK + 5


# Days


def test_a_vector_that_was_not_used_for_180_days_is_dropped_and_a_used_one_stays(tmp_path: Path) -> None:
    today = DAY
    one = Cached(Hashed(), tmp_path, lambda: today)
    one.vectors(["used", "forgotten"])
    today = DAY + timedelta(days=100)
    one.vectors(["used"])
    today = DAY + timedelta(days=181)
    one.vectors(["new"])
    encoder = Hashed()
    Cached(encoder, tmp_path, lambda: today).vectors(["used", "new", "forgotten"])
    assert encoder.encoded == ["forgotten"]


def test_a_vector_lives_through_its_180th_day(tmp_path: Path) -> None:
    Cached(Hashed(), tmp_path, lambda: DAY).vectors(["old"])
    Cached(Hashed(), tmp_path, lambda: DAY + timedelta(days=cached.KEPT_DAYS)).vectors(["new"])
    assert _rows(tmp_path) == 2
    Cached(Hashed(), tmp_path, lambda: DAY + timedelta(days=cached.KEPT_DAYS + 1)).vectors(["newer"])
    assert _rows(tmp_path) == 2


def test_a_use_is_noted_once_a_week(tmp_path: Path) -> None:
    def used(after: int) -> int:
        Cached(Hashed(), tmp_path, lambda: DAY + timedelta(days=after)).vectors(["text"])
        file = sqlite3.connect(tmp_path / cached.FILE)
        day = int(file.execute("SELECT used FROM vectors").fetchone()[0])
        file.close()
        return day - DAY.toordinal()

    assert [used(after) for after in (0, 6, 7, 8, 14)] == [0, 0, 7, 7, 14]


# Trouble


@pytest.mark.parametrize(
    "content",
    [b"not a database at all", b"SQLite format 3\0" + b"\xff" * 5000, os.urandom(100_000)],
    ids=["text", "header only", "noise"],
)
def test_a_damaged_file_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / cached.FILE).write_bytes(content)
    (tmp_path / f"{cached.FILE}-journal").write_bytes(b"stale")
    one = Cached(Hashed(), tmp_path)
    assert np.array_equal(one.vectors(TEXTS), Hashed().vectors(TEXTS))
    assert "was damaged" in one.trouble
    assert str(tmp_path / cached.FILE) in one.trouble
    after = Cached(Hashed(), tmp_path)
    after.vectors(TEXTS)
    assert (_rows(tmp_path), after.trouble) == (len(TEXTS), "")


def test_a_file_cut_in_half_is_begun_anew(tmp_path: Path) -> None:
    many = [f"text {number}" for number in range(400)]
    Cached(Hashed(), tmp_path).vectors(many)
    file = tmp_path / cached.FILE
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    for _ in range(2):
        assert np.array_equal(Cached(Hashed(), tmp_path).vectors(many), Hashed().vectors(many))
    assert _rows(tmp_path) == 400


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=st.lists(st.tuples(st.floats(0, 0.9999), st.binary(min_size=1, max_size=600)), min_size=1, max_size=6))
def test_whatever_bytes_a_bad_disk_changes_the_vectors_are_right(
    tmp_path: Path, damage: list[tuple[float, bytes]]
) -> None:
    file = tmp_path / cached.FILE
    file.unlink(missing_ok=True)
    Cached(Hashed(), tmp_path, lambda: DAY).vectors(TEXTS)
    content = bytearray(file.read_bytes())
    for where, change in damage:
        start = int(where * len(content))
        content[start : start + len(change)] = change[: len(content) - start]
    file.write_bytes(content)
    expected = Hashed().vectors([*TEXTS, "new"])
    for day in (DAY, DAY + timedelta(days=30)):
        assert np.array_equal(Cached(Hashed(), tmp_path, lambda day=day: day).vectors([*TEXTS, "new"]), expected)


@pytest.mark.parametrize("value", ["NULL", "7", "'text'", "zeroblob(68)", "zeroblob(3)"])
def test_a_row_that_holds_something_else_counts_as_missing(tmp_path: Path, value: str) -> None:
    Cached(Hashed(), tmp_path).vectors(["text"])
    _change(tmp_path, "DROP TABLE vectors")
    _change(tmp_path, "CREATE TABLE vectors (key PRIMARY KEY, used, vector)")
    key = Cached(Hashed(), tmp_path)._key("text").hex()
    _change(tmp_path, f"INSERT INTO vectors VALUES (x'{key}', NULL, {value})")
    one = Cached(Hashed(), tmp_path)
    assert np.array_equal(one.vectors(["text"]), Hashed().vectors(["text"]))
    encoder = Hashed()
    Cached(encoder, tmp_path).vectors(["text"])
    assert encoder.encoded == []


def test_a_file_with_another_layout_is_left_alone_and_named(tmp_path: Path) -> None:
    file = sqlite3.connect(tmp_path / cached.FILE)
    file.execute("CREATE TABLE vectors (something TEXT)")
    file.close()
    one = Cached(Hashed(), tmp_path)
    assert np.array_equal(one.vectors(TEXTS), Hashed().vectors(TEXTS))
    assert "no such column: used" in one.trouble
    assert "or remove it" in one.trouble


def test_a_folder_in_the_files_place_or_a_file_in_the_folders_place_is_said(tmp_path: Path) -> None:
    (tmp_path / cached.FILE).mkdir()
    (tmp_path / "file").write_text("")
    for folder in (tmp_path, tmp_path / "file", tmp_path / "file" / "below"):
        one = Cached(Hashed(), folder)
        assert np.array_equal(one.vectors(TEXTS), Hashed().vectors(TEXTS))
        assert "cannot be used" in one.trouble
        assert "\n" not in one.trouble


def test_a_locked_file_is_waited_for_once_and_then_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cached, "PATIENCE", 0.2)
    texts = [f"text {number}" for number in range(3 * cached.BLOCK)]
    Cached(Hashed(), tmp_path).vectors(["text"])
    holder = sqlite3.connect(tmp_path / cached.FILE, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    one = Cached(Hashed(), tmp_path)
    assert np.array_equal(one.vectors(texts), Hashed().vectors(texts))
    assert "locked" in one.trouble
    holder.execute("ROLLBACK")
    holder.close()
    one.vectors(texts)
    assert _rows(tmp_path) == len(texts) + 1


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


NOBODY = """
import os, sys
from datetime import date
from pathlib import Path
import numpy as np
from hashed import Hashed
from newsletter.vectors.cached import Cached
texts = [f"text number {number}" for number in range(20)]
expected = Hashed().vectors(texts)
if os.geteuid() == 0:
    os.seteuid(65534)
encoder = Hashed()
one = Cached(encoder, Path(sys.argv[1]), lambda: date(2030, 1, 1))
assert np.array_equal(one.vectors(texts), expected)
print(len(encoder.encoded), one.trouble, sep="|")
"""


def test_a_read_only_folder_still_serves_what_it_holds(open_folder: Path) -> None:
    Cached(Hashed(), open_folder, lambda: DAY).vectors(TEXTS[:15])
    (open_folder / cached.FILE).chmod(0o444)
    open_folder.chmod(0o555)
    done = _run(NOBODY, str(open_folder))
    assert done.stderr == ""
    encoded, trouble = done.stdout.split("|")
    assert encoded == "5"
    assert "readonly" in trouble
    assert "see that this user may write there" in trouble


def test_a_read_only_folder_without_a_file_is_said(open_folder: Path) -> None:
    open_folder.chmod(0o555)
    for folder in (open_folder, open_folder / "below"):
        done = _run(NOBODY, str(folder))
        assert done.stderr == ""
        encoded, trouble = done.stdout.split("|")
        assert encoded == "20"
        assert "cannot be used" in trouble


FULL = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from hashed import Hashed
from newsletter.vectors.cached import Cached
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
one = Cached(Hashed(), Path(sys.argv[1]))
texts = [f"text {number}" for number in range(2000)]
for _ in range(2):
    assert np.array_equal(one.vectors(texts), Hashed().vectors(texts))
print(one.trouble)
"""


def test_a_file_that_may_grow_no_more_is_said(tmp_path: Path) -> None:
    done = _run(FULL, str(tmp_path))
    assert done.stderr == ""
    assert "cannot be used" in done.stdout
    texts = [f"text {number}" for number in range(2000)]
    one = Cached(Hashed(), tmp_path)
    assert np.array_equal(one.vectors(texts), Hashed().vectors(texts))
    assert (one.trouble, _rows(tmp_path)) == ("", 2000)


CROWD = """
import sys
from pathlib import Path
import numpy as np
from hashed import Hashed
from newsletter.vectors.cached import Cached
start = int(sys.argv[2])
one = Cached(Hashed(), Path(sys.argv[1]))
sys.stdin.readline()
for _ in range(5):
    for first in range(start, start + 600, 40):
        texts = [f"text {number}" for number in range(first, first + 60)]
        assert np.array_equal(one.vectors(texts), Hashed().vectors(texts))
print(one.trouble)
"""


def test_several_processes_share_a_file(tmp_path: Path) -> None:
    crowd = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", CROWD, str(tmp_path), str(start)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=_environment(),
        )
        for start in (0, 300, 600)
    ]
    for one in crowd:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    assert [one.communicate(timeout=90) for one in crowd] == [("\n", "")] * 3
    assert _rows(tmp_path) == 1220
    assert sorted(path.name for path in tmp_path.iterdir()) == [cached.FILE]
