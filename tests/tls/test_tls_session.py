"""Sessions: real handshakes of OpenSSL joined in memory, and hand-made ones; facts come from the SSL objects."""

from __future__ import annotations

import ssl
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.flows.stream import memory_stream
from analyzer.protocols.base import Conversation
from analyzer.protocols.tls.handshake import HELLO_RETRY_RANDOM
from analyzer.protocols.tls.session import session, session_at, session_inside
from analyzer.protocols.tls.side import MAX_RECORDS
from analyzer.schema import TlsRow
from tests.tls.live import MS, NAME, Talk, contexts, conversation, identity, talk
from tests.tls.test_tls_handshake import SSL2_HELLO
from tests.tls.vectors import (
    CHANGE,
    FINISHED_12,
    FINISHED_13,
    RFC8448_CLIENT_HELLO,
    RFC8448_SERVER_HELLO,
    alpn,
    client_hello,
    codes,
    extension,
    message,
    record,
    server_hello,
    sni,
    vector,
)

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
Flights = list[tuple[bool, bytes]]
CLIENT, SERVER = True, False


def row_of(found: TlsRow | None) -> TlsRow:
    assert found is not None
    return found


def read(flights: Flights, **options: bool) -> tuple[TlsRow, list[str]]:
    talked = conversation(flights, **options)
    row = session(talked)
    return row_of(row), sorted(problem.code for problem in talked.problems)


# --- real handshakes -------------------------------------------------------------------------------------------


def full_12() -> Talk:
    return talk(*contexts(V12, alpn=("h2", "http/1.1")), close=True)


def resumed(version: ssl.TLSVersion, *, tickets: bool = True) -> Talk:
    client, server = contexts(version)
    if not tickets:
        for context in (client, server):
            context.options |= ssl.OP_NO_TICKET
        server.set_session_id = None  # type: ignore[attr-defined]
    first = talk(client, server)
    assert first.client is not None
    again = talk(client, server, session=first.client.session)
    assert again.client is not None
    assert again.client.session_reused
    return again


def with_client_certificate() -> Talk:
    client, server = contexts(V12)
    client.load_cert_chain(identity().path)
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(identity().path)
    return talk(client, server)


def retried_13() -> Talk:
    """The server takes only a group for which the client sent no share."""
    client, server = contexts(V13)
    server.set_ecdh_curve("secp384r1")
    return talk(client, server)


def test_full_handshake_of_tls_12() -> None:
    talked = full_12()
    row = row_of(session(talked.conversation()))
    assert talked.cipher == "ECDHE-ECDSA-AES256-GCM-SHA384"
    assert row.cipher == "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
    assert (row.stream, row.transport, row.version, row.outcome) == (7, "tcp", "TLSv1.2", "established")
    assert (row.sni, row.alpn, row.alpn_offered) == (NAME, "h2", ("h2", "http/1.1"))
    assert (row.group, row.signature) == ("x25519", "ecdsa_secp256r1_sha256")
    assert (row.resumption, row.hello_retry, row.early_data, row.ech) == ("none", False, False, False)
    assert row.client_versions == ("TLSv1.2",)
    # hello 1, server's flight 2, client's keys and Finished 3, server's Finished 4, data 5 and 6, goodbyes 7 and 8
    assert (row.client_hello_frame, row.server_hello_frame, row.finished_frame) == (1, 2, 4)
    assert (row.client_hello_time, row.server_hello_time, row.finished_time) == (1 * MS, 2 * MS, 4 * MS)
    assert (row.handshake_ms, row.round_trips, row.handshake_why) == (3.0, 2, None)
    assert row.handshake_history == "CsxknGIFtifDdLl"
    assert row.client_certificate_requested is False
    assert [one.sha256 for one in row.certificates] == [identity().sha256]
    assert row.certificates_why is None
    assert [asdict(alert) for alert in row.alerts] == [
        {"frame": 7, "from_": "client", "level": "unknown", "description": "encrypted"},
        {"frame": 8, "from_": "server", "level": "unknown", "description": "encrypted"},
    ]
    assert row.frames == (1, 2, 3, 4, 7, 8)
    assert (row.decrypted, row.decrypted_why) == (False, "no_keys")


