"""The HTTP Archive: valid for its schemas, right in what other programs read from it, and without secrets."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.analysis import Analysis
from analyzer.export.har_entry import resource_type
from analyzer.export.har_messages import headers_size
from analyzer.options import Options
from analyzer.pipeline import analyze
from analyzer.schema import Cookie, Parameter, WebSocketMessage
from tests.conftest import SAMPLES, SHARED
from tests.export.archives import archive, complaints, text_of
from tests.report import fixture
from tests.visits.scene import Scene, answer, get, hello

NAMES = sorted(path.stem for path in SAMPLES.glob("*.pcapng"))

CAPTURES = (
    "http1/arkime-http-301-get.pcap",
    "http1/arkime-http-no-length.pcap",
    "http1/arkime-http-post-upload.pcap",
    "http1/arkime-https-connect.pcap",
    "http1/ja4-http1-with-cookies.pcapng",
    "http1/nDPI-WebattackRCE.pcap",
    "http1/nDPI-http_auth.pcap",
    "http1/nDPI-pcap-xss.pcap",
    "http1/nDPI-punycode-idn.pcap",
    "http1/pcap2har-fhs_ncomp.pcap",
    "http1/pcap2har-missing_response.pcap",
    "http1/pcap2har-request_only.pcap",
    "http1/pcap2har-tests-sajal.pcap",
    "http1/PcapPlusPlus-650HttpResponses.pcap",
    "http1/PcapPlusPlus-one_ipv6_http_stream.pcap",
    "http1/ppa3-http_dvwa_clearlogin.pcapng",
    "http1/ppa3-http_dvwa_sqlinjection.pcapng",
    "http1/ppa3-http_post.pcapng",
    "http1/protocol-pcap-httpv6.pcap",
    "http1/samples-http_redirects.pcapng",
    "http1/scapy-http_compressed.pcap",
    "http1/sv-http-gap-double.pcap",
    "http1/sv-http-missing-protocol.pcap",
    "http1/sv-http-request-invalid.pcap",
    "http1/sv-http-uri-spaces.pcap",
    "http1/sv-http1-noint-status.pcap",
    "http1/sv-websocket-basic_websockets.pcap",
    "http1/zeek-byteranges.pcap",
    "http1/zeek-content-length-overflow.pcap",
    "http1/zeek-curl_http_09.pcap",
    "http1/zeek-http-non-printable-characters.pcap",
    "http1/zeek-jupyter-websocket.pcap",
)


@cache
def sample(name: str) -> Analysis:
    return analyze(str(SAMPLES / f"{name}.pcapng"), Options())


@cache
def log_of(name: str) -> dict[str, Any]:
    return archive(sample(name))


def entries(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = log_of(name)["entries"]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_samples_are_valid(name: str) -> None:
    assert complaints(log_of(name)) == []


@pytest.mark.parametrize("name", CAPTURES)
def test_shared_captures_are_valid(name: str, shared_captures: Path) -> None:
    result = analyze(str(shared_captures / name), Options())
    log = archive(result)
    assert complaints(log) == []
    asked = [n for n, row in enumerate(result.http) if row.request_frames is not None]
    assert sorted(entry["_row"] - 1 for entry in log["entries"]) == asked


@pytest.mark.parametrize("name", ["rich", "hostile", "empty"])
def test_made_up_analyses_are_valid(name: str) -> None:
    log = archive(getattr(fixture, name)())
    assert complaints(log) == []
    assert bool(log["entries"]) is (name != "empty")


def test_the_check_finds_what_is_wrong() -> None:
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("serverIPAddress", {"serverIPAddress": "shop.example"}),
        ("startedDateTime", {"startedDateTime": "yesterday"}),
        ("request", {"request": {**entries("loss")[0]["request"], "headersSize": "12"}}),
        ("ssl inside connect", {"timings": {**entries("loss")[0]["timings"], "ssl": 1e6}}),
        ("time is the sum", {"time": 1.0}),
        ("its page exists", {"pageref": "page_77"}),
        ("own fields", {"frames": 1}),
    ]
    for word, change in wrong:
        log = {**log_of("loss"), "entries": [{**entries("loss")[0], **change}]}
        assert any(word in complaint for complaint in complaints(log)), word


# ── what other programs read from it ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["plain-visit", "status-codes", "loss", "web-app"])
def test_haralyzer_reads_what_the_tables_say(name: str) -> None:
    har = pytest.importorskip("haralyzer").HarParser({"log": log_of(name)})
    result = sample(name)
    visits = {f"page_{visit.visit}": visit for visit in result.visits}
    seen = 0
    for page in har.pages:
        visit = visits[page.page_id]
        rows = [result.http[n] for n in visit.http_rows]
        seen += len(rows)
        background = all(row.background for row in rows)  # a WebSocket is never done loading
        assert page.page_load_time == (-1 if background else pytest.approx(visit.duration_ms))
        assert page.url == visit.url.replace("[masked]", "%5Bmasked%5D")
        assert sorted(e.response.status for e in page.entries) == sorted(row.status or 0 for row in rows)
        total = page.get_load_time(asynchronous=False)
        assert total == pytest.approx(sum(row.total_ms or 0.0 for row in rows), abs=1e-3)
        assert page.page_size == sum(0 if row.status == 304 else row.response_body_bytes or 0 for row in rows)
    assert seen == len(result.http)


def test_header_sizes_are_those_of_the_lines() -> None:
    """The sample's programs write ``Name: value`` and CR LF, so that the lines can be put together again."""
    for entry in [*entries("plain-visit"), *entries("status-codes")]:
        request, response = entry["request"], entry["response"]
        target = request["url"].split("/", 3)[3]
        first = f"{request['method']} /{target} {request['httpVersion']}\r\n"
        assert "[masked]" in str(request["headers"]) or request["headersSize"] == len(first) + lines(request["headers"])
        first = f"{response['httpVersion']} {response['status']} {response['statusText']}\r\n"
        assert response["headersSize"] == len(first) + lines(response["headers"])


