"""What a batch takes for captures, and how it names them."""

from __future__ import annotations

import bz2
import contextlib
import errno
import glob
import gzip
import io
import lzma
import os
import subprocess
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fsspec
import pytest

from analyzer.batch import archives, fetch, sources, task
from analyzer.batch.fetch import at_hand, sweep
from analyzer.batch.inputs import find
from analyzer.batch.patterns import fitting
from analyzer.batch.plan import Settings, jobs, keep_captures
from analyzer.batch.sources import Search, Source
from analyzer.errors import CaptureError, LimitExceededError, UsageError
from analyzer.text import is_file_name
from tests.conftest import SAMPLES

CAPTURE = (SAMPLES / "ping.pcapng").read_bytes()
RUN = f"test-{os.getpid()}"
"""Names the copies of this process alone: a machine may run the tests twice at a time."""


def names(*asked: object, recursive: bool = False, pattern: str | None = None) -> list[str]:
    return [source.name for source in find(map(str, asked), Search(recursive, pattern)).sources]


@pytest.fixture(autouse=True)
def _copies_go() -> Iterator[None]:
    yield
    sweep(RUN)


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
    assert find([str(lab)], Search()).skipped == ["README.txt", "notes.gz"]


def test_folders_below(lab: Path) -> None:
    deep = ["group 1/b.pcapng", "group 1/deep/a.pcapng"]
    assert names(lab, recursive=True) == sorted(["a.pcapng", "empty.pcap", "packed", "without-ending", *deep])


def test_a_pattern_takes_exactly_what_fits(lab: Path) -> None:
    assert names(lab, recursive=True, pattern="*.txt") == ["README.txt"]