def test_a_ticket_resumes_tls_12_in_one_round_trip() -> None:
    row = row_of(session(resumed(V12).conversation()))
    assert (row.resumption, row.outcome, row.round_trips) == ("ticket", "established", 1)
    assert (row.finished_frame, row.handshake_ms) == (3, 2.0)  # the client's Finished is the last here
    assert (row.certificates, row.certificates_why) == ((), "resumed")
    assert row.client_certificate_requested is False
    assert row.handshake_history[:7] == "CsifIFD"
    assert row.group is None


def test_full_handshake_of_tls_13() -> None:
    talked = talk(*contexts(V13, alpn=("h2",)))
    row = row_of(session(talked.conversation()))
    assert row.cipher == talked.cipher == "TLS_AES_256_GCM_SHA384"
    assert (row.version, row.outcome, row.resumption) == ("TLSv1.3", "established", "none")
    assert (row.finished_frame, row.handshake_ms, row.round_trips) == (3, 2.0, 1)
    assert (row.group, row.signature) == ("x25519", None)
    assert (row.alpn_offered, row.alpn) == (("h2",), None)  # what was chosen is encrypted
    assert (row.certificates, row.certificates_why) == ((), "encrypted")
    assert row.client_certificate_requested is None
    assert row.handshake_history == "CsidID"
    assert row.frames == (1, 2, 3)


def test_a_pre_shared_key_resumes_tls_13() -> None:
    row = row_of(session(resumed(V13).conversation()))
    assert (row.version, row.resumption, row.certificates_why) == ("TLSv1.3", "psk", "resumed")
    assert (row.outcome, row.handshake_ms) == ("established", 2.0)


def test_hello_retry_costs_a_round_trip() -> None:
    row = row_of(session(retried_13().conversation()))
    assert row.hello_retry
    assert (row.version, row.group, row.outcome) == ("TLSv1.3", "secp384r1", "established")
    # hello 1, retry 2, second hello 3, server's flight 4, client's Finished 5
    assert (row.client_hello_frame, row.server_hello_frame, row.finished_frame) == (1, 4, 5)
    assert (row.handshake_ms, row.round_trips) == (4.0, 2)
    assert row.handshake_history.replace("I", "").replace("i", "").startswith("CjCsd")


def test_a_client_certificate_is_asked_for_and_shown() -> None:
    row = row_of(session(with_client_certificate().conversation()))
    assert row.client_certificate_requested is True
    assert row.handshake_history.startswith("CsxkrnXGYIF")
    assert (row.outcome, len(row.certificates)) == ("established", 1)


@pytest.mark.parametrize("version", [V12, V13])
def test_a_client_that_does_not_trust_the_certificate(version: ssl.TLSVersion) -> None:
    talked = talk(*contexts(version), name="elsewhere.test")
    assert talked.error == "CERTIFICATE_VERIFY_FAILED"
    row = row_of(session(talked.conversation()))
    assert (row.sni, row.outcome, row.handshake_why) == ("elsewhere.test", "failed", "alert")
    assert (row.handshake_ms, row.finished_frame, row.round_trips) == (None, None, None)
    assert [(a.frame, a.from_, a.level, a.description) for a in row.alerts] == [
        (3, "client", "fatal", "bad_certificate")
    ]
    assert row.frames == (1, 2, 3)


def test_no_version_in_common() -> None:
    client, _ = contexts(V13)
    _, server = contexts(V12)
    row = row_of(session(talk(client, server).conversation()))
    assert (row.outcome, row.version, row.cipher) == ("failed", None, None)
    assert [(a.from_, a.level, a.description) for a in row.alerts] == [("server", "fatal", "protocol_version")]
    assert row.handshake_history == "Cl"


def test_no_application_protocol_in_common() -> None:
    client, _ = contexts(V12, alpn=("h2",))
    _, server = contexts(V12)
    row = row_of(session(talk(client, server).conversation()))
    assert (row.outcome, row.alpn, row.alpn_offered) == ("established", None, ("h2",))