def lines(headers: list[dict[str, str]]) -> int:
    return sum(len(f"{header['name']}: {header['value']}\r\n") for header in headers) + 2


def test_sizes_and_types_of_the_first_page() -> None:
    """``expected/plain-visit.log``: nginx sent 2344 bytes of body for a page of 7277 bytes, gzipped and chunked."""
    first = entries("plain-visit")[0]
    assert (first["request"]["method"], first["request"]["url"]) == ("GET", "http://www.shop.example/")
    assert first["request"]["bodySize"] == 0
    content = first["response"]["content"]
    assert (content["size"], first["response"]["bodySize"]) == (7277, 2344)
    assert content["compression"] == 7277 - 2344
    assert content["mimeType"] == "text/html"
    assert first["serverIPAddress"] == "198.51.100.80"
    assert first["connection"] == first["_connectionId"] == "0"
    assert first["pageref"] == "page_1"
    assert "text" not in content


def test_status_codes() -> None:
    """The order in which ``samples/make_samples.py`` asks; see samples/README.md, "status-codes"."""
    assert [e["response"]["status"] for e in entries("status-codes")][:16] == [
        *(200, 200, 301, 302, 307, 206, 304, 405, 204, 403, 404, 503, 502, 200, 401, 200)
    ]
    by_status = {e["response"]["status"]: e for e in entries("status-codes")}
    assert by_status[304]["response"]["bodySize"] == 0
    assert by_status[301]["response"]["redirectURL"] == "http://shop.example/"
    assert by_status[404]["response"]["redirectURL"] == ""
    assert by_status[101]["_resourceType"] == "websocket"
    assert by_status[201]["_informational"][0]["status"] == 100
    head = next(e for e in entries("status-codes") if e["request"]["method"] == "HEAD")
    assert (head["response"]["bodySize"], head["response"]["content"]["size"]) == (0, 0)
    login = next(e for e in entries("status-codes") if e["_row"] == 16)
    sent = {header["name"].lower(): header["value"] for header in login["request"]["headers"]}
    assert sent["authorization"] == "Basic [masked]"


def test_encrypted_connections_are_counted_not_invented() -> None:
    log = log_of("first-visit")
    encrypted = sum(not row.decrypted for row in sample("first-visit").tls)
    assert f"{encrypted} encrypted connections have no entries: not decrypted here ({encrypted})." in log["comment"]
    assert {urlsplit(entry["request"]["url"]).scheme for entry in log["entries"]} == {"http"}


def test_a_capture_without_requests_is_an_empty_archive() -> None:
    log = log_of("ping")
    assert (log["pages"], log["entries"]) == ([], [])
    assert log["version"] == "1.2"
    assert log["creator"]["name"] == "capture-analyzer"


