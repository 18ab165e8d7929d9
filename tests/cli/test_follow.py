"""``analyze follow``: what both sides sent, whole, in order, with holes shown, and harmless on a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from analyzer.__main__ import main
from analyzer.capture.source import open_capture
from analyzer.commands.follow import Form, Side
from analyzer.decode.decode import decode
from analyzer.flows.build import Flows
from analyzer.flows.build import follow as follow_table
from analyzer.flows.turns import Hole, turns
from analyzer.follow_text import CHUNK_BYTES, _Text
from analyzer.options import Options
from analyzer.text import visible
from tests import build
from tests.cli.conftest import lookup, visit
from tests.conftest import SAMPLES
from tests.playbook import Playbook, Segment

REQUEST = b"GET /index.html HTTP/1.1\r\nHost: shop.example\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
PROGRAM = [sys.executable, "-m", "analyzer", "follow"]
LIMIT_S = 60


@dataclass(frozen=True)
class Result:
    """What one call of ``analyze follow`` gave."""

    code: int
    out: bytes
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.decode().splitlines()


Follow = Callable[..., Result]


@pytest.fixture
def follow(capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Follow:
    """Run ``analyze follow`` on a playbook, the bytes of a capture, or a file, with these options."""
    monkeypatch.chdir(tmp_path)

    def run(capture: Playbook | bytes | Path, *options: object) -> Result:
        path = capture if isinstance(capture, Path) else tmp_path / "talk.pcap"
        if not isinstance(capture, Path):
            path.write_bytes(capture.pcap() if isinstance(capture, Playbook) else capture)
        code = main(["follow", path.name if path.parent == tmp_path else str(path), *map(str, options)])
        out, err = capfdbinary.readouterr()
        assert b"Traceback" not in err
        return Result(code, out, err.decode())

    return run


def talk() -> Playbook:
    """An open connection, 50 ms old."""
    p = Playbook()
    p.handshake()
    return p.at(50)


# ── the conversation ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_visit_as_text(follow: Follow) -> None:
    result = follow(visit())
    assert (result.code, result.err) == (0, "")
    assert result.lines == [
        "Stream 0: client 10.0.0.1:40000, server 10.0.0.2:80",
        "",
        "--- client, frame 4, 30 ms after the start, 48 bytes",
        "  GET /index.html HTTP/1.1",
        "  Host: shop.example",
        "",
        "",
        "--- server, frame 5, 40 ms after the start, 43 bytes",
        "  HTTP/1.1 200 OK",
        "  Content-Length: 5",
        "",
        "  hello",
    ]


def test_one_side(follow: Follow) -> None:
    assert [line for line in follow(visit(), "--side", "server").lines if line.startswith("---")] == [
        "--- server, frame 5, 40 ms after the start, 43 bytes"
    ]
    assert "GET" in follow(visit(), "--side", "client").out.decode()


def test_raw_is_the_bytes_and_nothing_else(follow: Follow) -> None:
    for side, sent in (("client", REQUEST), ("server", RESPONSE), ("both", REQUEST + RESPONSE)):
        assert follow(visit(), "--side", side, "--as", "raw") == Result(0, sent, "")


def test_turns_alternate_and_neighbours_are_one(follow: Follow) -> None:
    p = talk()
    p.client.send(b"one ")
    p.at(60).client.send(b"two ")
    p.at(70).server.send(b"three ")
    p.at(80).client.send(b"four")
    result = follow(p)
    assert [line for line in result.lines if line.startswith(("---", "  "))] == [
        "--- client, frames 4 to 5, 50 ms after the start, 8 bytes",
        "  one two ",
        "--- server, frame 6, 70 ms after the start, 6 bytes",
        "  three ",
        "--- client, frame 7, 80 ms after the start, 4 bytes",
        "  four",
    ]
    assert follow(p, "--as", "raw").out == b"one two three four"
    one = follow(p, "--side", "client").lines
    assert [line[:20] for line in one if line.startswith("---")] == ["--- client, frames 4", "--- client, frame 7,"]


def test_a_repeated_segment_comes_in_its_place(follow: Follow) -> None:
    """The first of two segments is lost on the way and repeated; the recorder saw it the second time only."""
    p = talk()
    first, second = (p.server.prepare(data)[0] for data in (b"first ", b"second"))
    p.emit(first, captured=False, delivered=False)
    p.emit(second)
    p.at(90).client.send(b"still waiting")
    p.at(300).resend([first])
    assert follow(p, "--as", "raw", "--side", "server").out == b"first second"
    assert follow(p, "--as", "raw").out == b"still waitingfirst second"


def test_bytes_sent_twice_are_shown_once(follow: Follow) -> None:
    p = talk()
    (segment,) = p.client.prepare(b"hello")
    p.emit(segment)
    p.at(300).resend([segment])
    result = follow(p)
    assert result.lines[2:] == ["--- client, frame 4, 50 ms after the start, 5 bytes", "  hello"]


def test_many_segments_and_more_than_one_chunk(follow: Follow) -> None:
    body = bytes(k * 7 % 251 for k in range(2 * CHUNK_BYTES + 1000))
    p = talk()
    p.server.send(body)
    assert follow(p, "--as", "raw").out == body
    dump = follow(p, "--as", "hex").lines[3:]
    assert bytes.fromhex("".join(line[16:66] for line in dump)) == body
    assert [int(line.split()[0], 16) for line in dump] == list(range(0, len(body), 16))


# ── holes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def holed() -> Playbook:
    p = talk()
    p.server.send(b"A" * 10)
    p.server.send(b"B" * 1460, captured=False)
    p.at(60).client.ack()
    p.at(70).server.send(b"C" * 10)
    return p


def test_a_hole_is_shown_where_it_is(follow: Follow) -> None:
    assert follow(holed()).lines[2:] == [
        "--- server, frames 4 to 6, 50 ms after the start, 20 bytes",
        "  AAAAAAAAAA",
        "[1,460 bytes were not captured: between frames 4 and 6]",
        "  CCCCCCCCCC",
    ]


def test_a_hole_in_raw_is_said_on_standard_error(follow: Follow) -> None:
    result = follow(holed(), "--as", "raw")
    assert (result.code, result.out) == (0, b"A" * 10 + b"C" * 10)
    assert result.err == (
        "analyze: talk.pcap: 1,460 bytes were not captured (1 hole between frames 4 and 6) and left out\n"
    )


def test_offsets_of_a_dump_count_what_is_missing(follow: Follow) -> None:
    dump = [line.split()[0] for line in follow(holed(), "--as", "hex").lines if line.startswith("  ")]
    assert dump == ["00000000", f"{1470:08x}"]


def test_holes_at_both_ends(follow: Follow) -> None:
    p = talk()
    p.client.send(b"x", captured=False)
    p.client.send(b"middle")
    p.client.send(b"end", captured=False)
    p.at(90).server.ack()
    assert follow(p).lines[2:] == [
        "--- client, frame 4, 50 ms after the start, 6 bytes",
        "[1 byte was not captured: before frame 4]",
        "  middle",
        "[3 bytes were not captured: after frame 4]",
    ]


def test_a_side_of_which_nothing_was_captured(follow: Follow) -> None:
    p = talk()
    p.client.send(b"heard")
    p.at(90).server.send(b"not heard", captured=False)
    p.at(95).client.ack()
    assert follow(p).lines[4:] == [
        "",
        "--- server, nothing captured",
        "[9 bytes were not captured: no frame has them]",
    ]


def test_what_the_recorder_cut_off(follow: Follow) -> None:
    """54 bytes of headers and 26 of data were kept of each packet; the SYN's header is 8 longer, and has no data."""
    p = talk()
    p.client.send(b"A" * 26 + b"B" * 74)
    p.client.send(b"C" * 20)
    p.client.send(b"D" * 27)
    path_bytes = p.pcap(snaplen=80)
    assert follow(path_bytes).lines[2:] == [
        "--- client, frames 4 to 6, 50 ms after the start, 72 bytes",
        "  " + "A" * 26,
        "[74 bytes were not captured: cut off by the recorder at the end of frame 4]",
        "  " + "C" * 20 + "D" * 26,
        "[1 byte was not captured: cut off by the recorder at the end of frame 6]",
    ]
    assert follow(path_bytes, "--as", "raw").err == (
        "analyze: talk.pcap: 75 bytes were not captured (2 holes, the first one at the end of frame 4, which the "
        "recorder cut) and left out\n"
    )