SCENES = {
    "full 1.2": full_12,
    "ticket 1.2": lambda: resumed(V12),
    "full 1.3": lambda: talk(*contexts(V13)),
    "psk 1.3": lambda: resumed(V13),
    "retry 1.3": retried_13,
    "client certificate": with_client_certificate,
    "untrusted 1.2": lambda: talk(*contexts(V12), name="elsewhere.test"),
    "untrusted 1.3": lambda: talk(*contexts(V13), name="elsewhere.test"),
}
PLACES = {"client_hello_frame", "server_hello_frame", "finished_frame", "frames", "handshake_ms"}


def facts(row: TlsRow) -> dict[str, object]:
    """Everything but frames and times."""
    kept = {key: value for key, value in asdict(row).items() if key not in PLACES and not key.endswith("_time")}
    kept["alerts"] = [(a.from_, a.level, a.description) for a in row.alerts]
    return kept


@pytest.mark.parametrize("scene", SCENES)
def test_three_ways(scene: str) -> None:
    """Whole, byte by byte and with trailing bytes, a session has the same facts."""
    talked = SCENES[scene]()
    whole = row_of(session(talked.conversation()))
    bytewise = row_of(session(talked.conversation(segment=1)))
    assert facts(bytewise) == facts(whole)
    assert bytewise.client_hello_frame == len(talked.flights[0][1])  # complete with its last byte
    assert bytewise.client_hello_time == MS  # begins with its first
    trailing = row_of(session(talked.conversation(after=b"\x00trailing")))
    assert facts(trailing) == facts(whole)
    for size in (7, 100):
        assert facts(row_of(session(talked.conversation(segment=size)))) == facts(whole)


@pytest.mark.parametrize("scene", SCENES)
def test_a_session_inside_a_connection(scene: str) -> None:
    talked = SCENES[scene]()
    before: Flights = [(SERVER, b"220 mail ESMTP\r\n"), (CLIENT, b"STARTTLS\r\n"), (SERVER, b"220 go ahead\r\n")]
    whole = facts(row_of(session(talked.conversation())))
    inside = conversation([*before, *talked.flights])
    assert session(inside) is None
    assert facts(row_of(session_at(inside, 10, 30))) == whole
    found = row_of(session_inside(inside))
    assert facts(found) == whole
    assert found.client_hello_frame == 4
    assert session_at(inside, 0, 0) is None
    assert session_inside(conversation(before)) is None


# --- hand-made sessions ----------------------------------------------------------------------------------------

HELLO_12 = record(22, client_hello((0xC02F, 0x002F), sni(b"a.test") + alpn(b"http/1.1")), 0x0301)
SERVER_DONE = message(14, b"")
RSA_FLIGHT = record(22, server_hello(0x002F) + message(11, bytes(3)) + SERVER_DONE)
RSA_KEYS = record(22, message(16, bytes(130))) + CHANGE + FINISHED_12
DATA = record(23, bytes(100))
FULL_12: Flights = [(CLIENT, HELLO_12), (SERVER, RSA_FLIGHT), (CLIENT, RSA_KEYS), (SERVER, CHANGE + FINISHED_12)]

RFC8448: Flights = [
    (CLIENT, record(22, RFC8448_CLIENT_HELLO, 0x0301)),
    (SERVER, record(22, RFC8448_SERVER_HELLO) + record(23, bytes(674))),
    (CLIENT, FINISHED_13),
    (SERVER, record(23, bytes(222))),
]


def test_the_trace_of_rfc_8448() -> None:
    row, problems = read(RFC8448)
    assert (row.sni, row.version, row.cipher, row.group) == ("server", "TLSv1.3", "TLS_AES_128_GCM_SHA256", "x25519")
    assert (row.finished_frame, row.handshake_ms, row.outcome) == (3, 2.0, "established")
    assert row.ciphers_offered == (
        "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_256_GCM_SHA384",
    )  # fmt: skip
    assert row.client_versions == ("TLSv1.3",)
    assert row.handshake_history == "CsdD"
    assert problems == []


def test_rsa_key_exchange_has_no_group() -> None:
    row, problems = read([*FULL_12, (CLIENT, DATA)])
    assert (row.cipher, row.group, row.signature) == ("TLS_RSA_WITH_AES_128_CBC_SHA", None, None)
    assert row.handshake_history == "CsxnGIFifD"
    assert (row.certificates, row.certificates_why) == ((), "not_captured")
    assert problems == []