# ── times ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_phases_become_timings() -> None:
    row = fixture.http(
        0,
        0,
        100.0,
        dns_ms=30.0,
        connect_ms=20.0,
        tls_ms=25.0,
        blocked_ms=5.0,
        send_ms=1.0,
        wait_ms=9.0,
        receive_ms=10.0,
    )
    analysis = fixture.rich()
    analysis.http, analysis.visits = (row,), ()
    (entry,) = archive(analysis)["entries"]
    assert entry["timings"] == {
        "blocked": 5.0,
        "dns": 30.0,
        "connect": 45.0,  # with ssl
        "ssl": 25.0,
        "send": 1.0,
        "wait": 9.0,
        "receive": 10.0,
    }
    assert entry["time"] == 100.0
    # Sent 100 ms after 22:13:20, and 5 + 30 + 20 + 25 ms were waited before that.
    assert entry["startedDateTime"] == "2023-11-14T22:13:20.020000000Z"
    assert "pageref" not in entry


DURATIONS = st.none() | st.floats(allow_nan=True, allow_infinity=True)


@given(st.tuples(*[DURATIONS] * 7))
def test_timings_are_numbers_that_har_allows(values: tuple[float | None, ...]) -> None:
    names = ("blocked_ms", "dns_ms", "connect_ms", "tls_ms", "send_ms", "wait_ms", "receive_ms")
    analysis = fixture.rich()
    analysis.http, analysis.visits = (fixture.http(0, 0, 0.0, **dict(zip(names, values, strict=True))),), ()
    (entry,) = archive(analysis)["entries"]  # which refuses NaN and Infinity
    times = entry["timings"]
    assert all(value >= 0 or value == -1 for value in times.values())
    assert min(times["send"], times["wait"], times["receive"]) >= 0
    assert times["ssl"] <= times["connect"] or times["ssl"] == -1
    assert entry["time"] >= max(times.values()) or times["ssl"] == max(times.values())


def test_what_is_not_known_is_minus_one_and_says_why() -> None:
    second = next(e for e in entries("plain-visit") if e["connection"] == "0" and e["_row"] == 2)
    assert {second["timings"][name] for name in ("dns", "connect", "ssl")} == {-1}
    assert second["_null_why"] == {"blocked": "idle", "dns": "reused", "connect": "reused", "ssl": "reused"}


def test_a_request_without_a_time_is_marked() -> None:
    analysis = fixture.rich()
    lost = fixture.http(0, 0, 0.0, request_time=None, total_ms=None, send_ms=None, wait_ms=None, receive_ms=None)
    analysis.http, analysis.visits = (lost,), ()
    (entry,) = archive(analysis)["entries"]
    assert "does not say when" in entry["comment"]
    assert entry["time"] == 0
    analysis.capture = replace(analysis.capture, start_time=None)
    log = archive(analysis)
    assert complaints(log) == []


# ── what is missing ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_request_without_answer_has_status_zero_and_an_error() -> None:
    entry = next(e for e in archive(fixture.rich())["entries"] if e["request"]["url"].endswith("/api/reset"))
    assert entry["response"]["status"] == 0
    assert entry["response"]["_error"] == "aborted: the connection was aborted"
    assert (entry["response"]["headersSize"], entry["response"]["bodySize"]) == (-1, -1)
    assert entry["_outcome"] == "aborted"


def test_an_answer_without_request_is_counted() -> None:
    analysis = fixture.rich()
    orphan = fixture.http(0, 0, 0.0, method=None, url=None, target=None, request_frames=None, request_time=None)
    analysis.http, analysis.visits = (*analysis.http, orphan), ()
    log = archive(analysis)
    assert len(log["entries"]) == len(analysis.http) - 1
    assert "1 answer has no entry, because the request is not in the capture." in log["comment"]


def test_a_request_that_cannot_be_read_has_an_entry_all_the_same(tmp_path: Path) -> None:
    """Sixty thousand times 400 is no empty archive; what is not known of them is not made up."""
    scene = Scene()
    bad = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nbad"
    scene.exchange(0, b"\x80\x81 what is this?\r\n\r\n", bad, client_port=40000)
    scene.exchange(1000, hello("shop.example"), bad, client_port=40001)
    log = archive(scene.analysis(tmp_path))
    assert complaints(log) == []
    first, second = log["entries"]
    assert (first["request"]["method"], first["request"]["url"]) == ("", "http://10.0.0.2:80")
    assert (second["request"]["method"], second["request"]["url"]) == ("", "https://10.0.0.2:80")
    for entry in (first, second):
        assert entry["response"]["status"] == 400
        assert entry["response"]["_error"] == "malformed: the bytes are no HTTP"
        assert entry["comment"] == "The request cannot be read; its address is that of the port it was sent to."
        assert entry["request"]["headers"] == entry["request"]["queryString"] == []
        assert "_url" not in entry["request"]
    assert [page["title"] for page in log["pages"]] == ["a request that cannot be read", "https://shop.example:80/"]
    assert "no entry" not in log["comment"]


