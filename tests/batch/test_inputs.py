"""What a batch takes for captures, and how it names them."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from analyzer.batch import archives
from analyzer.batch.inputs import Search, Source, find
from analyzer.batch.plan import jobs
from analyzer.errors import CaptureError, UsageError
from tests.conftest import SAMPLES

CAPTURE = (SAMPLES / "ping.pcapng").read_bytes()


def names(*asked: object, recursive: bool = False, pattern: str | None = None) -> list[str]:
    return [source.name for source in find(map(str, asked), Search(recursive, pattern)).sources]


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    lab = tmp_path / "lab"
    (lab / "group 1" / "deep").mkdir(parents=True)
    (lab / "a.pcapng").write_bytes(CAPTURE)
    (lab / "without-ending").write_bytes(CAPTURE)
    (lab / "packed").write_bytes(gzip.compress(CAPTURE))
    (lab / "empty.pcap").write_bytes(b"")
    (lab / "README.txt").write_text("how to")
    (lab / "notes.gz").write_bytes(gzip.compress(b"no capture"))
    (lab / ".hidden.pcap").write_bytes(CAPTURE)
    (lab / "group 1" / "b.pcapng").write_bytes(CAPTURE)
    (lab / "group 1" / "deep" / "a.pcapng").write_bytes(CAPTURE)
    return lab


def test_a_folder(lab: Path) -> None:
    assert names(lab) == ["a.pcapng", "empty.pcap", "packed", "without-ending"]
    assert find([str(lab)], Search()).skipped == 2


def test_folders_below(lab: Path) -> None:
    deep = ["group 1/b.pcapng", "group 1/deep/a.pcapng"]
    assert names(lab, recursive=True) == sorted(["a.pcapng", "empty.pcap", "packed", "without-ending", *deep])


def test_a_pattern_takes_exactly_what_fits(lab: Path) -> None:
    assert names(lab, recursive=True, pattern="*.txt") == ["README.txt"]


def test_globs_lists_and_several_roots(lab: Path, tmp_path: Path) -> None:
    assert names(f"{lab}/**/a.pcapng") == ["a.pcapng", "a.pcapng (2)"]
    (tmp_path / "list").write_text(f"# the lab\n{lab}/a.pcapng\n\n{lab}/group 1/b.pcapng\n")
    assert names(f"@{tmp_path}/list") == ["a.pcapng", "b.pcapng"]
    assert names(lab / "group 1", lab / "group 1" / "deep") == ["deep/a.pcapng", "group 1/b.pcapng"]


def test_the_same_file_twice_is_one(lab: Path) -> None:
    (lab / "link.pcapng").symlink_to(lab / "a.pcapng")
    found = find([str(lab / "a.pcapng"), str(lab / "a.pcapng"), str(lab / "link.pcapng")], Search())
    assert [source.name for source in found.sources] == ["a.pcapng"]
    assert found.twice == 2


def test_loops_of_links_end(lab: Path) -> None:
    (lab / "loop").symlink_to(lab)
    (lab / "itself.pcap").symlink_to(lab / "itself.pcap")
    assert len(names(lab, recursive=True)) == 6


@pytest.mark.parametrize(
    "name", ["two\nlines.pcap", "🦈.pcap", "ü" * 120 + ".pcap", "-rf.pcap", " .pcap", "a'b\"c$.pcap"]
)
def test_odd_names(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(CAPTURE)
    found = find([str(tmp_path)], Search()).sources
    assert [source.name for source in found] == [name]
    (job,) = jobs(found)
    assert set(job.stem) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
    assert 0 < len(job.stem) <= 100
    assert job.stem[0] not in ".-"


def test_stems_never_meet() -> None:
    sources = [
        Source(name, name) for name in ("a/b.pcap", "a/b.pcap (2)", "A/B.pcap", "a?b.pcap", "a*b.pcap", "../x.pcap")
    ]
    stems = [job.stem for job in jobs(sources)]
    assert len({stem.casefold() for stem in stems}) == len(stems)
    assert not any(".." in stem.split("/") for stem in stems)


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return path


def test_archives(tmp_path: Path) -> None:
    path = zipped(tmp_path / "class.zip", **{"ann__a.pcap": CAPTURE, "bob__a.pcap": CAPTURE, "readme.txt": b"x"})
    assert names(path) == ["class.zip/ann/a.pcap", "class.zip/bob/a.pcap"]
    with tarfile.open(tmp_path / "class.tar.gz", "w:gz") as tar:
        info = tarfile.TarInfo("eve/b.pcap")
        info.size = len(CAPTURE)
        tar.addfile(info, io.BytesIO(CAPTURE))
        link = tarfile.TarInfo("link.pcap")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    assert names(tmp_path) == ["class.tar.gz/eve/b.pcap", "class.zip/ann/a.pcap", "class.zip/bob/a.pcap"]
    with archives.opened(tmp_path / "class.tar.gz", "tar", "eve/b.pcap") as file:
        assert file.read() == CAPTURE


@pytest.mark.parametrize("name", ["../../evil.pcap", "/etc/evil.pcap", "C:\\evil.pcap", "a/../../evil.pcap"])
def test_names_in_archives_stay_inside(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "slip.zip", "w") as archive:
        archive.writestr(name, CAPTURE)
    found = find([str(tmp_path / "slip.zip")], Search()).sources
    assert ".." not in found[0].name.split("/")
    (job,) = jobs(found)
    assert (tmp_path / "out" / job.stem).resolve().is_relative_to(tmp_path / "out")


def test_broken_archives_are_listed(tmp_path: Path) -> None:
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04" + b"\0" * 100)
    zipped(tmp_path / "none.zip", **{"readme.txt": b"x"})
    found = {source.name: source.error for source in find([str(tmp_path)], Search()).sources}
    assert "cannot be read" in str(found["broken.zip"])
    assert found["none.zip"] == "no capture is in this zip archive"


def test_nothing_to_do(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="no captures there"):
        find([str(tmp_path)], Search())
    with pytest.raises(CaptureError, match="there is no such file or folder"):
        find([str(tmp_path / "nowhere")], Search())
    with pytest.raises(CaptureError, match="no file has a name like this"):
        find([str(tmp_path / "*.pcap")], Search())
    with pytest.raises(CaptureError, match="the list cannot be read"):
        find([f"@{tmp_path}/nowhere"], Search())
    with pytest.raises(UsageError, match="does not read standard input"):
        find(["-"], Search())
    with pytest.raises(CaptureError, match="it cannot be listed"):
        find(["nonsense://bucket/x"], Search())


@pytest.mark.skipif(os.geteuid() == 0, reason="this user (root) may read every folder")
def test_an_unreadable_folder_is_named(lab: Path) -> None:
    (lab / "group 1").chmod(0)
    try:
        found = find([str(lab)], Search(recursive=True))
    finally:
        (lab / "group 1").chmod(0o755)
    assert any("group 1" in note for note in found.notes)