def test_session_id_resumption() -> None:
    known = bytes(range(32))
    row, _ = read(
        [
            (CLIENT, record(22, client_hello((0x002F,), session_id=known))),
            (SERVER, record(22, server_hello(0x002F, session_id=known)) + CHANGE + FINISHED_12),
            (CLIENT, CHANGE + FINISHED_12),
        ]
    )
    assert (row.resumption, row.finished_frame, row.round_trips) == ("session_id", 3, 1)
    assert row.handshake_history == "CsifIF"


def test_a_session_id_that_is_not_taken_resumes_nothing() -> None:
    flights: Flights = [(CLIENT, record(22, client_hello((0x002F,), session_id=bytes(32)))), *FULL_12[1:]]
    assert read(flights)[0].resumption == "none"


def test_early_data_does_not_end_the_handshake() -> None:
    """0-RTT records, then the server's flight, EndOfEarlyData (21 bytes encrypted), then the client's Finished."""
    versions = extension(43, vector(codes([0x0304]), 1))
    offer = client_hello((0x1301,), versions + extension(42) + extension(41, bytes(40)))
    answer = server_hello(0x1301, extension(43, codes([0x0304])) + extension(41, b"\x00\x00"))
    row, _ = read(
        [
            (CLIENT, record(22, offer) + record(23, bytes(200))),
            (CLIENT, record(23, bytes(300))),
            (SERVER, record(22, answer) + CHANGE + record(23, bytes(90))),
            (CLIENT, record(23, bytes(21)) + FINISHED_13),
        ]
    )
    assert (row.early_data, row.resumption, row.outcome) == (True, "psk", "established")
    assert (row.finished_frame, row.handshake_ms) == (4, 3.0)


def test_a_client_that_answers_tls_13_with_an_encrypted_alert_has_failed() -> None:
    """A record of 19 bytes is an alert (2), its type (1) and a tag (16); a Finished is 53 at least."""
    row, _ = read([RFC8448[0], RFC8448[1], (CLIENT, CHANGE + record(23, bytes(19)))])
    assert (row.outcome, row.handshake_ms, row.handshake_why) == ("failed", None, "alert")
    assert row.frames == (1, 2, 3)


def test_an_encrypted_alert_before_the_end_of_tls_12() -> None:
    row, _ = read([*FULL_12[:3], (SERVER, CHANGE + record(21, bytes(26)))])
    assert (row.outcome, row.handshake_why) == ("failed", "alert")
    assert [(a.from_, a.description) for a in row.alerts] == [("server", "encrypted")]


def test_a_warning_does_not_end_a_handshake() -> None:
    warned = (SERVER, record(21, b"\x01\x70") + RSA_FLIGHT)
    row, _ = read([FULL_12[0], warned, *FULL_12[2:]])
    assert row.outcome == "established"
    assert [(a.frame, a.level, a.description) for a in row.alerts] == [(2, "warning", "unrecognized_name")]
    row, _ = read([FULL_12[0], (SERVER, record(21, b"\x01\x00"))])
    assert (row.outcome, row.handshake_why) == ("incomplete", "capture_ended")


def test_hello_retry_random_with_plain_hellos_after_change_cipher_spec() -> None:
    """RFC 8446 appendix D.4: both sides may send ChangeCipherSpec before the second hellos."""
    versions = extension(43, vector(codes([0x0304]), 1))
    offer = record(22, client_hello((0x1301,), versions))
    selected = extension(43, codes([0x0304])) + extension(51, codes([23]))
    retry = record(22, server_hello(0x1301, selected, random=HELLO_RETRY_RANDOM))
    answer = record(22, server_hello(0x1301, selected))
    row, _ = read(
        [
            (CLIENT, offer),
            (SERVER, retry + CHANGE),
            (CLIENT, CHANGE + offer),
            (SERVER, answer + record(23, bytes(500))),
            (CLIENT, FINISHED_13),
        ]
    )
    assert (row.handshake_history, row.round_trips, row.finished_frame) == ("CjiICsdD", 2, 5)
    assert row.group == "secp256r1"