def test_names_are_paths_below_what_holds_all(lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert names(f"{lab}/**/a.pcapng") == ["a.pcapng", "group 1/deep/a.pcapng"]
    assert names(lab / "a.pcapng", lab / "group 1" / "deep" / "a.pcapng") == ["a.pcapng", "group 1/deep/a.pcapng"]
    assert names(lab / "group 1" / "b.pcapng") == ["b.pcapng"]
    assert names(lab / "group 1", lab / "group 1" / "deep") == ["group 1/b.pcapng", "group 1/deep/a.pcapng"]
    assert names(lab / "group 1", lab / "a.pcapng") == ["a.pcapng", "group 1/b.pcapng"]
    monkeypatch.chdir(lab)
    assert names("./a.pcapng", "./empty.pcap") == ["a.pcapng", "empty.pcap"]
    assert names(".", "../lab/group 1") == [
        *(f"lab/{name}" for name in ("a.pcapng", "empty.pcap", "group 1/b.pcapng", "packed", "without-ending"))
    ]


def test_locations_are_absolute(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers elsewhere do not share our folder."""
    monkeypatch.chdir(lab)
    zipped(lab / "class.zip", **{"ann__a.pcap": CAPTURE})
    for asked in (["a.pcapng"], ["."], ["class.zip"], ["group 1", "a.pcapng"]):
        assert all(Path(source.location).is_absolute() for source in find(asked, Search()).sources)


def test_lists(lab: Path, tmp_path: Path) -> None:
    lines = f"# the lab\r\n{lab}/a.pcapng\r\n\r\n  {lab}/group 1/b.pcapng\r\n{lab}/lost.pcap\r\n"
    (tmp_path / "list").write_bytes(b"\xef\xbb\xbf" + lines.encode())
    found = {source.name: source.error for source in find([f"@{tmp_path}/list"], Search()).sources}
    assert found == {"a.pcapng": None, "group 1/b.pcapng": None, "lost.pcap": "there is no such file or folder"}


@pytest.mark.parametrize("name", ["a\u2028b.pcap", "a\x85b.pcap", "a\x0bb\x0c.pcap", "a\x1eb.pcap", "a\rb.pcap"])
def test_only_line_feeds_end_the_lines_of_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    for one in (name, "c.pcap"):
        Path(one).write_bytes(CAPTURE)
    Path("list").write_bytes(f"{name}\r\nc.pcap\n".encode())
    assert names("@list") == sorted([name, "c.pcap"])


def test_names_with_blanks_around_them_in_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for one in (" a.pcap", "b.pcap ", "b.pcap", "c.pcap", "@d.pcap "):
        Path(one).write_bytes(CAPTURE)
    Path("list").write_bytes(b" a.pcap\nb.pcap \r\n  c.pcap\t\n@d.pcap \n   \n # no name\n")
    assert names("@list") == [" a.pcap", "@d.pcap ", "b.pcap ", "c.pcap"]


def test_lists_of_other_shells(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(lab)
    (lab / "@odd.pcap").write_bytes(CAPTURE)
    (lab / "list").write_text("a.pcapng\n@odd.pcap\n", "utf-16")
    assert names("@list") == ["@odd.pcap", "a.pcapng"]


def test_what_is_not_there_takes_no_other_along(lab: Path) -> None:
    found = {source.name: source.error for source in find([f"{lab}/a.pcapng", f"{lab}/lost"], Search()).sources}
    assert found == {"a.pcapng": None, "lost": "there is no such file or folder"}
    with pytest.raises(CaptureError, match=r"lost, .*gone: there is no such file or folder"):
        find([f"{lab}/lost", f"{lab}/gone"], Search())


def test_globs_and_lists_of_nothing_take_no_other_along(lab: Path) -> None:
    """A shell hands on a pattern that fits nothing as it is."""
    found = {source.name: source.error for source in find([f"{lab}/a.pcapng", f"{lab}/*.dmp"], Search()).sources}
    assert found == {"*.dmp": "no file has a name like this", "a.pcapng": None}
    assert names(f"{lab}/a.pcapng", f"@{lab}/gone") == ["a.pcapng", "gone"]
    with pytest.raises(CaptureError, match=r"no list of paths; a capture whose name begins with @ is \./@"):
        find([f"@{lab}/a.pcapng"], Search())


def test_hidden_folders_and_the_results_are_left(lab: Path) -> None:
    for folder in (".git", "reports"):
        (lab / folder).mkdir()
        (lab / folder / "x.pcap").write_bytes(CAPTURE)
    found = find([str(lab)], Search(recursive=True, leave=str(lab / "reports")))
    assert not any("x.pcap" in source.name for source in found.sources)
    assert names(lab / "reports", recursive=True) == ["x.pcap"]


def test_a_pipe_is_listed_and_not_waited_for(lab: Path) -> None:
    os.mkfifo(lab / "pipe.pcap")
    (source,) = find([str(lab / "pipe.pcap")], Search()).sources
    assert source.error == "it is a device, socket or pipe, not a file"
    assert "pipe.pcap" not in names(lab)


def test_the_same_file_twice_is_one(lab: Path) -> None:
    (lab / "link.pcapng").symlink_to(lab / "a.pcapng")
    found = find([str(lab / "a.pcapng"), str(lab / "a.pcapng"), str(lab / "link.pcapng")], Search())
    assert [source.name for source in found.sources] == ["a.pcapng"]
    assert found.twice == 2


def test_the_same_failure_twice_is_one(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (lab / "broken.zip").write_bytes(b"PK\x03\x04" + b"\0" * 100)
    (lab / "link.zip").symlink_to("broken.zip")
    with zipfile.ZipFile(lab / "twice.zip", "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for content in (b"the first", b"the second", CAPTURE):
            archive.writestr("a.pcap", content)
    monkeypatch.chdir(lab)
    asked = ["broken.zip", ".", "./broken.zip", "twice.zip", "lost", "./lost", f"{lab}/lost", "*.dmp", "./*.dmp"]
    found = find(asked, Search())
    failed = [source.name.removeprefix("lab/") for source in found.sources if source.error]
    assert failed == ["*.dmp", "broken.zip", "lost", "twice.zip/a.pcap", "twice.zip/a.pcap (2)"]
    with pytest.raises(CaptureError, match=r"^lost: there is no such"):
        find(["lost", "./lost"], Search())


def test_a_folder_above_a_link_is_that_of_its_target(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``link/../b.pcapng`` is beside what the link leads to, for the system and so for us."""
    (lab / "link").symlink_to(lab / "group 1" / "deep")
    (lab / "b.pcapng").write_bytes(b"another")
    (lab / "group 1" / "deep" / "here").symlink_to(".")
    monkeypatch.chdir(lab)
    for asked in ("link/../b.pcapng", f"{lab}/link/../b.pcapng", "link/here/../b.pcapng", "link/../../link/../b*"):
        (source,) = find([asked], Search()).sources
        assert source.name == "b.pcapng"
        assert Path(source.location).read_bytes() == CAPTURE
    assert names("link/..") == ["b.pcapng"]
    assert names("group 1/../a.pcapng", "link/../b.pcapng") == ["a.pcapng", "group 1/b.pcapng"]
    with pytest.raises(CaptureError, match="there is no such file or folder"):
        find(["nowhere/../a.pcapng"], Search())


def test_loops_of_links_end(lab: Path) -> None:
    (lab / "loop").symlink_to(lab)
    (lab / "itself.pcap").symlink_to(lab / "itself.pcap")
    assert len(names(lab, recursive=True)) == 6


def test_deep_globs_do_not_follow_links(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two links to the folder itself are a tree of paths without end."""
    monkeypatch.chdir(lab)
    for link in ("one", "two", "group 1/up"):
        (lab / link).symlink_to(lab)
    both = ["a.pcapng", "group 1/deep/a.pcapng"]
    for pattern in ("**/a.pcapng", "./**/a.pcapng", f"{lab}/**/a.pcapng", f"{lab}/**/**//a.p[c]apng"):
        found = find([pattern], Search())
        assert [source.name for source in found.sources] == both
        assert found.twice == 0
    assert names("**/group*/**/*.pcapng") == ["b.pcapng", "deep/a.pcapng"]
    assert names("one/**/deep/*") == ["a.pcapng"]
    assert names("**/.hidden.pcap") == [".hidden.pcap"]


def test_deep_globs_mean_what_they_mean_to_python(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (lab / "odd [1]*").mkdir()
    (lab / "odd [1]*" / "c.pcap").write_bytes(CAPTURE)
    (lab / ".git").mkdir()
    (lab / ".git" / "d.pcap").write_bytes(CAPTURE)
    monkeypatch.chdir(lab)
    for pattern in (
        *("**", "**/", "**/*", "*/**", "**/deep/**", "**/*.pcap*", "group 1/**/*", "gr*/**/a*", "**/deep/../b.pcapng"),
        *("**/**/*.pcap", "a**g", "**/a**", "**a/*", "[o]dd*/**/c.pcap", "odd [[]1]*/**", ".git/**", "nowhere/**/x"),
        *("**/.*", "./**", f"{lab}/**/*", f"{lab}/*/**/", "../lab/**/b*"),
    ):
        expected = {os.path.normpath(name) for name in glob.glob(pattern, recursive=True)}  # noqa: PTH207 - what ours is compared with
        found = fitting(pattern)
        assert {os.path.normpath(name) for name in found} - {"."} == expected - {"."}, pattern
        assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    "name", ["two\nlines.pcap", "🦈.pcap", "ü" * 120 + ".pcap", "-rf.pcap", " .pcap", "a'b\"c$.pcap"]
)
def test_odd_names(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(CAPTURE)
    found = find([str(tmp_path)], Search()).sources
    assert [source.name for source in found] == [name]
    (job,) = jobs(found)
    assert is_file_name(job.stem)
    assert len(job.stem.encode()) <= 180


def test_names_of_any_script_stay() -> None:
    """What is added beside a capture does not change the names of its results."""
    names = ["实验一/抓包.pcapng", "Zoe\u0308.pcap", "प्रयोग.pcap"]
    assert [job.stem for job in jobs([Source(name, name) for name in names])] == [
        "实验一/抓包.pcapng",
        "Zo\u00eb.pcap",
        "प्रयोग.pcap",
    ]


def test_where_names_meet_each_keeps_its_own_whoever_comes_later() -> None:
    """What is behind a name is made of the capture's own name alone (SHA-256); nobody else's report changes places."""

    def stems(*names: str) -> dict[str, str]:
        return {job.source.name: job.stem for job in jobs([Source(name, name) for name in sorted(names)])}

    assert stems("Zoë 🦊.pcap") == {"Zoë 🦊.pcap": "Zoë_.pcap"}
    two = {"Zoë 🐱.pcap": "Zoë_.pcap-4cfda6", "Zoë 🦊.pcap": "Zoë_.pcap-8b3e06"}
    assert stems(*two) == two
    three = {**two, "Zoë 🐬.pcap": "Zoë_.pcap-5653e8", "Zoë_.pcap": "Zoë_.pcap"}
    assert stems(*three) == three
    assert stems(*three, "ZOË_.pcap", "Zoë_.pcap-8b3e06")["Zoë 🐬.pcap"] == "Zoë_.pcap-5653e8"
    taken = stems(*three, "Zoë_.pcap-5653e8")
    assert taken == {**three, "Zoë_.pcap-5653e8": "Zoë_.pcap-5653e8", "Zoë 🐬.pcap": "Zoë_.pcap-5653e8-2"}


def test_folders_that_are_named_like_results() -> None:
    names = ["a.pcap", "a.pcap.json/b.pcap", "a.pcap.json-folder/b.pcap", "parquet/c.pcap", "index.pcap"]
    stems = [job.stem for job in jobs([Source(name, name) for name in names])]
    twice = ["a.pcap", "a.pcap.json/b.pcap", "a.pcap.json/b.pcap.json/c.pcap"]
    assert [job.stem for job in jobs([Source(name, name) for name in twice])][1:] == [
        "a.pcap.json-folder/b.pcap",
        "a.pcap.json-folder/b.pcap.json-folder/c.pcap",
    ]
    assert stems == [
        "a.pcap",
        "a.pcap.json-folder/b.pcap-e35975",
        "a.pcap.json-folder/b.pcap",
        "parquet-folder/c.pcap",
        "index.pcap",
    ]


@pytest.mark.parametrize("member", ["/".join(["d"] * 5_000) + "/a.pcap", "x" * 5_000 + ".pcap", "ü/" * 65 + "a.pcap"])
def test_paths_beyond_all_measure_are_listed_under_a_short_name(tmp_path: Path, member: str) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name in (member, member.replace(".pcap", "2.pcap"), "b.pcap"):
            info = tarfile.TarInfo(name)
            info.size = len(CAPTURE)
            tar.addfile(info, io.BytesIO(CAPTURE))
    found = find([str(tmp_path)], Search()).sources
    assert sorted(str(source.error) for source in found) == ["None", *["its path is too long"] * 2]
    assert len({source.name for source in found}) == 3
    for source in found:
        assert source.name.startswith("a.tar/")
        assert len(source.name.encode()) < 500
        assert len(source.name.split("/")) < 8


def test_folders_named_like_results_at_any_depth() -> None:
    deep = "/".join(["a.json"] * 500)
    stems = [job.stem for job in jobs([Source(name, name) for name in ("a", f"{deep}/b", f"{deep}/c")])]
    assert stems == ["a", *(f"a.json-folder/{deep.removeprefix('a.json/')}/{name}" for name in "bc")]


def test_files_by_their_url_are_files(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(lab)
    (lab / "list").write_text(f"file://{lab}/a.pcapng\n")
    for asked in (f"file://{lab}/a.pcapng", f"local://{lab}/a.pcapng", f"file://localhost{lab}/a.pcapng", "@list"):
        (source,) = find([asked, "a.pcapng"], Search()).sources
        assert (source.name, source.location) == ("a.pcapng", str(lab / "a.pcapng"))
    assert names(f"file://{lab}/**/a.pcapng") == ["a.pcapng", "group 1/deep/a.pcapng"]
    assert names(f"file://{lab}") == names(lab)
    assert names(f"FILE://{lab}") == names(lab)


def test_no_result_replaces_a_capture_at_a_url() -> None:
    """Captures and results may lie in one bucket; ``x`` there gives ``x.json``, which may be a capture's name."""
    memory = fsspec.filesystem("memory")
    try:
        for name in ("/inp/x", "/inp/x.json", "/inp/below/y.pcap"):
            memory.pipe(name, CAPTURE)
        found = find(["memory://inp/x", "memory://inp/x.json", "memory://inp/below/y.pcap"], Search()).sources
        planned = jobs(found)
        for output in ("memory://inp", "memory://inp/", "memory:///inp", "memory://inp/below/.."):
            with pytest.raises(UsageError, match=r"x\.json: the results would replace this capture"):
                keep_captures(planned, Settings(output, ("json",)))
        keep_captures(planned, Settings("memory://inp", ("html",)))
        keep_captures(planned, Settings("memory://other", ("json",)))
        keep_captures(planned, Settings("nonsense://inp", ("json",)))
    finally:
        memory.rm("/inp", recursive=True)


def test_partitions_are_short_and_no_numbers() -> None:
    deep = "/".join(["x" * 95, "y" * 95, "z" * 80 + ".pcap"])
    sources = [
        Source(name, name) for name in ("001", "1", "2026-11-29", deep, deep.replace("x", "w"), "a/b.pcap", "a~b.pcap")
    ]
    names = [job.partition for job in jobs(sources)]
    assert names[:3] == ["~001", "~1", "~2026-11-29"]
    assert names[-2:] == ["a~b.pcap", "a_b.pcap"]
    assert len(set(names)) == len(names)
    assert max(len(name.encode()) for name in names) < 240


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
    for source in find([str(tmp_path)], Search()).sources:
        with at_hand(source, RUN) as path:
            assert path.read_bytes() == CAPTURE


def test_archives_inside_an_archive(tmp_path: Path) -> None:
    """A class's submissions, each packed by its student; captures count by how they begin, too."""
    inner, inmost = io.BytesIO(), io.BytesIO()
    deepest = zipped(tmp_path / "deepest", **{"deep.pcap": CAPTURE})
    with zipfile.ZipFile(inmost, "w") as archive:
        archive.writestr("deep.pcap", CAPTURE)
        archive.write(deepest, "d.zip")
    with tarfile.open(fileobj=inner, mode="w:gz") as tar:
        for name, content in (("capture", CAPTURE), ("notes", b"no capture"), ("c.zip", inmost.getvalue())):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    path = zipped(tmp_path / "class.zip", **{"ann__work.tgz": inner.getvalue(), "bob__work.pcap": CAPTURE})
    found = find([str(path)], Search())
    assert {source.name: source.error for source in found.sources} == {
        "class.zip/ann/work.tgz/capture": None,
        "class.zip/ann/work.tgz/c.zip/deep.pcap": None,
        "class.zip/ann/work.tgz/c.zip/d.zip": "an archive this deep inside others is not opened",
        "class.zip/bob/work.pcap": None,
    }
    assert len(found.skipped) == 1
    for source in found.sources:
        if source.error is None:
            with at_hand(source, RUN) as copy:
                assert copy.read_bytes() == CAPTURE
            assert not copy.exists()


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_the_headers_of_an_archive_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: Any) -> None:
    with tarfile.open(tmp_path / "class.tar", mode) as tar:
        for n in range(100):
            info = tarfile.TarInfo(f"{n:03d}.pcap")
            info.size = len(CAPTURE) + n
            tar.addfile(info, io.BytesIO(CAPTURE + bytes(n)))
    found = find([str(tmp_path)], Search()).sources
    read: list[int] = []
    whole = tarfile.TarFile.next
    monkeypatch.setattr(tarfile.TarFile, "next", lambda tar: (read.append(1), whole(tar))[1])
    for n, source in enumerate(found):
        with at_hand(source, RUN) as path:
            assert path.read_bytes() == CAPTURE + bytes(n)
        assert 100 <= len(read) <= 102  # and not 100 times as many


def test_an_archive_that_is_written_anew_is_another(tmp_path: Path) -> None:
    for content in (CAPTURE, CAPTURE + b"1", CAPTURE + b"2"):
        zipped(tmp_path / "class.zip", **{"a.pcap": content})
        (source,) = find([str(tmp_path)], Search()).sources
        with at_hand(source, RUN) as path:
            assert path.read_bytes() == content


@pytest.mark.parametrize("name", ["class.zip", "class.tar", "class.tgz"])
def test_threads_of_a_worker_do_not_share_an_opened_archive(tmp_path: Path, name: str) -> None:
    contents = {f"{n}.pcap": CAPTURE + bytes([n]) * 300_000 for n in range(8)}
    if name.endswith("zip"):
        zipped(tmp_path / name, **contents)
    else:
        with tarfile.open(tmp_path / name, "w:gz" if name.endswith("tgz") else "w") as tar:
            for member, content in contents.items():
                info = tarfile.TarInfo(member)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))

    def is_right(source: Source) -> bool:
        with at_hand(source, RUN) as path:
            return path.read_bytes() == contents[source.member[0]]

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(is_right, find([str(tmp_path)], Search()).sources * 6))


