"""A written file is whole or not there, whatever happens on the way."""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from analyzer.errors import ExportError
from analyzer.export.files import write_atomic


@pytest.mark.parametrize(
    ("data", "written"),
    [(b"\x00\xff", b"\x00\xff"), ("ü\n", b"\xc3\xbc\n"), (["a", "ü"], b"a\xc3\xbc"), ("", b""), ("\ud800", b"\\ud800")],
)
def test_writes_bytes_text_and_pieces(tmp_path: Path, data: bytes | str | list[str], written: bytes) -> None:
    target = tmp_path / "new" / "folder" / "file"
    assert write_atomic(target, data) == target
    assert target.read_bytes() == written
    assert [path.name for path in target.parent.iterdir()] == ["file"]


def test_replaces_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("a long old content")
    write_atomic(target, "new")
    assert target.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, MemoryError, SystemExit])
def test_an_interruption_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "file"
    target.write_text("old")

    def pieces() -> Iterator[str]:
        yield "x" * 100_000
        raise error

    with pytest.raises(error):
        write_atomic(target, pieces())
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomic(tmp_path / "file", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_a_full_disk_is_an_export_error(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(ExportError, match="cannot be written: File too large"):
            write_atomic(tmp_path / "file", b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_an_export_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ExportError, match="this is a folder"):
        write_atomic(tmp_path, "x")
    for target in (tmp_path / "file" / "below", tmp_path / ("x" * 300), tmp_path / "loop"):
        with pytest.raises(ExportError, match="cannot be written"):
            write_atomic(target, "x")
    with pytest.raises(ExportError, match="No space left"):
        write_atomic("/dev/full", "x")


def test_a_device_stays_a_device() -> None:
    write_atomic("/dev/null", "x")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there" / "file")
    write_atomic(tmp_path / "link", "x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "file").read_text() == "x"


def test_an_error_shows_a_hostile_name_safely(tmp_path: Path) -> None:
    with pytest.raises(ExportError) as caught:
        write_atomic(tmp_path / "a\x1b[2J" / ("x" * 300), "x")
    assert "\x1b" not in str(caught.value)
    assert "⟨U+001B⟩" in str(caught.value)