def test_the_ssl2_form_of_a_client_hello() -> None:
    flights: Flights = [
        (CLIENT, SSL2_HELLO),
        (SERVER, record(22, server_hello(4, None, version=0x0301) + message(11, bytes(3)) + SERVER_DONE, 0x0301)),
        *FULL_12[2:],
    ]
    row, problems = read(flights)
    assert (row.version, row.cipher, row.outcome) == ("TLSv1.0", "TLS_RSA_WITH_RC4_128_MD5", "established")
    assert row.client_versions == ("TLSv1.0",)
    assert row.ciphers_offered[:3] == (
        "SSL2_RC4_128_WITH_MD5", "SSL2_DES_192_EDE3_CBC_WITH_MD5", "TLS_RSA_WITH_RC4_128_MD5",
    )  # fmt: skip
    assert (row.ja3, row.ja4, row.sni) == (None, None, None)
    assert (row.client_hello_frame, row.finished_frame) == (1, 4)
    assert problems == []


def test_ssl2_itself() -> None:
    head = bytes([4, 0, 1]) + codes([2, 3, 3, 16])
    answer = (len(head) + 22 | 0x8000).to_bytes(2) + head + b"DER" + b"\x01\x00\x80" + bytes(16)
    hello = SSL2_HELLO[:3] + b"\x00\x02" + SSL2_HELLO[5:]
    row, _ = read([(CLIENT, hello), (SERVER, answer)])
    assert (row.version, row.outcome, row.client_versions) == ("SSLv2", "incomplete", ("SSLv2",))
    assert len(row.certificates) == 1


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "plain_http"),
        (b"HTTP/1.0 400\r\n\r\n", "plain_http"),
        (b'<!DOCTYPE HTML>\n<html lang="en">\n', "plain_http"),  # http.server of Python
        (b"<html><head><title>400</title>", "plain_http"),
        (b"<?xml version='1.0'?><stream:stream xmlns='jabber:client'>", "not_tls"),  # XMPP before STARTTLS
        (b"HTTP/1.1 4000 Bad Request\r\n\r\n", "not_tls"),
        (b"HTTP/2.0 400 Bad Request\r\n\r\n", "not_tls"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not_tls"),
    ],
)
def test_a_server_that_does_not_speak_tls(said: bytes, why: str) -> None:
    row, _ = read([(CLIENT, HELLO_12), (SERVER, said)])
    assert (row.outcome, row.handshake_why, row.sni) == ("failed", why, "a.test")


@pytest.mark.parametrize(
    "flights",
    [
        [],
        [(CLIENT, b"GET / HTTP/1.1\r\n\r\n"), (SERVER, b"HTTP/1.1 200 OK\r\n\r\n")],
        [(CLIENT, DATA), (SERVER, b"HTTP/1.1 200 OK\r\n\r\n")],
        [(CLIENT, b"SSH-2.0-x\r\n"), (SERVER, RSA_FLIGHT)],
        [(CLIENT, DATA * 3), (SERVER, DATA * 3)],  # the beginning is there, and it is no hello
    ],
)
def test_what_is_not_tls(flights: Flights) -> None:
    assert session(conversation(flights)) is None


def test_a_capture_that_begins_in_the_middle() -> None:
    row, _ = read([(CLIENT, DATA * 3), (SERVER, DATA * 20)], from_start=False)
    assert (row.outcome, row.version, row.handshake_why) == ("midstream", None, "before_capture")
    assert (row.client_hello_frame, row.ja3, row.round_trips, row.resumption) == (None, None, None, None)
    assert row.certificates_why == "before_capture"
    assert row.handshake_history == "Dd"
    lower, _ = read([(CLIENT, record(23, bytes(64), 0x0301) * 2)], from_start=False)
    assert lower.version == "TLSv1.0"


def test_a_capture_that_begins_inside_a_record() -> None:
    row, _ = read([(SERVER, b"rest of a record"), (SERVER, DATA), (SERVER, DATA)], from_start=False)
    assert row.outcome == "midstream"
    assert session(conversation([(SERVER, b"rest of a record"), (SERVER, b"and more")], from_start=False)) is None


def test_only_the_server_was_captured() -> None:
    row, _ = read([(SERVER, RSA_FLIGHT), (SERVER, CHANGE + FINISHED_12)])
    assert (row.outcome, row.version, row.client_hello_frame) == ("established", "TLSv1.2", None)
    assert (row.finished_frame, row.handshake_ms, row.handshake_why) == (2, None, "not_captured")


