"""The folder that bodies go into: safe names, nothing overwritten, whole files only, lists that can be checked."""

from __future__ import annotations

import hashlib
import os
import subprocess
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analyzer.errors import ExportError, UsageError
from analyzer.export.objects import SUMS, TABLE, Folder, FullError
from analyzer.export.objects_names import (
    ENDINGS,
    NAME_BYTES,
    NAME_CHARACTERS,
    Names,
    from_path,
    last_part,
    safe_name,
    with_ending,
    with_true_ending,
)

COLUMNS = ("file", "url")


def put(folder: Folder, name: str, data: bytes, suffix: str = "") -> str:
    """Write a file as the command does."""
    with folder.draft() as draft:
        for low in range(0, len(data), 3):
            draft.write(data[low : low + 3])
        kept = folder.keep(draft, name, suffix)
    folder.record({"file": kept, "url": "http://a/"}, (draft.sha256, kept))
    return kept


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("logo.png", "logo.png"),
        ("../../etc/passwd", "etc_passwd"),
        (".bashrc", "bashrc"),
        ("-rf", "rf"),
        ("a b\tc\n.txt", "a_b_U_0009_c_U_000A_.txt"),
        ("con.txt", "_con.txt"),
        ("COM1", "_COM1"),
        ("com\u00b9.txt", "_com\u00b9.txt"),  # Windows takes the digits of Latin-1 for digits
        ("LPT\u00b2", "_LPT\u00b2"),
        ("COM0", "COM0"),
        ("trailing. ", "trailing"),
        ("...", "body"),
        ("", "body"),
        ("图片.png", "图片.png"),
        ("invoice\u202egnp.exe", "invoice_U_202E_gnp.exe"),  # would read "invoiceexe.png"
        ("\u3164", "U_3164"),  # a letter that cannot be seen
        ("x" * 300 + ".png", "x" * (NAME_CHARACTERS - 4) + ".png"),
        ("C:\\Users\\x.doc", "C_Users_x.doc"),
    ],
)
def test_safe_names(text: str, name: str) -> None:
    assert safe_name(text) == name


def test_a_number_stands_before_the_longest_of_our_endings() -> None:
    names = Names()
    for ending in set(ENDINGS.values()):
        assert [names.take(f"request_p{ending}") for _ in range(2)] == [f"request_p{ending}", f"request_p-2{ending}"]


@given(st.text(max_size=300))
@example("x" * (NAME_CHARACTERS - 1) + "_y")  # cut behind what may not stand at the end
@example("x" * (NAME_CHARACTERS - 5) + "_y.png")
def test_any_text_gives_a_safe_name(text: str) -> None:
    name = safe_name(text)
    assert name
    assert name[0] not in ".-"
    assert not any(letter in '/\\:*?"<>|' or unicodedata.category(letter) in ("Cc", "Cf", "Zs") for letter in name)
    assert name[-1] not in ". "
    assert len(name) <= NAME_CHARACTERS + 1
    assert len(name.encode()) <= NAME_BYTES + 1
    assert safe_name(name) == name


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("http://a.example/img/logo.png?size=2#top", "logo.png"),
        ("http://a.example/", ""),
        ("http://a.example", ""),
        ("/docs/", "docs"),
        ("/a%20b.txt", "a b.txt"),
        ("/x/..%2f..%2fetc%2fpasswd", "passwd"),
        ("/page;jsessionid=1", "page"),
        ("*", "*"),
    ],
)
def test_names_from_addresses(target: str, name: str) -> None:
    assert from_path(target) == name


def test_names_of_header_fields_are_no_paths() -> None:
    assert [last_part(name) for name in ("/etc/passwd", "C:\\x\\y.doc", "a.txt", "dir/")] == [
        "passwd",
        "y.doc",
        "a.txt",
        "dir",
    ]


def test_endings_are_added_only_where_there_is_none() -> None:
    assert with_ending("index", "text/html") == "index.html"
    assert with_ending("logo.png", "text/html") == "logo.png"
    assert with_ending("thing", "application/x-unheard-of") == "thing"


@pytest.mark.parametrize(
    ("name", "declared", "seen", "expected"),
    [
        ("photo.png", "application/json", "application/json", "photo.png.json"),
        ("photo.png", "application/json", None, "photo.png.json"),
        ("apple-4.png", "text/html", "text/html", "apple-4.png.html"),
        ("apple-4.png", "image/png", "text/html", "apple-4.png.html"),
        ("photo.jpg", "image/jpeg", "image/webp", "photo.jpg.webp"),
        ("page.html", "text/html", "image/gif", "page.html.gif"),
        ("style.css", "text/html", "text/html", "style.css.html"),
        # nothing to say
        ("photo.JPEG", "application/octet-stream", "image/jpeg", "photo.JPEG"),
        ("photo.png", "image/png", None, "photo.png"),
        ("photo.png", "application/octet-stream", None, "photo.png"),
        ("photo.png", None, None, "photo.png"),
        ("logo.png", "image/jpeg", "image/png", "logo.png"),
        ("style.css", "text/html", "text/plain", "style.css"),  # a wrong header proves nothing
        ("style.css", "text/css", "text/plain", "style.css"),
        ("feed.xml", "application/xml", "application/xml", "feed.xml"),
        ("index.htm", "application/xhtml+xml", "text/html", "index.htm"),
        ("index.php", "text/html", "text/html", "index.php"),
        ("report.docx", "application/octet-stream", "application/zip", "report.docx"),
        ("thing", "image/png", "image/png", "thing.png"),
        # nothing becomes a program by the name we give it
        ("photo.png", "image/png", "application/vnd.microsoft.portable-executable", "photo.png"),
        ("photo.png", "text/javascript", None, "photo.png"),
    ],
)
def test_a_name_that_says_something_else_gets_the_true_ending(
    name: str, declared: str | None, seen: str | None, expected: str
) -> None:
    assert with_true_ending(name, declared, seen) == expected