def test_only_headers_were_recorded(follow: Follow) -> None:
    p = talk()
    p.client.send(b"A" * 100)
    assert follow(p.pcap(snaplen=54)).lines[2:] == [
        "--- client, nothing captured",
        "[100 bytes were not captured: cut off by the recorder at the end of frame 4]",
    ]


def test_cut_off_and_lost_in_one_hole() -> None:
    p = talk()
    p.client.send(b"A" * 100)
    p.client.send(b"B" * 50, captured=False)
    p.client.send(b"C" * 10)
    (turn,) = turns(flows_of(p.pcap(snaplen=80)), 0)
    assert list(turn.parts()) == [
        (0, 26),
        Hole(26, 100, 4, 5, 4),
        Hole(100, 150, 4, 5),
        (150, 160),
    ]


def test_a_connection_that_was_open_already(follow: Follow) -> None:
    p = Playbook()
    p.client.send(b"in the middle")
    assert follow(p).lines[2] == "[the beginning of what the client sent is not in this capture]"


# ── text ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def text_of(follow: Follow, *parts: bytes) -> list[str]:
    p = talk()
    for part in parts:
        p.client.send(part)
    result = follow(p, "--as", "text")
    assert result.code == 0
    return result.lines[3:]


def test_control_characters_are_made_visible(follow: Follow) -> None:
    shown = text_of(follow, b"\x1b]0;evil\x07\x1b[2J\x00\x7f\xc2\x9b31m \xe2\x80\xae\xe2\x80\xa8x")
    assert shown == ["  ␛]0;evil␇␛[2J␀␡⟨U+009B⟩31m ⟨U+202E⟩⟨U+2028⟩x"]