def test_archives_inside_an_archive_are_unfolded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:gz") as tar:
        for n in range(5):
            info = tarfile.TarInfo(f"{n}.pcap")
            info.size = len(CAPTURE) + n
            tar.addfile(info, io.BytesIO(CAPTURE + bytes(n)))
    zipped(tmp_path / "class.zip", **{"ann.tgz": inner.getvalue(), "bob.tgz": inner.getvalue()})
    found = find([str(tmp_path)], Search()).sources
    unfolded: list[str] = []
    whole = archives.unfold
    monkeypatch.setattr(archives, "unfold", lambda *args: (unfolded.append(args[2]), whole(*args))[1])
    for n, source in enumerate(found):
        with at_hand(source, RUN) as copy:
            assert copy.read_bytes() == CAPTURE + bytes(n % 5)
    assert unfolded == ["class.zip/ann.tgz/0.pcap", "class.zip/bob.tgz/0.pcap"]


def test_an_archive_is_unfolded_before_the_limits_of_a_capture_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tarfile.open(tmp_path / "class.tgz", "w:gz") as tar:
        tar.add(SAMPLES / "ping.pcapng", "a.pcapng")
    there: list[int] = []

    @contextlib.contextmanager
    def guarded(*_: object) -> Iterator[None]:
        there.extend(path.stat().st_size for path in fetch._place(RUN).glob("*.archive"))
        yield

    monkeypatch.setattr(task, "guarded", guarded)
    (job,) = jobs(find([str(tmp_path / "class.tgz")], Search()).sources)
    assert task.run(job, Settings(str(tmp_path / "out"), ("json",), run=RUN))["status"] == "ok"
    assert len(there) == 1


