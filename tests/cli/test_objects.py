"""``analyze objects``: the bytes that were sent, under safe names, with what is missing said; and tshark's export."""

from __future__ import annotations

import csv
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.__main__ import main
from analyzer.commands import harvest
from analyzer.commands.objects import COLUMNS, WHY
from analyzer.protocols.http1 import coding
from analyzer.protocols.http1.bodies_multipart import boundary, parts
from analyzer.protocols.http1.grammar import Fields
from tests.cli.conftest import lookup, visit
from tests.conftest import SAMPLES
from tests.playbook import Playbook

PROGRAM = [sys.executable, "-m", "analyzer", "objects"]
LIMIT_S = 60
PAGE = b"<!doctype html>\n" + b"<p>hello</p>\n" * 100
GZIPPED = gzip.compress(PAGE, mtime=0)  # without the time of day, in which two calls may differ
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20


@dataclass(frozen=True)
class Result:
    """What one call gave."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def files(self) -> dict[str, bytes]:
        """The bodies in the folder."""
        lists = ("SHA256SUMS", "objects.tsv")
        return {path.name: path.read_bytes() for path in self.folder.iterdir() if path.name not in lists}

    @property
    def table(self) -> list[dict[str, str]]:
        with (self.folder / "objects.tsv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


Objects = Callable[..., Result]


@pytest.fixture
def objects(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Objects:
    """Run ``analyze objects -o out`` on a playbook, the bytes of a capture, or a file, with these options."""
    monkeypatch.chdir(tmp_path)

    def run(capture: Playbook | bytes | Path, *options: object, to: str = "out") -> Result:
        path = capture if isinstance(capture, Path) else tmp_path / "talk.pcap"
        if not isinstance(capture, Path):
            path.write_bytes(capture.pcap() if isinstance(capture, Playbook) else capture)
        where = ["-o", to] if to else []
        code = main(["objects", path.name if path.parent == tmp_path else str(path), *where, *map(str, options)])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return Result(code, out, err, tmp_path / to)

    return run


def get(path: str = "/", host: str = "shop.example") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


def answer(body: bytes, *fields: str, status: int = 200) -> bytes:
    lines = "".join(f"{line}\r\n" for line in (*fields, f"Content-Length: {len(body)}"))
    return f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + body


def talk(*turns: bytes) -> Playbook:
    """A connection on which client and server send in turns, and that is closed."""
    p = Playbook()
    p.handshake()
    for number, data in enumerate(turns):
        p.at(50 + 10 * number)
        (p.server if number % 2 else p.client).send(data)
    return p.at(1000)


def shop() -> Playbook:
    return talk(
        get(),
        answer(GZIPPED, "Content-Type: text/html", "Content-Encoding: gzip"),
        get("/img/logo.png"),
        answer(PICTURE, "Content-Type: image/png"),
        get("/api?token=s3cret", "api.shop.example"),
        answer(b'{"ok": true}', "Content-Type: application/json"),
        get("/nothing"),
        answer(b"", status=204),
    )


# ── what is written ──────────────────────────────────────────────────────────────────────────────────────────────


def test_bodies_become_files(objects: Objects) -> None:
    result = objects(shop())
    assert (result.code, result.err) == (0, "")
    assert result.files == {"index.html": PAGE, "logo.png": PICTURE, "api.json": b'{"ok": true}'}
    first, second, third = result.table
    assert list(first) == list(COLUMNS)
    assert (first["file"], first["kind"], first["stream"], first["first_frame"]) == ("index.html", "response", "0", "5")
    assert (first["transferred_bytes"], first["bytes"], first["decoded"]) == (
        str(len(GZIPPED)),
        str(len(PAGE)),
        "yes",
    )
    assert (second["content_type"], second["content_type_seen"], second["status"]) == ("image/png", "image/png", "200")
    assert second["sha256"] == hashlib.sha256(PICTURE).hexdigest()
    assert third["url"] == "http://api.shop.example/api?token=[masked]"
    checked = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=result.folder, capture_output=True, check=True)
    assert checked.stdout.count(b": OK\n") == 3


def test_what_the_terminal_says(objects: Objects) -> None:
    lines = objects(shop()).out.splitlines()
    assert lines[0].split() == ["frame", "status", "size", "type", "file"]
    assert [line.split()[:6] for line in lines[1:3]] == [
        ["5", "200", "1.32", "kB", "text/html", "index.html"],
        ["7", "200", "5.13", "kB", "image/png", "logo.png"],
    ]
    assert lines[-1] == "3 files (6.46 kB) written to out"


def test_a_list_writes_nothing(objects: Objects, tmp_path: Path) -> None:
    result = objects(shop(), "--list", to="")
    assert result.code == 0
    assert "logo.png" in result.out
    assert result.out.splitlines()[-1] == "3 files (6.46 kB) would be written"
    assert [path.name for path in tmp_path.iterdir()] == ["talk.pcap"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--type", "image/"), {"logo.png"}),
        (("--type", "image/", "--type", "APPLICATION/json"), {"logo.png", "api.json"}),
        (("--host", "api.shop.example"), {"api.json"}),
        (("--host", "shop.example"), {"index.html", "logo.png", "api.json"}),
        (("--stream", "0", "--type", "text/html"), {"index.html"}),
    ],
)
def test_only_what_is_asked_for(objects: Objects, options: tuple[str, ...], names: set[str]) -> None:
    assert set(objects(shop(), *options).files) == names


def test_a_type_is_what_the_header_or_the_bytes_say(objects: Objects) -> None:
    lying = talk(
        get("/a"), answer(PICTURE, "Content-Type: text/plain"), get("/b"), answer(b"\0", "Content-Type: image/x")
    )
    assert set(objects(lying, "--type", "image/").files) == {"a.png", "b"}


def test_raw_keeps_codings_and_says_so_in_the_name(objects: Objects) -> None:
    result = objects(shop(), "--raw")
    assert result.files["index.html.gz"] == GZIPPED
    assert result.table[0]["decoded"] == "no"


@pytest.mark.parametrize(
    ("encoding", "coded"),
    [
        ("br", brotli.compress(PAGE)),
        ("deflate", zlib.compress(PAGE)),
        ("br, gzip", gzip.compress(brotli.compress(PAGE), mtime=0)),
    ],
)
def test_chunks_and_codings_come_off(objects: Objects, encoding: str, coded: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(coded[i : i + 90]), coded[i : i + 90]) for i in range(0, len(coded), 90))
    assert objects(talk(get(), head + chunks + b"0\r\n\r\n")).files == {"index.html": PAGE}


def test_a_coding_that_is_not_known_stays_on(objects: Objects) -> None:
    result = objects(talk(get("/old"), answer(b"\x1f\x9d\x90abc", "Content-Encoding: compress")))
    assert result.files == {"old.coded": b"\x1f\x9d\x90abc"}
    assert result.table[0]["why"] == "unknown_coding"
    assert "1 with a remark: in a coding that is not known here, so kept as it was sent" in result.out


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "disposition", "name"),
    [
        ("/a/../../../../etc/passwd", None, "passwd.html"),
        ("/x", 'attachment; filename="report.html"', "report.html"),
        ("/x", "attachment; filename=plain.html", "plain.html"),
        ("/x", 'attachment; filename="../../.ssh/authorized_keys"', "authorized_keys.html"),
        ("/x", "attachment; filename=\"EURO.html\"; filename*=UTF-8''%e2%82%ac%20rates.html", "rates.html"),
        ("/x", "attachment; filename*=iso-8859-1'en'%A3%20r\xe4tes.html", "rätes.html"),
        ("/x", 'attachment; filename="a\\"b.html"', "a_b.html"),
        ("/.hidden", None, "hidden.html"),
        ("/%2e%2e%2f%2e%2e%2fboot.ini", None, "boot.ini"),
        ("/nul", None, "_nul.html"),
        ("/dir/;token=abc/", None, "index.html"),
    ],
)
def test_a_stranger_does_not_choose_the_place(objects: Objects, path: str, disposition: str | None, name: str) -> None:
    """File names as RFC 6266 section 5 and RFC 8187 section 3.2.3 give them."""
    fields = ["Content-Type: text/html"] + ([] if disposition is None else [f"Content-Disposition: {disposition}"])
    body = answer(PAGE, *fields).replace("ä".encode(), b"%e4")
    result = objects(talk(get(path), body))
    assert list(result.files) == [name]
    assert sorted(path.name for path in result.folder.parent.iterdir()) == ["out", "talk.pcap"]


def test_names_hold_no_secrets(objects: Objects) -> None:
    result = objects(talk(get("/download/token=s3cret"), answer(PAGE)))
    assert list(result.files) == ["token_masked.html"]
    assert "s3cret" not in result.out + (result.folder / "objects.tsv").read_text()
    shown = objects(talk(get("/download/token=s3cret"), answer(PAGE)), "--reveal", to="open")
    assert list(shown.files) == ["token_s3cret.html"]


def test_equal_names_get_numbers(objects: Objects) -> None:
    result = objects(
        talk(get("/A.txt"), answer(b"one"), get("/a.txt"), answer(b"two"), get("/a.txt"), answer(b"three"))
    )
    assert result.files == {"A.txt": b"one", "a-2.txt": b"two", "a-3.txt": b"three"}


def test_hostile_names_are_harmless_in_the_terminal(objects: Objects) -> None:
    hostile = talk(get("/x\x1b[2J?\x1b]0;title\x07"), answer(PAGE, "Content-Type: text/\x1b[31mred"))
    result = objects(hostile)
    assert "\x1b" not in result.out
    assert "\x1b" not in (result.folder / "objects.tsv").read_text()


# ── what is not whole ────────────────────────────────────────────────────────────────────────────────────────────


def holed() -> Playbook:
    p = Playbook()
    p.handshake()
    p.at(50).client.send(get("/film.bin"))
    body = bytes(range(1, 251)) * 20
    p.at(60).server.send(answer(body)[:1460])
    p.server.send(answer(body)[1460:2920], captured=False)
    p.server.send(answer(body)[2920:])
    return p.at(90)


def test_a_body_with_a_hole_is_left_out(objects: Objects) -> None:
    result = objects(holed())
    assert (result.code, result.files) == (0, {})
    (row,) = result.table
    assert (row["file"], row["why"], row["missing_bytes"]) == ("", "missing_bytes", "1460")
    assert "no file written to out" in result.out
    assert f"1 left out: {WHY['missing_bytes']}" in result.out


def test_partial_writes_it_up_to_the_hole(objects: Objects) -> None:
    result = objects(holed(), "--partial")
    body = bytes(range(1, 251)) * 20
    (name,) = result.files
    assert name == "film.bin.part"
    assert result.files[name] == body[: 1460 - (len(answer(body)) - len(body))]
    assert result.table[0]["why"] == "missing_bytes"


@pytest.mark.parametrize(
    ("turns", "why", "kept"),
    [
        ((get(), answer(PAGE)[:-10]), "truncated", PAGE[:-10]),
        ((get(), answer(GZIPPED[:-8], "Content-Encoding: gzip")), "incomplete", PAGE),
        ((get(), answer(GZIPPED[:-8] + bytes(8), "Content-Encoding: gzip")), "broken", PAGE),
        ((get(), answer(GZIPPED[:40], "Content-Encoding: gzip", status=206)), "part", None),
        ((get(), answer(b"no gzip at all", "Content-Encoding: gzip")), "broken", b""),
    ],
)
def test_bodies_that_are_not_whole(objects: Objects, turns: tuple[bytes, ...], why: str, kept: bytes | None) -> None:
    assert (objects(talk(*turns)).table[0]["why"], objects(talk(*turns), to="again").files) == (why, {})
    held = objects(talk(*turns), "--partial", to="partial").files
    if kept is None:
        assert PAGE.startswith(next(iter(held.values())))
    else:
        assert held == ({"index.html.part": kept} if kept else {})


def test_a_connection_that_closes_too_early_is_not_the_capture_s_end(objects: Objects) -> None:
    """The server promises PAGE and sends ten bytes less, then FIN: nothing more was to come."""
    p = talk(get(), answer(PAGE)[:-10])
    p.server.fin()
    result = objects(p)
    assert [row["why"] for row in result.table] == ["closed"]
    assert "1 left out: the connection was closed before the end" in result.out


def test_a_wrong_ending_gets_the_true_one(objects: Objects) -> None:
    error = b"<!doctype html><title>Not Found</title>"
    result = objects(talk(get("/apple.png"), answer(error, "Content-Type: text/html", status=404)))
    assert list(result.files) == ["apple.png.html"]


def test_a_bomb_is_stopped(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coding, "DECODED_LIMIT", 1 << 20)
    bomb = gzip.compress(bytes(8 << 20))
    result = objects(talk(get(), answer(bomb, "Content-Encoding: gzip"), get("/next.txt"), answer(b"next")))
    assert (result.files, result.table[0]["why"]) == ({"next.txt": b"next"}, "unfolds")


def test_the_limit_leaves_out_what_does_not_fit(objects: Objects) -> None:
    result = objects(shop(), "--limit", "2k")
    assert set(result.files) == {"index.html", "api.json"}
    assert [row["why"] for row in result.table] == ["", "limit", ""]
    packed = talk(get(), answer(GZIPPED, "Content-Encoding: gzip"))
    assert objects(packed, "--limit", len(PAGE) - 1, to="less").files == {}
    assert objects(packed, "--limit", len(PAGE), to="enough").files == {"index.html": PAGE}


def test_the_number_of_files_is_bounded(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harvest, "OBJECTS_LIMIT", 2)
    result = objects(shop())
    assert [row["why"] for row in result.table] == ["", "", "too_many"]


# ── what was sent to servers ─────────────────────────────────────────────────────────────────────────────────────

UPLOAD = (
    b'--XX\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
    b'--XX\r\nContent-Disposition: form-data; name="f"; filename="logo.png"\r\nContent-Type: image/png\r\n\r\n'
    + PICTURE
    + b'\r\n--XX\r\nContent-Disposition: form-data; name="g"; filename="..\\..\\empty.txt"\r\n\r\n\r\n'
    b'--XX\r\nContent-Disposition: form-data; name="h"; filename="C:\\dir\\a.txt"\r\n\r\nlast\r\n--XX--\r\n'
)


def post(body: bytes, kind: str, path: str = "/up") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def test_requests_only_when_asked_for(objects: Objects) -> None:
    p = talk(post(b"a=1", "application/x-www-form-urlencoded"), answer(PAGE))
    assert objects(p).files == {"up.html": PAGE}
    assert objects(p, "--requests", to="both").files == {"request_up.form": b"a=1", "up.html": PAGE}


def test_files_of_a_form_are_files_of_their_own(objects: Objects) -> None:
    result = objects(talk(post(UPLOAD, "multipart/form-data; boundary=XX"), answer(b"ok")), "--requests")
    assert result.files == {
        "request_up.multipart": UPLOAD,
        "logo.png": PICTURE,
        "a.txt": b"last",
        "up.txt": b"ok",
    }
    assert [row["kind"] for row in result.table] == ["request", "part", "part", "response"]


def test_a_part_that_is_cut_is_not_whole(objects: Objects) -> None:
    for cut in (UPLOAD[:-12], UPLOAD[: len(UPLOAD) // 2]):
        p = talk(post(cut, "multipart/form-data; boundary=XX"), answer(b"ok"))
        rows = objects(p, "--requests", to=f"out{len(cut)}").table
        assert [(row["kind"], row["why"]) for row in rows][-2] == ("part", "truncated")


@given(st.lists(st.binary(max_size=60), max_size=5), st.integers(1, 200), st.binary(max_size=20))
def test_parts_come_back(contents: list[bytes], size: int, preamble: bytes) -> None:
    """RFC 2046 section 5.1.1, cut into pieces of any size."""
    mark = b"bOuNdArY7"
    body = preamble + (b"\r\n" if preamble else b"")
    for number, content in enumerate(contents):
        body += b"--%s  \r\nX-Number: %d\r\n\r\n%s\r\n" % (mark, number, content)
    body += b"--%s--\r\nepilogue" % mark

    def pieces() -> Iterator[bytes]:
        return (body[low : low + size] for low in range(0, len(body), size))

    read = [(part.headers.first(b"x-number"), b"".join(part.pieces), part.complete) for part in parts(pieces(), mark)]
    assert read == [(b"%d" % number, content, True) for number, content in enumerate(contents)]
    skipped = [part.headers.first(b"x-number") for part in parts(pieces(), mark)]
    assert skipped == [b"%d" % number for number in range(len(contents))]


@given(st.binary(max_size=300), st.integers(1, 50))
def test_parts_of_any_bytes(body: bytes, size: int) -> None:
    for part in parts((body[low : low + size] for low in range(0, len(body), size)), b"a"):
        assert len(b"".join(part.pieces)) <= len(body)


@pytest.mark.parametrize(
    ("value", "mark"),
    [
        (b"multipart/form-data; boundary=abc", b"abc"),
        (b'Multipart/Mixed; charset=x; Boundary="a b"', b"a b"),
        (b"multipart/form-data", None),
        (b"text/plain; boundary=abc", None),
    ],
)
def test_boundaries(value: bytes, mark: bytes | None) -> None:
    assert boundary(Fields([(b"Content-Type", value)])) == mark


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_overwritten(objects: Objects) -> None:
    first = objects(shop())
    again = objects(shop())
    assert again.code == 2
    assert "SHA256SUMS is there already, and nothing is overwritten" in again.err
    assert again.files == first.files


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ((), 2, "say where to write with -o DIR, or only --list what there is"),
        (("--list", "--limit", "much"), 2, "a size is a number with k, M, G or T behind it"),
        (("--list", "--stream", "7"), 2, "there is no stream 7"),
        (("-o", "talk.pcap"), 2, "this is a file, not a folder"),
    ],
)
def test_bad_options(objects: Objects, options: tuple[str, ...], code: int, said: str) -> None:
    result = objects(visit(), *options, to="")
    assert result.code == code
    assert said in result.err


def test_a_capture_without_bodies(objects: Objects) -> None:
    result = objects(lookup(b"name"))
    assert (result.code, result.out) == (2, "")  # as follow and ladder without a connection
    assert "there is no HTTP body in it" in result.err
    assert not result.folder.exists()
    assert "that was asked for" in objects(shop(), "--type", "video/").err


def test_what_cannot_be_read_or_written(objects: Objects, tmp_path: Path) -> None:
    assert objects(tmp_path / "absent.pcap").code == 3
    assert objects(b"no capture").code == 3
    (tmp_path / "file").write_text("x")
    result = objects(shop(), to="file/folder")
    assert result.code in (2, 4)
    assert "file/folder" in result.err


@pytest.mark.parametrize("buffered", ["", "1"])
def test_the_files_are_written_when_the_listing_s_reader_goes_away(tmp_path: Path, buffered: str) -> None:
    """``analyze objects X -o DIR | head``: all files and both lists are there, and only then is the pipe a failure."""
    book = talk(
        *(turn for k in range(30) for turn in (get(f"/{k}.txt"), answer(b"%d" % k, "Content-Type: text/plain")))
    )
    (tmp_path / "talk.pcap").write_bytes(book.pcap())
    reading, writing = os.pipe()
    os.close(reading)
    environment = {**os.environ, "PYTHONUNBUFFERED": buffered}
    ran = subprocess.run(
        [*PROGRAM, str(tmp_path / "talk.pcap"), "-o", str(tmp_path / "out")],
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=LIMIT_S,
        env=environment,
        check=False,
    )
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (141, b"")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {*(f"{k}.txt" for k in range(30)), "SHA256SUMS", "objects.tsv"}


def test_a_link_that_leads_nowhere(objects: Objects, tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to(tmp_path / "gone")
    result = objects(shop())
    assert result.code == 2
    assert "this is a link to something that does not exist" in result.err


def test_from_standard_input(tmp_path: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, "-", "-o", str(tmp_path / "out")], input=visit(), capture_output=True, timeout=LIMIT_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "out" / "index.html").read_bytes() == b"hello"


# ── against tshark ───────────────────────────────────────────────────────────────────────────────────────────────


def exported_by_tshark(path: Path, where: Path) -> Counter[str]:
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed")
    where.mkdir()
    command = [tshark, "-q", "-r", str(path), "--disable-protocol", "tls", "--export-objects", f"http,{where}"]
    subprocess.run(command, capture_output=True, check=True, timeout=LIMIT_S)
    return Counter(hashlib.sha256(file.read_bytes()).hexdigest() for file in where.iterdir())


@pytest.mark.referee
@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.pcapng")), ids=lambda path: path.stem)
def test_tshark_exports_the_same_files(objects: Objects, path: Path, tmp_path: Path) -> None:
    """The same number of files with the same bytes as ``tshark --export-objects http``."""
    result = objects(path, "--requests")
    rows = result.table if result.folder.exists() else []
    ours = Counter(row["sha256"] for row in rows if row["kind"] != "part")  # tshark has the form, not the files in it
    assert ours == exported_by_tshark(path, tmp_path / "theirs")


@pytest.mark.referee
@pytest.mark.shared
def test_tshark_exports_nothing_that_we_do_not(objects: Objects, shared_captures: Path, tmp_path: Path) -> None:
    """Captures of courses: every file that tshark finds in them is among ours, byte by byte."""
    compared = 0
    for number, path in enumerate(sorted((shared_captures / "labs").glob("*http*.pcap*"))):
        if path.suffix not in (".pcap", ".pcapng") or path.stat().st_size > 2_000_000:
            continue
        theirs = exported_by_tshark(path, tmp_path / f"theirs{number}")
        result = objects(path, "--requests", to=f"ours{number}")
        files = result.files.values() if result.folder.exists() else ()
        assert not theirs - Counter(hashlib.sha256(data).hexdigest() for data in files), path.name
        compared += theirs.total()
    assert compared >= 10
