"""The evader corpus: a server tries 106 ways to say something that two recipients read differently.

Each capture holds one GET and one answer. What is expected here was read from the bytes with RFC 9110 and 9112 at hand;
tshark names the same method, target and status for all but those that :mod:`tests.agree_http` lists. What matters is
that each gets a row, that the row says which rule is broken, and that the body is where the most likely reading has it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer import sentences
from analyzer.options import Options
from analyzer.pipeline import analyze

EXPECTED: dict[tuple[str, str | None], list[tuple[str, str, int | None, str | None, int | None]]] = {
    # What RFC 9112 allows, or says how to read: folding, LF alone, chunk sizes with zeros, 204 with a length;
    # a broken content coding is no broken message.
    ("complete", None): [
        ("005", "/chunked/eicar.txt/0ucsize", 200, "chunked", 103),
        ("026", "/chunked/eicar.txt/finalchunk=0%5C012", 200, "chunked", 140),
        ("032", "/chunked/eicar.txt/finalchunk=0%5C012%5C015%5C015%5C012", 200, "chunked", 143),
        ("058", "/chunked/eicar.txt/nl-chunked", 200, "chunked", 143),
        ("081", "/chunked/eicar.txt/xte,chunked,xte,do_chunked", 200, "until_close", 143),
        ("097", "/chunked/eicar.txt/chunk-lf", 200, "chunked", 113),
        ("104", "/compressed/eicar.txt/ce%3Agzip;gzip", 200, "content_length", 88),
        ("108", "/compressed/eicar.txt/ce%3Agzip;gzip2p,partial", 200, "content_length", 90),
        ("111", "/compressed/eicar.txt/ce%3Adeflate;deflate2p,block", 200, "content_length", 71),
        ("113", "/compressed/eicar.txt/ce%3Adeflate;deflate2p,sync", 200, "content_length", 76),
        ("116-lzma", "/compressed/eicar.txt/ce%3Alzma;lzma1", 200, "content_length", 90),
        ("118", "/compressed/eicar.txt/ce%3Adeflate;zlib2p", 200, "content_length", 82),
        ("121", "/compressed/eicar.txt/ce%3Anl-nl-deflate;deflate", 200, "content_length", 70),
        ("123", "/compressed/eicar.txt/ce%3Adeflate-nl-,;deflate", 200, "content_length", 70),
        ("124", "/compressed/eicar.txt/ce%3Adeflate-nl-,-nl-;deflate", 200, "content_length", 70),
        ("129", "/compressed/eicar.txt/ce%3Adeflate-nl-,-nl-deflate;deflate;deflate", 200, "content_length", 75),
        ("138", "/compressed/eicar.txt/ce%3Aidentity;ce%3Agzip;gzip", 200, "content_length", 88),
        ("141", "/compressed/eicar.txt/ce%3Agzip,identity;gzip", 200, "content_length", 88),
        ("142", "/compressed/eicar.txt/ce%3Aidentity;ce%3Adeflate;deflate", 200, "content_length", 70),
        ("145", "/compressed/eicar.txt/ce%3Adeflate,identity;deflate", 200, "content_length", 70),
        ("150", "/compressed/eicar.txt/ce%3Adeflate,gzip,deflate;deflate;gzip;deflate", 200, "content_length", 93),
        ("151", "/compressed/eicar.txt/ce%3Adeflate,gzip;ce%3Adeflate;deflate;gzip;deflate", 200, "content_length", 93),
        ("154", "/compressed/eicar.txt/ce%3Adeflate;ce%3Adeflate;deflate", 200, "content_length", 70),
        ("156", "/compressed/eicar.txt/ce%3Agzip;ce%3Adeflate;gzip", 200, "content_length", 88),
        ("159", "/compressed/eicar.txt/ce%3Agzip,deflate", 200, "content_length", 68),
        ("168", "/compressed/eicar.txt/ce%3Adeflate,", 200, "content_length", 68),
        ("170", "/compressed/eicar.txt/ce%3Adeflate;ce%3Agzip_x;deflate", 200, "content_length", 70),
        ("173", "/compressed/eicar.txt/te%3Agzip", 200, "until_close", 68),
        ("187", "/compressed/eicar.txt/lfonly-gzip;gzip", 200, "content_length", 88),
        (
            "196",
            "/compressed/eicar.txt/ce%3Agzip;gzip;replace%3A3,1%7C04;replace%3A10,0=0000",
            200,
            "content_length",
            90,
        ),
        ("275", "/broken/eicar.txt/somehdr;tab;chunked", 200, "until_close", 158),
        ("308", "/broken/eicar.txt/te%3Achunked,;do_chunked", 200, "chunked", 158),
        ("326", "/broken/eicar.txt/ce%3A%5C240gzip;do_gzip", 200, "content_length", 88),
        (
            "389",
            "/broken/eicar.txt/status%3AHTTP/1.1%28space%29200%28space%29ok%28lf%29Transfer-Encoding%3Achunked;do_chunked",
            200,
            "chunked",
            158,
        ),
        ("404", "/broken/eicar.txt/chunked;lf-no-crlf", 200, "chunked", 158),
        ("423", "/broken/eicar.txt/gzip;end-lf%5C040lflf", 200, "content_length", 88),
        ("432", "/broken/eicar.txt/gzip;end-lf%5C011lflf", 200, "content_length", 88),
        ("443", "/broken/eicar.txt/303", 303, "content_length", 68),
        ("450", "/broken/eicar.txt/204", 204, "none", 0),
        ("457", "/broken/eicar.txt/403", 403, "content_length", 68),
        ("475", "/broken/eicar.txt/299", 299, "content_length", 68),
        ("493", "/broken/eicar.txt/lf-lf-header;chunked", 200, "chunked", 158),
        ("500", "/range/eicar.txt/full", 200, "content_length", 68),
    ],
    # Shorter than stated; or a head whose end never comes, because a line of one blank continues the line before it.
    # In these captures the client closes in the very next packet.
    ("truncated", "client_closed"): [
        ("207", "/compressed/eicar.txt/ce%3Agzip;gzip;replace%3A-4,4=;clen%2B4", 200, "content_length", 84),
        ("208", "/compressed/eicar.txt/ce%3Agzip;gzip;replace%3A-8,8=;clen%2B8", 200, "content_length", 80),
        ("416", "/broken/eicar.txt/end-lf%5C040lf", 200, None, None),
        ("428", "/broken/eicar.txt/chunked;end-lf%5C011lf", 200, "chunked", 0),
    ],
    # RFC 9112 section 7.1: what stands in the place of a chunk size is none.
    ("malformed", "bad_chunk"): [
        ("010", "/chunked/eicar.txt/size-%5C054", 200, "chunked", 0),
        ("022", "/chunked/eicar.txt/%5C014-size", 200, "chunked", 0),
        ("090", "/chunked/eicar.txt/tab-colon-chunked,do_clen", 200, "chunked", 0),
        ("101", "/chunked/eicar.txt/lf-before-chunks", 200, "chunked", 0),
    ],
    # RFC 9112 sections 6.1 and 7: transfer codings in HTTP/1.0, or codings that are no tokens.
    ("malformed", "bad_transfer_encoding"): [
        ("041", "/chunked/eicar.txt/chunked,http10", 200, "chunked", 143),
        ("044", "/chunked/eicar.txt/chunked,http10,do_clen", 200, "until_close", 68),
        ("046", "/chunked/eicar.txt/clen,chunked,http10,do_clen", 200, "content_length", 68),
        ("050", "/chunked/eicar.txt/chunked,clen,HTTP/0.9,do_clen", 200, "content_length", 68),
        ("066", "/chunked/eicar.txt/x-chunked", 200, "until_close", 143),
        ("068", "/chunked/eicar.txt/x-chunked,do_clen", 200, "until_close", 68),
        ("290", "/broken/eicar.txt/te%3Achu%5C000nked;do_chunked", 200, "until_close", 158),
        ("304", "/broken/eicar.txt/te%3A%5C013chunked;do_chunked", 200, "until_close", 158),
    ],
    # RFC 9112 section 6.3: two lengths, or one beside chunked.
    ("malformed", "conflicting_lengths"): [
        ("038", "/chunked/eicar.txt/chunked,clen200", 200, "chunked", 143),
        ("040", "/chunked/eicar.txt/addjunk,chunked,clen50", 200, "chunked", 281),
        ("243", "/clen/eicar.txt/close,clen,clen200,content,junk", 200, "content_length", 136),
        ("244", "/clen/eicar.txt/close,clen-folding100,clen200,content,junk", 200, "content_length", 136),
    ],
    # RFC 9110 section 8.6: digits only.
    ("malformed", "bad_length"): [
        ("248", "/clen/eicar.txt/close,clen50-folding100,content", 200, "until_close", 68),
        ("256", "/clen/eicar.txt/close,%28clen%29%5C073,content,junk", 200, "until_close", 136),
        ("257", "/clen/eicar.txt/close,%5C054%28clen%29,content,junk", 200, "content_length", 68),
        ("264", "/clen/eicar.txt/close,%28clen%29.9,content,junk", 200, "until_close", 136),
    ],
    # RFC 9112 sections 2.2 and 5.1, RFC 9110 section 5.5: no colon, no name, a name that is no token, control
    # characters.
    ("malformed", "bad_header"): [
        ("095", "/chunked/eicar.txt/cronly-chunked,do_clen", 200, "until_close", 68),
        ("176", "/compressed/eicar.txt/ce-space-colon-gzip;gzip", 200, "content_length", 88),
        ("188", "/compressed/eicar.txt/ce%3Acrdeflate", 200, "content_length", 68),
        ("193", "/compressed/eicar.txt/ce%3Acr-gzip", 200, "content_length", 68),
        (
            "213",
            "/compressed/eicar.txt/ce%3Acr-gzip;gzip;replace%3A3,1%7C08;replace%3A10,0=2000",
            200,
            "content_length",
            90,
        ),
        (
            "216",
            "/compressed/eicar.txt/ce%3Acr-gzip;gzip;replace%3A3,1%7C04;replace%3A10,0=05004170010000",
            200,
            "content_length",
            95,
        ),
        ("217", "/compressed/eicar.txt/ce%3Acr-gzip;gzip;replace%3A3,1%7C20", 200, "content_length", 88),
        ("219", "/compressed/eicar.txt/ce%3Acr-gzip;gzip;replace%3A3,1%7C80", 200, "content_length", 88),
        (
            "225",
            "/compressed/eicar.txt/ce-space-colon-gzip;gzip;replace%3A3,1%7C02;replace%3A10,0=0000",
            200,
            "content_length",
            90,
        ),
        (
            "226",
            "/compressed/eicar.txt/ce-space-colon-gzip;gzip;replace%3A3,1%7C08;replace%3A10,0=2000",
            200,
            "content_length",
            90,
        ),
        ("234", "/compressed/eicar.txt/ce-space-colon-gzip;gzip;replace%3A-4,1%5Eff", 200, "content_length", 88),
        ("279", "/broken/eicar.txt/colon;chunked", 200, "chunked", 158),
        ("280", "/broken/eicar.txt/177;chunked", 200, "chunked", 158),
        ("285", "/broken/eicar.txt/crcr;chunked", 200, "chunked", 158),
        (
            "300",
            "/broken/eicar.txt/te%5C015%5C012%5C040%5C015%5C012%5C040%3A%5C015%5C012%5C040chunked;do_chunked",
            200,
            "until_close",
            158,
        ),
        ("307", "/broken/eicar.txt/te%3A%5C012%5C000chunked;do_chunked", 200, "until_close", 158),
        (
            "316",
            "/broken/eicar.txt/data%3AContent%5C000-encoding%3Agzip%5C015%5C012;do_gzip",
            200,
            "content_length",
            88,
        ),
        ("318", "/broken/eicar.txt/ce%5C015%5C012%5C040%3Agzip;do_gzip", 200, "content_length", 88),
        ("319", "/broken/eicar.txt/ce%5C015%5C012%5C040%3A%5C015%5C012%5C040gzip;do_gzip", 200, "content_length", 88),
        ("321", "/broken/eicar.txt/ce%5C014%3Agzip;do_gzip", 200, "content_length", 88),
        ("323", "/broken/eicar.txt/ce%3A%5C000gzip;do_gzip", 200, "content_length", 88),
        ("325", "/broken/eicar.txt/ce%3A%5C014gzip;do_gzip", 200, "content_length", 88),
        ("334", "/broken/eicar.txt/ce%3Adef%5C000late;do_deflate", 200, "content_length", 70),
        (
            "335",
            "/broken/eicar.txt/data%3AContent%5C000-encoding%3Adeflate%5C015%5C012;do_deflate",
            200,
            "content_length",
            70,
        ),
        ("337", "/broken/eicar.txt/ce%5C015%5C012%5C040%3Adeflate;do_deflate", 200, "content_length", 70),
        ("350", "/broken/eicar.txt/ce%3Adeflate%5C013;do_deflate", 200, "content_length", 70),
        ("359", "/broken/eicar.txt/junkline", 200, "content_length", 68),
        ("360", "/broken/eicar.txt/spacehdr", 200, "content_length", 68),
        ("435", "/broken/eicar.txt/end-crlf%5C013crlfcrlf", 200, "content_length", 68),
    ],
    # RFC 9112 section 2.3: one digit, a dot, one digit.
    ("malformed", "bad_version"): [
        ("368", "/broken/eicar.txt/proto%3AHTTP/1.01", 200, "content_length", 68),
    ],
    # RFC 9112 section 4: no code of three digits behind version and space.
    ("malformed", "bad_status_line"): [
        (
            "380",
            "/broken/eicar.txt/status%3AHTTP/1.1%28cr%29%28lf%29Transfer-Encoding%3Achunked;do_chunked",
            None,
            "chunked",
            158,
        ),
        ("392", "/broken/eicar.txt/status%3AHTTP/1.1%5C000%28space%29200%28space%29ok;chunked", 200, "chunked", 158),
        ("393", "/broken/eicar.txt/status%3AHTTP/1.1%28space%292%5C00000%28space%29ok;chunked", None, "chunked", 158),
        ("467", "/broken/eicar.txt/2xx", None, "content_length", 68),
        ("472", "/broken/eicar.txt/0200", None, "content_length", 68),
    ],
    # RFC 9112 section 2.1: the message begins with its status line.
    ("malformed", "junk_before"): [
        ("481", "/broken/eicar.txt/space-crlf-header;chunked", 200, "chunked", 158),
        ("486", "/broken/eicar.txt/SIP/2.0-space-200-space-ok-crlf-header;chunked", 200, "chunked", 158),
    ],
    # RFC 9110 section 15.2.2: 101 names the protocol in an Upgrade field.
    ("malformed", "bad_upgrade"): [
        ("448", "/broken/eicar.txt/101", 101, "none", 0),
    ],
    # 102 announces an answer; what follows is the body of none.
    ("malformed", "not_http"): [
        ("449", "/broken/eicar.txt/102", None, None, None),
    ],
}
"""(outcome, outcome_why) → (number of the capture, target, status, framing, bytes of the body as transferred)."""

CASES = [(outcome, case) for outcome, cases in EXPECTED.items() for case in cases]


@pytest.mark.shared
def test_every_capture_is_expected_once(shared_captures: Path) -> None:
    there = {
        path.stem.removeprefix("sv-http-evader-http-evader-")
        for path in (shared_captures / "http1-evader").glob("*.pcap")
    }
    assert sorted(case[0] for _, case in CASES) == sorted(there)


@pytest.mark.shared
@pytest.mark.parametrize(("outcome", "case"), CASES, ids=[case[0] for _, case in CASES])
def test_row(
    shared_captures: Path,
    outcome: tuple[str, str | None],
    case: tuple[str, str, int | None, str | None, int | None],
) -> None:
    number, *expected = case
    capture = shared_captures / "http1-evader" / f"sv-http-evader-http-evader-{number}.pcap"
    analysis = analyze(str(capture), Options(reveal=True))
    (row,) = analysis.http
    assert [row.target, row.status, row.framing, row.response_body_bytes] == expected
    assert (row.method, row.http_version, row.host) == ("GET", "1.1", "evader.example.com")
    assert (row.outcome, row.outcome_why) == outcome
    assert (row.request_frames, row.response_frames is None or row.response_frames[0] == 5) == ((4, 4), True)
    assert [i.status for i in row.informational] == ([102] if number == "449" else [])
    assert "PARSER-FAILED" not in analysis.problem_counts


@pytest.mark.parametrize("why", sorted({why for _, why in EXPECTED if why} | {"bad_request_line", "header_limit"}))
def test_every_reason_has_words(why: str) -> None:
    assert why in sentences.WHY
    assert "_" not in sentences.why(why)