def test_hard_links_in_an_archive(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "class.tar", "w") as tar:
        tar.add(SAMPLES / "ping.pcapng", "a.pcapng")
        for name, kind, to in (
            ("b.pcapng", tarfile.LNKTYPE, "a.pcapng"),
            ("c.pcapng", tarfile.LNKTYPE, "/etc/passwd"),
            ("d.pcapng", tarfile.SYMTYPE, "a.pcapng"),
        ):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = kind, to
            tar.addfile(link)
    found = find([str(tmp_path)], Search()).sources
    assert [source.name for source in found] == ["class.tar/a.pcapng", "class.tar/b.pcapng"]
    for source in found:
        with at_hand(source, RUN) as copy:
            assert copy.read_bytes() == CAPTURE


def test_a_member_beyond_all_measure_takes_none_before_it_along(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "class.tar.gz", "w:gz") as tar:
        tar.add(SAMPLES / "ping.pcapng", "a.pcapng")
        zeros = tarfile.TarInfo("disk.img")
        zeros.size = 100 << 20
        tar.addfile(zeros, io.BytesIO(bytes(zeros.size)))
    found = find([str(tmp_path)], Search()).sources
    assert [source.name for source in found] == ["class.tar.gz", "class.tar.gz/a.pcapng"]
    assert "unfolds to more than 250 times its size" in str(found[0].error)
    assert "what comes before is listed" in str(found[0].error)
    with at_hand(found[1], RUN) as copy:
        assert copy.read_bytes() == CAPTURE