def test_nothing_acts_on_the_terminal(follow: Follow) -> None:
    """Every byte there is, and each of them behind a lead byte of UTF-8: no control but tab and line feed comes out."""
    everything = bytes(range(256)) + bytes(b for k in range(256) for b in (0xC2, k))
    for form in ("text", "hex"):
        out = follow(_sending(everything), "--as", form).out.decode()
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e]", out)


@given(
    st.lists(st.binary(max_size=6) | st.sampled_from([b"\r", b"\n", b"\xe2", b"\x82\xac", b"\xf0\x9f"]), max_size=12)
)
def test_how_bytes_are_cut_does_not_show(parts: list[bytes]) -> None:
    """One byte at a time, in the parts given, and in one go: the same lines, all of them indented."""
    whole = b"".join(parts)
    assume(whole)
    shown = {lines_of(cut) for cut in (parts, [whole], [whole[k : k + 1] for k in range(len(whole))])}
    (lines,) = shown
    assert lines.endswith("\n")
    assert all(line.startswith("  ") for line in lines.split("\n") if line)
    expected = whole.decode("utf-8", "backslashreplace").replace("\r\n", "\n").split("\n")
    if not expected[-1]:
        expected.pop()
    pictures = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421, 9: 9}  # Unicode block 2400
    assert [line.removeprefix("  ") for line in lines.split("\n")[:-1]] == [
        "\t".join(visible(word) for word in line.translate(pictures).split("\t")) for line in expected
    ]


def lines_of(parts: list[bytes]) -> str:
    """Return the indented lines that a run becomes when it is read in these parts."""
    text = _Text("", "")
    return "".join(text.feed(part) for part in parts) + text.finish()