def test_guessed_sides_are_put_right_by_the_hellos() -> None:
    swapped: Flights = [(not own, data) for own, data in FULL_12]
    row, _ = read(swapped, from_start=False)
    assert facts(row) == facts(read(FULL_12)[0])


def streams(flights: Flights, *lost: tuple[bool, int, int]) -> Conversation:
    """Return a conversation of which bytes [low, high) of a side were not captured; a flight is a frame."""
    pieces: dict[bool, list[tuple[int, bytes, int, int]]] = {CLIENT: [], SERVER: []}
    ends = {CLIENT: 0, SERVER: 0}
    for frame, (own, data) in enumerate(flights, start=1):
        start, at = ends[own], 0
        for side, low, high in lost:
            if side is own and low < start + len(data) and high > start + at:
                pieces[own].append((start + at, data[at : max(low - start, at)], frame, frame * MS))
                at = high - start
        pieces[own].append((start + at, data[at:], frame, frame * MS))
        ends[own] += len(data)
    client, server = (memory_stream(pieces[own], end=ends[own]) for own in (CLIENT, SERVER))
    return Conversation(0, client, server, ("a", 1), ("b", 443))


def test_a_hole_in_the_server_flight_keeps_the_rest() -> None:
    """Bytes of the certificate are lost; the ServerHello before it and the Finished after it are still read."""
    at = RSA_FLIGHT.index(message(11, bytes(3)))
    talked = streams(FULL_12, (SERVER, at + 1, at + 3))
    row = row_of(session(talked))
    assert (row.cipher, row.outcome) == ("TLS_RSA_WITH_AES_128_CBC_SHA", "established")
    assert row.certificates_why == "lost"
    assert row.handshake_history == "CsGIFif"
    assert {problem.code for problem in talked.problems} == {"TLS-LOST"}


def test_a_hello_that_is_cut_still_names_the_server() -> None:
    cut = len(HELLO_12) - 4
    row = row_of(session(streams([(CLIENT, HELLO_12)], (CLIENT, cut, len(HELLO_12)))))
    assert (row.sni, row.ja3, row.ja4, row.outcome) == ("a.test", None, None, "incomplete")
    assert row.client_hello_frame == 1
    assert row.handshake_why == "lost"


def test_a_lost_finished_leaves_an_established_session_without_a_duration() -> None:
    flights: Flights = [*FULL_12, (CLIENT, DATA), (SERVER, DATA)]
    first = len(RSA_FLIGHT)
    row = row_of(session(streams(flights, (SERVER, first, first + len(CHANGE + FINISHED_12)))))
    assert (row.outcome, row.handshake_ms, row.handshake_why) == ("established", None, "lost")


def test_a_connection_closed_after_the_hello() -> None:
    row, _ = read([(CLIENT, HELLO_12)], closed=True)
    assert (row.outcome, row.handshake_why) == ("incomplete", "closed")


def test_a_broken_hello_is_reported() -> None:
    body = client_hello((0xC02F,), sni(b"a.test"))[4:]
    row, problems = read([(CLIENT, record(22, message(1, body + b"\x00")))])
    assert (row.sni, row.ja3) == ("a.test", None)
    assert problems == ["TLS-MALFORMED"]


def test_endless_fragments_end() -> None:
    """A handshake message of 16 MB in records of one byte: refused, and never more records than the limit."""
    flood = record(22, b"\x01\x00\x40\x00") + record(22, b"x") * (MAX_RECORDS + 500)
    talked = conversation([(CLIENT, HELLO_12 + flood)])
    row = row_of(session(talked))
    assert row.handshake_history == "C"
    assert [problem.code for problem in talked.problems] == ["TLS-LIMIT"]
    requests = record(22, message(0, b"") * 4000)  # HelloRequests, which are empty
    row, problems = read([(CLIENT, HELLO_12), (SERVER, requests)])
    assert len(row.handshake_history) < 300
    assert problems == ["TLS-LIMIT"]
    alerts, problems = read([(CLIENT, HELLO_12 + record(21, b"\x01\x5a") * 5000)])
    assert len(alerts.alerts) < 300
    assert problems == ["TLS-LIMIT"]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.binary(max_size=80)), max_size=6),
    st.sampled_from([b"", HELLO_12, SSL2_HELLO, RSA_FLIGHT, CHANGE]),
    st.booleans(),
)
def test_arbitrary_bytes_never_raise(flights: Flights, first: bytes, from_start: bool) -> None:
    talked = conversation([(CLIENT, first), *flights], from_start=from_start)
    row = session(talked)
    assert row is None or row.outcome in ("established", "failed", "incomplete", "midstream")
    assert row is None or len(row.handshake_history) < 500
    session_at(talked, 0, 0)
    session_inside(talked)