@pytest.mark.parametrize(
    ("start", "end", "body", "size"),
    [(0, 100, 60, 40), (100, 140, 0, 40), (None, 10, 0, -1), (0, None, 0, -1), (0, 50, None, -1), (0, 10, 20, -1)],
)
def test_headers_size(start: int | None, end: int | None, body: int | None, size: int) -> None:
    assert headers_size(start, end, body) == size


# ── what else is in it ───────────────────────────────────────────────────────────────────────────────────────────


def one(**given_: Any) -> dict[str, Any]:
    analysis = fixture.rich()
    analysis.http, analysis.visits = (fixture.http(0, 0, 0.0, **given_),), ()
    log = archive(analysis)
    assert complaints(log) == []
    (entry,) = log["entries"]
    return dict(entry)


def test_cookies_have_their_flags() -> None:
    entry = one(
        request_headers=(("Cookie", "a=[masked]; b=[masked]"), ("cookie", "c=[masked]")),
        response_headers=(("Set-Cookie", "id=[masked]; Path=/; Secure"), ("Set-Cookie", "old=; Max-Age=0")),
        cookies_set=(
            Cookie("id", True, False, "lax", False, False, None, "/"),
            Cookie("old", False, True, None, False, True, "shop.example", None),
        ),
    )
    assert entry["request"]["cookies"] == [{"name": name, "value": "[masked]"} for name in "abc"]
    assert entry["response"]["cookies"] == [
        {
            "name": "id",
            "value": "[masked]",
            "path": "/",
            "httpOnly": False,
            "secure": True,
            "sameSite": "Lax",
            "_persistent": False,
            "_deleted": False,
        },
        {
            "name": "old",
            "value": "",
            "domain": "shop.example",
            "httpOnly": True,
            "secure": False,
            "_persistent": False,
            "_deleted": True,
        },
    ]


def test_fields_of_address_and_form() -> None:
    entry = one(
        method="POST",
        url="http://shop.example/cart?page=2&q=caf%C3%A9+au+lait",
        request_body_bytes=21,
        request_headers=(("Content-Type", "application/x-www-form-urlencoded"),),
        parameters=(
            Parameter("query", "page", "2", 1),
            Parameter("query", "q", "café au lait", 15),
            Parameter("body", "size", "a b", 3),
            Parameter("body", "password", "[masked]", 8),
        ),
    )
    assert entry["request"]["queryString"] == [
        {"name": "page", "value": "2"},
        {"name": "q", "value": "café au lait"},
    ]
    posted = entry["request"]["postData"]
    assert posted["params"] == [{"name": "size", "value": "a b"}, {"name": "password", "value": "[masked]"}]
    assert posted["text"] == "size=a+b&password=%5Bmasked%5D"
    assert posted["mimeType"] == "application/x-www-form-urlencoded"


def test_a_body_that_is_no_form_is_not_shown() -> None:
    entry = one(method="PUT", request_body_bytes=9, request_headers=(("Content-Type", "application/json"),))
    assert entry["request"]["postData"] == {"mimeType": "application/json", "params": []}
    hidden = one(
        method="POST",
        request_body_bytes=9,
        request_headers=(("Content-Type", "application/x-www-form-urlencoded"),),
        parameters=(Parameter("body", "blob", None, 4000),),
    )
    assert hidden["request"]["postData"]["params"] == [{"name": "blob", "value": "", "comment": "not shown"}]
    assert "text" not in hidden["request"]["postData"]


def test_query_is_read_from_the_address_where_the_table_has_none() -> None:
    assert one(url="http://h.example/?a=1&b&c=%20x%3D")["request"]["queryString"] == [
        {"name": "a", "value": "1"},
        {"name": "b", "value": ""},
        {"name": "c", "value": " x="},
    ]


@pytest.mark.parametrize(
    ("version", "written"),
    [
        ("0.9", "HTTP/0.9"),
        ("1.0", "HTTP/1.0"),
        ("1.1", "HTTP/1.1"),
        ("2", "http/2.0"),
        ("3", "h3"),
        ("1.7", "HTTP/1.7"),
    ],
)
def test_versions_are_written_as_chromium_does(version: str, written: str) -> None:
    entry = one(http_version=version)
    assert entry["request"]["httpVersion"] == entry["response"]["httpVersion"] == written