def _sending(data: bytes) -> Playbook:
    p = talk()
    p.client.send(data)
    return p


def test_line_ends(follow: Follow) -> None:
    assert text_of(follow, b"a\r", b"\nb\nc\rd\te\r\n\r\n", b"\r") == [
        "  a",
        "  b",
        "  c␍d\te",
        "",
        "  ␍",
    ]


def test_a_character_split_between_segments(follow: Follow) -> None:
    euro = "€".encode()
    assert text_of(follow, b"5 " + euro[:1], euro[1:2], euro[2:] + b".") == ["  5 €."]


def test_bytes_that_are_no_text(follow: Follow) -> None:
    assert text_of(follow, b"\xff\xfe ok \xe2\x82", b"A \xe2") == [r"  \xff\xfe ok \xe2\x82A \xe2"]


def test_a_character_that_a_hole_broke(follow: Follow) -> None:
    p = talk()
    p.client.send(b"\xe2")
    p.client.send(b"\x82", captured=False)
    p.client.send(b"\xac")
    assert follow(p).lines[3:] == [r"  \xe2", "[1 byte was not captured: between frames 4 and 5]", r"  \xac"]


def test_content_cannot_pass_for_a_line_of_ours(follow: Follow) -> None:
    forged = "--- server, frame 7, 99 ms after the start, 2 bytes"
    shown = text_of(follow, f"x\n{forged}\r\n[3 bytes were not captured: ...]\n\n{forged}".encode())
    assert [line for line in shown if line and not line.startswith("  ")] == []
    assert f"  {forged}" in shown


# ── the hex dump ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_hex_dump(follow: Follow) -> None:
    p = talk()
    p.client.send(b"GET /\x00\xff~ \x7fABCDEFGHI")
    p.at(60).server.send(b"ok")
    p.at(70).client.send(b"!")
    assert follow(p, "--as", "hex").lines[2:] == [
        "--- client, frame 4, 50 ms after the start, 19 bytes",
        "  00000000  47 45 54 20 2f 00 ff 7e  20 7f 41 42 43 44 45 46  GET /..~  .ABCDEF",
        "  00000010  47 48 49                                          GHI",
        "",
        "--- server, frame 5, 60 ms after the start, 2 bytes",
        "      00000000  6f 6b                                             ok",
        "",
        "--- client, frame 6, 70 ms after the start, 1 byte",
        "  00000013  21                                                !",
    ]


# ── bytes sent twice with different contents ─────────────────────────────────────────────────────────────────────


def doubled(copies: int = 1) -> Playbook:
    p = talk()
    p.client.send(b"first copy")
    for k in range(copies):
        p.at(60 + k).emit(Segment("client", 6, b"COPY"))
    p.at(99).server.send(b"ok")
    return p


def test_different_copies_are_told_and_the_first_is_shown(follow: Follow) -> None:
    assert follow(doubled()).lines[2:] == [
        "--- client, frame 4, 50 ms after the start, 10 bytes",
        "[sent twice with different contents: in frame 5 4 bytes differ, from position 6 on; shown is frame 4, which "
        "came first]",
        "  first copy",
        "",
        "--- server, frame 6, 99 ms after the start, 2 bytes",
        "  ok",
    ]
    result = follow(doubled(), "--as", "raw")
    assert result.out == b"first copyok"
    assert result.err == (
        "analyze: talk.pcap: 4 bytes came again with different contents (see frame 5); what came first was written\n"
    )
    assert follow(doubled(), "--as", "raw", "--side", "server").err == ""