@pytest.mark.parametrize("name", ["class.tar", "class.zip"])
def test_more_members_than_anybody_hands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Folders count: each costs as much to look at as a capture."""
    monkeypatch.setattr(archives, "MAX_MEMBERS", 10)
    if name.endswith("zip"):
        zipped(tmp_path / name, **{"a.pcap": CAPTURE}, **{f"{n}.txt": b"" for n in range(10)})
    else:
        with tarfile.open(tmp_path / name, "w") as tar:
            tar.add(SAMPLES / "ping.pcapng", "a.pcap")
            for n in range(10):
                folder = tarfile.TarInfo(f"{n}")
                folder.type = tarfile.DIRTYPE
                tar.addfile(folder)
    found = find([str(tmp_path)], Search()).sources
    assert "it has more than 10 members" in str(found[0].error)
    assert [source.name for source in found[1:]] == [f"{name}/a.pcap"] * name.endswith("tar")


def test_archives_in_an_archive_have_one_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_NESTED", 10 * len(CAPTURE))
    inner = zipped(tmp_path / "inner", **{"a.pcap": CAPTURE, "b.bin": os.urandom(len(CAPTURE))}).read_bytes()
    zipped(tmp_path / "class.zip", **{f"{n:02d}.zip": inner for n in range(50)})
    (tmp_path / "inner").unlink()
    found = find([str(tmp_path)], Search()).sources
    assert "what is in it unfolds to more than" in str(found[0].error)
    assert 1 < len(found) < 15
    assert [source.name for source in found[1:3]] == ["class.zip/00.zip/a.pcap", "class.zip/01.zip/a.pcap"]


def test_what_only_begins_like_an_archive(tmp_path: Path) -> None:
    """Nothing that is named like a capture, or that somebody named, is passed over; documents are."""
    document = zipped(tmp_path / "notes.docx", **{"word__document.xml": b"<xml/>"}).read_bytes()
    whole = zipped(tmp_path / "whole", **{"a.pcap": CAPTURE}).read_bytes()
    (tmp_path / "whole").unlink()
    (tmp_path / "renamed.pcap").write_bytes(document)
    (tmp_path / "cut").write_bytes(whole[:-20])
    (tmp_path / "cut.pcapng").write_bytes(whole[:-20])
    (tmp_path / "cut.docx").write_bytes(document[:-20])
    zipped(tmp_path / "class.zip", **{"ann.zip": document, "bob.docx": document, "cat.pcap": document, "d.pcap": whole})
    found = find([str(tmp_path)], Search())
    assert {source.name: bool(source.error) for source in found.sources} == {
        "renamed.pcap": False,  # whoever analyzes it says what it is
        "cut": True,
        "cut.pcapng": True,
        "class.zip/cat.pcap": False,
        "class.zip/d.pcap": False,
    }
    assert sorted(found.skipped) == ["class.zip/ann.zip", "class.zip/bob.docx", "cut.docx", "notes.docx"]
    asked = find([str(tmp_path / name) for name in ("renamed.pcap", "cut", "cut.docx", "notes.docx")], Search())
    assert [source.name for source in asked.sources] == ["cut", "cut.docx", "notes.docx", "renamed.pcap"]


def test_members_without_a_name_and_archives_that_share_one(tmp_path: Path) -> None:
    path = zipped(tmp_path / "noname.zip", **{"a.pcap": CAPTURE, "b.pcap": CAPTURE})
    path.write_bytes(path.read_bytes().replace(b"a.pcap", b"\0.pcap"))  # zipfile cuts names at NUL
    with tarfile.open(tmp_path / "class.tar", "w") as tar:
        for content in (CAPTURE, CAPTURE + b"1"):
            zipped(tmp_path / "s1.zip", **{"a.pcap": content})
            tar.add(tmp_path / "s1.zip", "s1.zip")
            tar.add(tmp_path / "s1.zip", "notes.txt")
    (tmp_path / "s1.zip").unlink()
    found = find([str(tmp_path)], Search())
    assert "noname.zip/b.pcap" in [source.name for source in found.sources]
    assert {source.name: bool(source.error) for source in found.sources if source.name.startswith("class")} == {
        "class.tar/s1.zip": True,
        "class.tar/s1.zip/a.pcap": False,
        "class.tar/notes.txt/a.pcap": False,  # an archive by its bytes
    }
    assert found.skipped == ["class.tar/notes.txt"]  # the first of the two


def test_archives_that_are_not_looked_into_are_listed(tmp_path: Path) -> None:
    for name in ("ann.tar.zst", "bob.zip.gz", "notes.txt.gz"):
        (tmp_path / name).write_bytes(gzip.compress(b"PK\x03\x04"))
    found = find([str(tmp_path)], Search())
    assert [source.name for source in found.sources] == ["ann.tar.zst", "bob.zip.gz"]


def test_a_locked_archive_says_so(tmp_path: Path) -> None:
    path, other = tmp_path / "class.zip", tmp_path / "other.zip"
    for one, members in ((path, {"a.pcap": CAPTURE, "notes.txt": b"secret"}), (other, {"trace.1": CAPTURE})):
        raw = bytearray(zipped(one, **members).read_bytes())
        for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            place = raw.find(magic)
            while place >= 0:
                raw[place + at] |= 1  # APPNOTE.TXT section 4.4.4: encrypted
                place = raw.find(magic, place + 4)
        one.write_bytes(raw)
    (source,) = find([str(other)], Search()).sources
    assert source.error == "what is in this zip archive cannot be read: it is encrypted"
    found = find([str(path)], Search())
    assert [source.name for source in found.sources] == ["class.zip/a.pcap"]
    assert found.skipped == ["class.zip/notes.txt"]
    with pytest.raises(CaptureError, match="it cannot be read from its archive: it is encrypted"):
        at_hand(found.sources[0], RUN).__enter__()


def test_a_damaged_archive_gives_what_comes_first(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "whole.tar", "w") as tar:
        for name in ("a.pcap", "b.pcap", "c.pcap"):
            info = tarfile.TarInfo(name)
            info.size = len(CAPTURE)
            tar.addfile(info, io.BytesIO(CAPTURE))
    whole = (tmp_path / "whole.tar").read_bytes()
    block = 512 + -(-len(CAPTURE) // 512) * 512
    cuts = {
        "header": whole[: block + 100],
        "member": whole[: 2 * block + 700],
        "garbage": whole[: 2 * block] + b"\x01" * 5000,
        "no-end": whole[: 3 * block],
    }
    for name, content in cuts.items():
        (tmp_path / f"{name}.tar").write_bytes(content)
        (tmp_path / f"{name}.tar.gz").write_bytes(gzip.compress(content))
        for ending in (".tar", ".tar.gz"):
            found = find([str(tmp_path / f"{name}{ending}")], Search()).sources
            failed = [source for source in found if source.error]
            assert [source.name for source in failed] == [f"{name}{ending}"]
            assert "what comes before is listed" in str(failed[0].error)
            assert f"{name}{ending}/a.pcap" in [source.name for source in found]
            with at_hand(next(source for source in found if source.name.endswith("/a.pcap")), RUN) as copy:
                assert copy.read_bytes() == CAPTURE
    assert len(names(tmp_path / "whole.tar")) == 3


def test_a_packed_archive_that_breaks_off(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "whole.tar", "w") as tar:
        tar.add(SAMPLES / "ping.pcapng", "a.pcapng")
    raw = (tmp_path / "whole.tar").read_bytes()
    (tmp_path / "sum.tgz").write_bytes(gzip.compress(raw)[:-8] + b"not a sum")
    assert names(tmp_path / "sum.tgz") == ["sum.tgz/a.pcapng"]  # only the sum at the end is wrong
    for ending, pack in ((".tar.gz", gzip.compress), (".tar.xz", lzma.compress), (".tar.bz2", bz2.compress)):
        whole = pack(raw)
        for name, content in {"cut": whole[: len(whole) // 2], "bent": whole[:60] + b"\xff" * 9 + whole[69:]}.items():
            (tmp_path / f"{name}{ending}").write_bytes(content)
            found = find([str(tmp_path / f"{name}{ending}")], Search()).sources
            assert found[-1].error or found[0].error, (name, ending)


def test_a_damaged_member_takes_no_other_along(tmp_path: Path) -> None:
    path = zipped(tmp_path / "class.zip", **{"ann__a.pcap": CAPTURE, "bob__README": b"read me", "cat__c": CAPTURE})
    raw = path.read_bytes()
    assert raw.count(zlib.crc32(b"read me").to_bytes(4, "little")) == 2
    path.write_bytes(raw.replace(zlib.crc32(b"read me").to_bytes(4, "little"), b"\0\0\0\0"))
    found = {source.name: source.error for source in find([str(path)], Search()).sources}
    assert set(found) == {"class.zip/ann/a.pcap", "class.zip/bob/README", "class.zip/cat/c"}
    assert [name for name, error in found.items() if error] == ["class.zip/bob/README"]


def test_members_of_one_name_are_all_listed(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("a.pcap", b"the first")
        archive.writestr("a.pcap", CAPTURE)
    found = find([str(tmp_path / "twice.zip")], Search())
    assert [bool(source.error) for source in found.sources] == [True, False]
    assert found.twice == 0
    with at_hand(found.sources[1], RUN) as copy:
        assert copy.read_bytes() == CAPTURE


def test_names_in_archives_of_all_systems(tmp_path: Path) -> None:
    """Code page 437 as the format says; UTF-8 without its flag (macOS); GBK (Windows in China), rare letters too."""
    said = {
        "Zo\u00eb/caf\u00e9.pcap".encode("cp437"): "Zoë/café.pcap",
        "M\u00fcller/\u00fcbung \u00e4\u00e4.pcap".encode("cp437"): "Müller/übung ää.pcap",
        "Zoë/测试.pcap".encode(): "Zoë/测试.pcap",
        "王小明/第一次作业.pcap".encode("gbk"): "王小明/第一次作业.pcap",
        "王喆/作业.pcap".encode("gbk"): "王喆/作业.pcap",
    }
    path = tmp_path / "class.zip"
    marks = {f"{n}" * len(raw): raw for n, raw in enumerate(said)}
    with zipfile.ZipFile(path, "w") as archive:
        for n, mark in enumerate(marks):
            archive.writestr(mark, CAPTURE + bytes([n]))
    content = path.read_bytes()
    for mark, raw in marks.items():
        content = content.replace(mark.encode(), raw)
    path.write_bytes(content)
    assert names(path) == sorted(f"class.zip/{name}" for name in said.values())
    for source in find([str(path)], Search()).sources:
        with at_hand(source, RUN) as copy:
            assert list(said.values())[copy.read_bytes()[-1]] == source.member[0]


def test_what_cannot_be_read_but_may_be_somebody_s_work_is_listed(tmp_path: Path) -> None:
    for name, begins in {
        "ann.rar": b"Rar!\x1a\x07\x01\x00",
        "bob.7z": b"7z\xbc\xaf\x27\x1c\x00\x04",
        "solaris": b"snoop\0\0\0\0\0\0\2",
        "cat.pcapng.bz2": bz2.compress(CAPTURE),
        "dan": lzma.compress(CAPTURE),
        "log.xz": lzma.compress(b"no capture"),
        "photo.jpg": b"\xff\xd8\xff\xe0",
    }.items():
        (tmp_path / name).write_bytes(begins)
    (tmp_path / "eve").mkdir()
    zipped(tmp_path / "eve.zip", **{"work.rar": b"Rar!\x1a\x07\x01\x00"})
    found = find([str(tmp_path)], Search())
    assert [source.name for source in found.sources] == [
        *("ann.rar", "bob.7z", "cat.pcapng.bz2", "dan", "eve.zip/work.rar", "solaris")
    ]
    assert sorted(found.skipped) == ["log.xz", "photo.jpg"]
    assert found.folders == 1
    assert find([str(tmp_path)], Search(recursive=True)).folders == 0


def test_hidden_members_are_left(tmp_path: Path) -> None:
    """What a Mac puts into archives is for Macs."""
    members = {"ann__a.pcapng": CAPTURE, "__MACOSX/ann/._a.pcapng": b"\0\5\x16\7", ".git__b.pcap": CAPTURE}
    with zipfile.ZipFile(tmp_path / "mac.zip", "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("ann__", "ann/").replace(".git__", ".git/"), content)
    assert names(tmp_path / "mac.zip") == ["mac.zip/ann/a.pcapng"]


@pytest.mark.parametrize("hostile", ["name", "member", "nested"])
def test_archives_that_unfold_without_end_are_refused(tmp_path: Path, hostile: str) -> None:
    """Looking into an archive must not take the machine; the others are found."""
    size, path = 100 << 20, tmp_path / "bomb.tar.bz2"
    if hostile == "nested":
        path = zipped(tmp_path / "bomb.zip", **{"inner.tar": bytes(size)})
    else:
        header = tarfile.TarInfo("a.pcap" if hostile == "member" else "././@LongLink")
        header.type, header.size = (tarfile.REGTYPE if hostile == "member" else tarfile.GNUTYPE_LONGNAME), size
        path.write_bytes(bz2.compress(header.tobuf(tarfile.GNU_FORMAT) + bytes(size)))
    (tmp_path / "b.pcap").write_bytes(CAPTURE)
    found = {source.name: source.error for source in find([str(tmp_path)], Search()).sources}
    assert found.pop("b.pcap") is None
    (error,) = (error for error in found.values() if error)
    assert "times its size" in str(error)


def test_documents_are_no_archives_of_captures(tmp_path: Path) -> None:
    report = zipped(tmp_path / "report.docx", **{"word__document.xml": b"<w/>"})
    zipped(tmp_path / "class.zip", **{"ann__a.pcap": CAPTURE, "ann__report.docx": report.read_bytes()})
    found = find([str(tmp_path)], Search())
    assert [(source.name, source.error) for source in found.sources] == [("class.zip/ann/a.pcap", None)]
    assert len(found.skipped) == 2


def test_a_member_that_is_named_like_a_packer_s_magic(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(SAMPLES / "ping.pcapng", "BZhou.pcapng")
    assert names(tmp_path / "a.tar") == ["a.tar/BZhou.pcapng"]


def test_sparse_members_count_as_what_they_take(tmp_path: Path) -> None:
    with (tmp_path / "holes.pcap").open("wb") as file:
        file.truncate(100 << 20)
    subprocess.run(["tar", "-C", tmp_path, "-Scf", tmp_path / "a.tar", "holes.pcap"], check=True)
    (source,) = find([str(tmp_path / "a.tar")], Search()).sources
    with pytest.raises(LimitExceededError, match="times its size"), at_hand(source, RUN):
        pass


def test_a_capture_is_no_archive_whatever_it_holds(tmp_path: Path) -> None:
    """A packet may hold what archives begin with, and anything may be named like one."""
    content = bytearray(CAPTURE)
    content[257:262] = b"ustar"
    (tmp_path / "a.pcapng").write_bytes(content)
    (tmp_path / "b.tar").write_bytes(CAPTURE)
    assert names(tmp_path) == ["a.pcapng", "b.tar"]


def test_a_member_that_unfolds_without_end_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bomb.zip", **{"zeros.pcap": bytes(100 << 20)})
    (source,) = find([str(path)], Search()).sources
    with pytest.raises(LimitExceededError, match="times its size"), at_hand(source, RUN):
        pass


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
    with pytest.raises(CaptureError, match=r"no captures there$"):
        find([str(tmp_path)], Search())
    (tmp_path / "below").mkdir()
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(CaptureError, match=r"no captures there \(1 other file\); the folders below are entered with"):
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


def test_files_that_the_system_refuses_to_tell_of_are_listed(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that may be listed but not entered (mode 644): nobody's work is passed over."""
    for name in ("class.zip", "notes.pdf"):
        (lab / "group 1" / name).write_bytes(b"")
    whole, plain = os.stat, os.lstat

    def refused(path: Any, *rest: Any, **options: Any) -> Any:
        if isinstance(path, str | Path) and Path(path).parent == lab / "group 1":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return (whole if options.pop("follow_symlinks", True) else plain)(path, *rest, **options)

    monkeypatch.setattr(os, "stat", refused)
    monkeypatch.setattr(os, "lstat", lambda path, **options: refused(path, follow_symlinks=False, **options))
    reason = "it cannot be read: permission denied"
    for asked, recursive in ((lab / "group 1", False), (lab, True)):
        found = find([str(asked)], Search(recursive))
        failed = {source.name.removeprefix("group 1/"): source.error for source in found.sources if source.error}
        assert failed == {"b.pcapng": reason, "class.zip": reason}
        assert [name for name in found.skipped if "notes.pdf" in name]
    found = find([str(lab / "group 1")], Search(pattern="*.pdf"))
    assert [(source.name, source.error) for source in found.sources] == [("notes.pdf", reason)]


def test_archives_that_cannot_be_opened_are_listed(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (lab / "class.zip").write_bytes(b"")
    whole = Path.open

    def refused(path: Path, *rest: Any, **options: Any) -> Any:
        if path.parent == lab:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return whole(path, *rest, **options)

    monkeypatch.setattr(Path, "open", refused)
    assert names(lab) == ["a.pcapng", "class.zip", "empty.pcap"]