@pytest.mark.parametrize(
    ("headers", "kind", "found"),
    [
        ((("Sec-Fetch-Dest", "style"),), None, "stylesheet"),
        ((("sec-fetch-dest", "empty"),), "text/html", "fetch"),
        ((("X-Requested-With", "XMLHttpRequest"),), "text/html", "xhr"),
        ((), "text/css", "stylesheet"),
        ((), "application/javascript", "script"),
        ((), "image/png", "image"),
        ((), "text/html", None),
        ((), None, None),
    ],
)
def test_resource_type(headers: tuple[tuple[str, str], ...], kind: str | None, found: str | None) -> None:
    assert resource_type(fixture.http(0, 0, 0.0, request_headers=headers, content_type=kind)) == found


def test_websocket_messages_stand_with_their_handshake() -> None:
    analysis = fixture.rich()
    messages = (
        WebSocketMessage(70, fixture.START + 1_500 * fixture.MS, "client", "text", 5, "hello"),
        WebSocketMessage(71, fixture.START + 1_750 * fixture.MS, "server", "binary", 3, None),
        WebSocketMessage(72, fixture.START + 2_000 * fixture.MS, "client", "close", 2, None),
    )
    spoken = replace(analysis.websocket[0], stream=1, handshake_index=0, messages=messages)
    analysis.websocket = (spoken,)
    found = [e for e in archive(analysis)["entries"] if "_webSocketMessages" in e]
    assert [entry["_row"] for entry in found] == [4]
    assert [(m["type"], m["time"], m["opcode"], m["data"]) for m in found[0]["_webSocketMessages"]] == [
        ("send", 1_700_000_001.5, 1, "hello"),
        ("receive", 1_700_000_001.75, 2, ""),
        ("send", 1_700_000_002.0, 8, ""),
    ]


def test_the_sample_s_websockets_stand_with_their_handshakes() -> None:
    spoken = {(str(row.stream), row.url): row for row in sample("web-app").websocket}
    assert spoken
    found = [entry for entry in entries("web-app") if "_webSocketMessages" in entry]
    assert {entry["connection"] for entry in found} == {stream for stream, _ in spoken}
    for entry in found:
        row = next(row for (stream, _), row in spoken.items() if stream == entry["connection"])
        assert (entry["response"]["status"], entry["_resourceType"]) == (101, "websocket")
        assert [m["_frame"] for m in entry["_webSocketMessages"]] == [message.frame for message in row.messages]
        data = [m["type"] for m in entry["_webSocketMessages"] if m["opcode"] < 8]
        assert (data.count("send"), data.count("receive")) == (row.client_messages, row.server_messages)


def test_a_request_names_the_one_that_caused_it() -> None:
    analysis = fixture.rich()
    analysis.http = (analysis.http[0], replace(analysis.http[1], initiator=0), *analysis.http[2:])
    second = next(e for e in archive(analysis)["entries"] if e["_row"] == 2)
    assert second["_initiator"] == {"type": "other", "url": "http://shop.example/", "_row": 1, "_status": 301}


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_secrets_are_masked_unless_asked_for(tmp_path: Path) -> None:
    scene = Scene()
    request = get("/a?token=hunter2secret&page=3", Cookie="id=c00kiesecret", Authorization="Bearer t0kensecret")
    scene.exchange(0, request, answer(200, 10, **{"Set-Cookie": "sid=s3tsecret; HttpOnly"}))
    scene.analysis(tmp_path)
    path = str(tmp_path / "scene.pcap")
    secrets = ("hunter2secret", "c00kiesecret", "t0kensecret", "s3tsecret")
    hidden, shown = text_of(analyze(path, Options())), text_of(analyze(path, Options(reveal=True)))
    assert [secret for secret in secrets if secret in hidden] == []
    assert [secret for secret in secrets if secret not in shown] == []
    assert "page=3" in hidden
    assert "are masked" in hidden
    assert "are masked" not in shown
    (entry,) = archive(analyze(path, Options(reveal=True)))["entries"]
    assert entry["request"]["cookies"] == [{"name": "id", "value": "c00kiesecret"}]
    assert entry["response"]["cookies"][0]["value"] == "s3tsecret"


# ── the whole shared corpus, where it is there ───────────────────────────────────────────────────────────────────


def test_the_list_of_captures_is_there(shared_captures: Path) -> None:
    assert shared_captures == SHARED
    assert [name for name in CAPTURES if not (shared_captures / name).exists()] == []