def test_names_differ_for_file_systems_that_ignore_case_and_form() -> None:
    names = Names(["Present.txt"])
    taken = [
        names.take(name) for name in ("logo.png", "LOGO.png", "present.TXT", "caf\u00e9", "cafe\u0301", "ﬁle", "file")
    ]
    assert taken == ["logo.png", "LOGO-2.png", "present-2.TXT", "caf\u00e9", "cafe\u0301-2", "ﬁle", "file-2"]
    assert [names.take("a.txt", ".part"), names.take("a.txt", ".part"), names.take("a.txt")] == [
        "a.txt.part",
        "a-2.txt.part",
        "a.txt",
    ]


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_files_and_their_hashes_can_be_checked(tmp_path: Path) -> None:
    with Folder(tmp_path / "new" / "folder", COLUMNS) as folder:
        assert [
            put(folder, "a.txt", b"one"),
            put(folder, "a.txt", b"two"),
            put(folder, "b.txt", b"three", ".part"),
        ] == [
            "a.txt",
            "a-2.txt",
            "b.txt.part",
        ]
        folder.record({"file": None, "url": "http://left.out/"})
    assert (folder.files, folder.size) == (3, 11)
    where = tmp_path / "new" / "folder"
    assert {path.name: path.read_bytes() for path in where.iterdir() if path.name not in (SUMS, TABLE)} == {
        "a.txt": b"one",
        "a-2.txt": b"two",
        "b.txt.part": b"three",
    }
    assert (where / SUMS).read_text().splitlines()[0] == f"{hashlib.sha256(b'one').hexdigest()}  a.txt"
    assert (where / TABLE).read_text() == (
        "file\turl\na.txt\thttp://a/\na-2.txt\thttp://a/\nb.txt.part\thttp://a/\n\thttp://left.out/\n"
    )
    checked = subprocess.run(["sha256sum", "-c", SUMS], cwd=where, capture_output=True, text=True, check=True)
    assert checked.stdout.splitlines() == ["a.txt: OK", "a-2.txt: OK", "b.txt.part: OK"]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "A.TXT").write_bytes(b"mine")
    outside = tmp_path.parent / "outside"
    (tmp_path / "link.txt").symlink_to(outside)
    with Folder(tmp_path, COLUMNS) as folder:
        (tmp_path / "late.txt").write_bytes(b"mine too")  # appears after the folder was looked at
        assert put(folder, "a.txt", b"x") == "a-2.txt"
        assert put(folder, "link.txt", b"x") == "link-2.txt"
        assert put(folder, "late.txt", b"x") == "late-2.txt"
        assert put(folder, SUMS.lower(), b"x") == f"{SUMS.lower()}-2"
    assert (tmp_path / "A.TXT").read_bytes() == b"mine"
    assert (tmp_path / "late.txt").read_bytes() == b"mine too"
    assert not outside.exists()
    with pytest.raises(UsageError, match="SHA256SUMS is there already"):
        Folder(tmp_path, COLUMNS)


def test_a_list_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    def run() -> None:
        with Folder(tmp_path, COLUMNS) as folder:
            put(folder, "a.txt", b"x")
            (tmp_path / TABLE).write_text("mine")

    with pytest.raises(ExportError, match=r"objects\.tsv: appeared meanwhile"):
        run()
    assert (tmp_path / TABLE).read_text() == "mine"


def test_what_is_not_kept_leaves_nothing_behind(tmp_path: Path) -> None:
    def run() -> None:
        with Folder(tmp_path, COLUMNS) as folder:
            put(folder, "whole.txt", b"whole")
            with folder.draft() as draft:
                draft.write(b"dropped")
            with folder.draft() as draft:
                draft.write(b"interrupted")
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    assert sorted(os.listdir(tmp_path)) == ["whole.txt"]  # noqa: PTH208


def test_the_limit_is_on_all_files_together(tmp_path: Path) -> None:
    with Folder(tmp_path, COLUMNS, limit=10) as folder:
        put(folder, "a", b"123456")
        with folder.draft() as draft:
            draft.write(b"7890")
            with pytest.raises(FullError):
                draft.write(b"1")
        put(folder, "b", b"7890")
    assert sorted(path.name for path in tmp_path.iterdir()) == [SUMS, "a", "b", TABLE]


def test_a_rehearsal_writes_nothing_and_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Folder(None, COLUMNS) as folder:
        assert [put(folder, "a.txt", b"one"), put(folder, "a.txt", b"two")] == ["a.txt", "a-2.txt"]
    assert (folder.files, folder.size) == (2, 6)
    assert not list(tmp_path.iterdir())


def test_no_folder_without_a_file(tmp_path: Path) -> None:
    with Folder(tmp_path / "empty", COLUMNS):
        pass
    assert not (tmp_path / "empty").exists()


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="this is a file, not a folder"):
        Folder(tmp_path / "file", COLUMNS)


def test_the_table_holds_no_control_characters_and_no_formulas(tmp_path: Path) -> None:
    with Folder(tmp_path, COLUMNS) as folder:
        folder.record({"file": None, "url": "=cmd|' /C calc'!A0"})
        folder.record({"file": 7, "url": "a\tb\nc\x1b[31m\udc80"})
    assert (tmp_path / TABLE).read_text() == (
        "file\turl\n\t'=cmd|' /C calc'!A0\n7\ta⟨U+0009⟩b⟨U+000A⟩c⟨U+001B⟩[31m⟨U+DC80⟩\n"
    )