def test_very_many_different_copies(follow: Follow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.flows.conflict.MAX_ROWS_PER_STREAM", 12)
    lines = follow(doubled(15)).lines
    assert sum(line.startswith("[sent twice") for line in lines) == 10
    assert "[and 2 more like this]" in lines
    assert lines[-1] == "[in later frames too, 12 bytes of the client came again with different contents]"


# ── which connection ─────────────────────────────────────────────────────────────────────────────────────────────


def several(count: int) -> bytes:
    packets = []
    for number in range(count):
        p = Playbook(client_port=40000 + number)
        p.at(number).client.syn()
        packets += p.packets
    return build.pcap_file(packets)


def test_the_stream_must_be_named_where_there_are_several(follow: Follow) -> None:
    result = follow(several(5))
    assert (result.code, result.out) == (2, b"")
    assert result.err.count("\n") == 1
    assert "5 TCP connections" in result.err
    assert "0: 10.0.0.1:40000 → 10.0.0.2:80" in result.err


def test_a_stream_that_is_not_there(follow: Follow) -> None:
    result = follow(several(5), "--stream", 5)
    assert (result.code, result.out, result.err.count("\n")) == (2, b"", 1)
    assert "streams 0 to 4" in result.err


def test_a_capture_without_tcp(follow: Follow) -> None:
    result = follow(lookup(b"example"))
    assert (result.code, result.out, result.err.count("\n")) == (2, b"", 1)
    assert "no TCP connection" in result.err


@pytest.mark.parametrize("form", list(Form))
def test_a_connection_without_data(form: Form, follow: Follow) -> None:
    result = follow(several(2), "--stream", 1, "--as", form)
    assert result == Result(0, b"", "analyze: talk.pcap: neither side sent any data on stream 1\n")


def test_a_side_without_data(follow: Follow) -> None:
    result = follow(_sending(b"hello"), "--side", "server")
    assert result == Result(0, b"", "analyze: talk.pcap: the server did not send any data on stream 0\n")


@pytest.mark.parametrize("options", [["--side", "peer"], ["--as", "pdf"], ["--stream", "-1"], ["--stream", "x"]])
def test_a_wrong_option(options: list[str], follow: Follow) -> None:
    result = follow(visit(), *options)
    assert (result.code, result.out, result.err.count("\n")) == (2, b"", 1)
    assert "analyze follow --help" in result.err


def test_files_that_cannot_be_read(follow: Follow, tmp_path: Path) -> None:
    assert follow(tmp_path / "nowhere.pcap").code == 3
    assert follow(b"<html>").code == 3
    whole = visit()
    result = follow(whole[:-5])
    assert (result.code, result.err.count("\n")) == (0, 1)
    assert "only a part" in result.err
    assert b"hello" in result.out


def test_help_says_that_secrets_are_shown(follow: Follow) -> None:
    text = " ".join(follow(visit(), "--help").out.decode().split())
    assert "passwords" in text
    for word in ("--stream", "--side", "--as", "--no-color", *Form, *Side):
        assert word in text


# ── terminals and pipes ──────────────────────────────────────────────────────────────────────────────────────────


def on_a_terminal(*options: str, folder: Path) -> str:
    """Return what the program writes when its standard output is a terminal."""
    reader, writer = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")} | {"TERM": "xterm"}
    try:
        with subprocess.Popen(
            [*PROGRAM, "visit.pcap", *options], cwd=folder, stdout=writer, stderr=subprocess.DEVNULL, env=environment
        ) as process:
            os.close(writer)
            out = b""
            while True:
                try:
                    part = os.read(reader, 65536)
                except OSError:  # how a terminal says that nobody writes any more
                    break
                if not part:
                    break
                out += part
            assert process.wait(LIMIT_S) == 0
    finally:
        os.close(reader)
    return out.decode().replace("\r\n", "\n")


def test_colours_on_a_terminal_only(tmp_path: Path, follow: Follow) -> None:
    (tmp_path / "visit.pcap").write_bytes(visit())
    plain = follow(visit()).out.decode()
    assert "\x1b" not in plain
    colored = on_a_terminal(folder=tmp_path)
    assert "\x1b[31mGET /index.html" in colored
    assert re.sub(r"\x1b\[\d*m", "", colored) == plain
    assert on_a_terminal("--no-color", folder=tmp_path) == plain


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    path = tmp_path / "talk.pcap"
    p = talk()
    p.server.send(bytes(300_000))
    path.write_bytes(p.pcap())
    for form in Form:
        reader, writer = os.pipe()
        os.close(reader)
        try:
            done = subprocess.run(
                [*PROGRAM, str(path), "--as", form], stdout=writer, stderr=subprocess.PIPE, timeout=LIMIT_S, check=False
            )
        finally:
            os.close(writer)
        assert (done.returncode, done.stderr) == (141, b"")


def test_from_standard_input() -> None:
    done = subprocess.run(
        [*PROGRAM, "-", "--as", "raw"], input=visit(), capture_output=True, timeout=LIMIT_S, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, REQUEST + RESPONSE, b"")


# ── real captures ────────────────────────────────────────────────────────────────────────────────────────────────


def flows_of(capture: bytes | Path) -> Flows:
    options = Options()
    if isinstance(capture, Path):
        return follow_table(decode(open_capture(str(capture), options, None), options, None))
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        file.write(capture)
        file.flush()
        return follow_table(decode(open_capture(file.name, options, None), options, None))


def test_the_pictures_that_were_served(follow: Follow) -> None:
    """Sizes as written down when the sample was made; a PNG begins and ends with known bytes (its specification)."""
    facts = json.loads((SAMPLES / "expected" / "plain-visit.json").read_text(encoding="utf-8"))
    pictures = [row for row in facts["rows"]["http"] if row["target"].endswith(".png") and row["status"] == 200]
    assert len(pictures) == 3
    for row in pictures:
        raw = follow(SAMPLES / "plain-visit.pcapng", "--stream", row["stream"], "--side", "server", "--as", "raw").out
        _, head_end, rest = raw.partition(b"\r\n\r\n\x89PNG")  # other answers may precede it on its connection
        body = (head_end[4:] + rest)[: row["response_body_bytes"]]
        assert len(body) == row["response_body_bytes"]
        assert body.startswith(b"\x89PNG\r\n\x1a\n")
        assert body.endswith(b"IEND\xaeB`\x82")


def tshark_follows(path: Path, streams: list[int]) -> dict[int, tuple[str, list[tuple[bool, bytes]]]]:
    """Return by stream tshark's first node, and its turns as (of the second node, bytes)."""
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed")
    asked = [word for stream in streams for word in ("-z", f"follow,tcp,raw,{stream}")]
    command = [tshark, "-r", str(path), "-q", *asked]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=LIMIT_S)
    out = {}
    for block in done.stdout.split("Follow: tcp,raw\n")[1:]:
        said: list[tuple[bool, bytes]] = []
        where, first, _, *lines = block.splitlines()
        for line in lines:
            if not line or line.startswith("="):
                continue
            second, data = line.startswith("\t"), bytes.fromhex(line.strip())  # the second node's lines are indented
            if said and said[-1][0] == second:
                said[-1] = (second, said[-1][1] + data)
            else:
                said.append((second, data))
        out[int(where.split()[-1])] = first.removeprefix("Node 0: "), said
    return out


@pytest.mark.referee
@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.pcapng")), ids=lambda path: path.stem)
def test_tshark_follows_alike(path: Path) -> None:
    """The same turns with the same bytes as ``tshark -z follow,tcp,raw``."""
    flows = flows_of(path)
    streams = flows.streams_with_data().tolist()
    theirs = tshark_follows(path, streams)
    assert sorted(theirs) == streams
    for stream, (first, said) in theirs.items():
        row = flows.connections.row(stream)
        client_first = first == f"{row.client}:{row.client_port}"
        ours = [
            (
                turn.client != client_first,
                b"".join(turn.stream.read(p[0], p[1] - p[0]) for p in turn.parts() if not isinstance(p, Hole)),
            )
            for turn in turns(flows, stream)
        ]
        assert ours == said, f"stream {stream}"