CHANGES = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=6)


@settings(deadline=None)
@given(st.sampled_from([FULL_12, RFC8448]), CHANGES, st.sets(st.integers(0, 30), max_size=4))
def test_damaged_handshakes_never_raise(flights: Flights, changes: list[tuple[int, int]], lost: set[int]) -> None:
    damaged = []
    for own, data in flights:
        out = bytearray(data)
        for at, value in changes:
            if at < len(out):
                out[at] = value
        damaged.append((own, bytes(out)))
    holes = [(own, i * 40, i * 40 + 13) for i in sorted(lost) for own in (CLIENT, SERVER)]
    sizes = {own: sum(len(data) for side, data in damaged if side is own) for own in (CLIENT, SERVER)}
    talked = streams(damaged, *[hole for hole in holes if hole[2] < sizes[hole[0]]])
    row = session(talked)
    if row is not None and row.handshake_ms is not None:
        assert row.outcome == "established"
        assert row.handshake_ms >= 0


def test_a_message_is_done_when_its_record_is_whole() -> None:
    """No receiver can use a part of a record: a hello in its first segment counts with the last."""
    talked = conversation(FULL_12, segment=60)
    row = row_of(session(talked))
    first, flight = -(-len(HELLO_12) // 60), -(-len(RSA_FLIGHT) // 60)
    assert row.client_hello_frame == first
    assert row.server_hello_frame == first + flight
    assert row.client_hello_time == MS
    assert row.server_hello_time == (first + 1) * MS


def test_a_goodbye_after_much_data_is_found_at_the_end() -> None:
    much: Flights = [*FULL_12, (SERVER, DATA * 500), (CLIENT, record(21, bytes(26))), (SERVER, record(21, bytes(26)))]
    row, problems = read(much)
    assert [(a.frame, a.from_, a.description) for a in row.alerts] == [
        (6, "client", "encrypted"), (7, "server", "encrypted"),
    ]  # fmt: skip
    assert row.handshake_history == "CsxnGIFifdLl"
    assert problems == []


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY TCP4 10.0.0.1 10.0.0.2 40000 443\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c" + bytes(12),
    ],
)
def test_a_proxy_protocol_header_before_the_hello(header: bytes) -> None:
    flights: Flights = [(CLIENT, header + HELLO_12), *FULL_12[1:]]
    plain = facts(read(FULL_12)[0])
    assert facts(read(flights)[0]) == plain
    assert facts(row_of(session_inside(conversation(flights)))) == plain
    assert session(conversation([(CLIENT, header + b"GET / HTTP/1.1\r\n\r\n")])) is None


def test_export_and_unknown_suites_have_names() -> None:
    answer = record(22, server_hello(0xC755))
    row, _ = read([(CLIENT, record(22, client_hello((0x0A0A, 0x0003, 0xC755)))), (SERVER, answer)])
    assert row.ciphers_offered == ("GREASE_0A0A", "TLS_RSA_EXPORT_WITH_RC4_40_MD5", "0xC755")
    assert row.cipher == "0xC755"


def test_drafts_of_tls_13() -> None:
    versions = extension(43, vector(codes([0x2A2A, 0x7F1C, 0x0303]), 1))
    row, _ = read(
        [
            (CLIENT, record(22, client_hello((0x1301,), versions))),
            (SERVER, record(22, server_hello(0x1301, extension(43, codes([0x7F1C])))) + DATA),
            (CLIENT, FINISHED_13),
        ]
    )
    assert row.client_versions == ("TLSv1.3-draft28", "TLSv1.2")
    assert (row.version, row.outcome) == ("TLSv1.3", "established")
