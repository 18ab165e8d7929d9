"""Findings about TLS sessions: versions and ciphers by the day, handshakes that were slow, cut off or done in vain."""

from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from analyzer.sentences import finding_text, sentence
from analyzer.visits.model import Facts
from tests.findings.sessions import MS, facts, judged, later, rule, session
from tests.tls.live import contexts, talk
from tests.visits.scene import Scene, alarms, answer, found, get, hello

ALL = (
    "TLS-OLD-VERSION",
    "TLS-WEAK-CIPHER",
    "TLS-SLOW",
    "TLS-INCOMPLETE",
    "TLS-HELLO-RETRY",
    "TLS-NO-RESUMPTION",
)


def test_a_good_session(tmp_path: Path) -> None:
    for code in ALL:
        assert judged(tmp_path, code)(session(), session(1, resumption="ticket")) == []


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_real_session(tmp_path: Path, version: ssl.TLSVersion) -> None:
    """Two ends of OpenSSL; the certificate is their own."""
    scene = Scene()
    p = scene.connection(server_port=443)
    p.handshake()
    for number, (own, data) in enumerate(talk(*contexts(version)).flights):
        (p.at(41 + 40 * number).client if own else p.at(41 + 40 * number).server).send(data)
    analysis = scene.analysis(tmp_path)
    assert [row.outcome for row in analysis.tls] == ["established"]
    tls = [f.code for f in analysis.findings if f.layer == "tls"]
    assert tls == ([] if version is ssl.TLSVersion.TLSv1_3 else ["TLS-CERT-SELF-SIGNED"])


# ── versions and ciphers ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("version", "years", "severity"),
    [
        ("TLSv1.0", 0, "warning"),
        ("TLSv1.1", 0, "warning"),
        ("TLSv1.0", -3, "note"),  # 2020
        ("SSLv3", 0, "warning"),
        ("SSLv3", -8, "warning"),  # end of 2015
        ("SSLv3", -9, "note"),  # 2014
        ("SSLv2", -13, "note"),  # 2010
        ("SSLv2", -10, "warning"),
    ],
)
def test_old_version(tmp_path: Path, version: str, years: float, severity: str) -> None:
    (finding,) = judged(tmp_path, "TLS-OLD-VERSION")(later(session(version=version), years))
    assert (finding.severity, finding.frames) == (severity, (5,))
    assert finding.title_key == ("TLS-OLD-VERSION" if severity == "warning" else "TLS-OLD-VERSION.then")
    assert version.replace("v", " ") in sentence(finding.title_key, finding.args)


def test_what_was_offered_does_not_count(tmp_path: Path) -> None:
    """The client could speak TLS 1.0; what the server chose is what is used."""
    row = session(client_versions=("TLSv1.3", "TLSv1.0"), ciphers_offered=("TLS_RSA_WITH_RC4_128_MD5",))
    assert judged(tmp_path, "TLS-OLD-VERSION")(row) == []
    assert judged(tmp_path, "TLS-WEAK-CIPHER")(row) == []
    assert judged(tmp_path, "TLS-OLD-VERSION")(session(version="TLSv1.0", server_hello_frame=None)) == []


@pytest.mark.parametrize(
    ("cipher", "years", "severity", "weak", "variant"),
    [
        ("TLS_RSA_WITH_RC4_128_SHA", 0, "warning", ["RC4"], None),
        ("TLS_RSA_WITH_RC4_128_SHA", -9, "note", ["RC4"], "then"),  # 2014
        ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", 0, "warning", ["3DES"], None),
        ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", -8, "note", ["3DES"], "then"),
        ("TLS_RSA_EXPORT_WITH_DES40_CBC_SHA", -10, "warning", ["EXPORT", "DES"], None),
        ("TLS_RSA_WITH_NULL_SHA256", -15, "warning", ["NULL"], "null"),
        ("TLS_DH_anon_WITH_AES_128_CBC_SHA", -15, "warning", ["anon"], "anon"),
    ],
)
def test_weak_cipher(
    tmp_path: Path, cipher: str, years: float, severity: str, weak: list[str], variant: str | None
) -> None:
    (finding,) = judged(tmp_path, "TLS-WEAK-CIPHER")(later(session(cipher=cipher), years))
    assert (finding.severity, finding.args["weak"]) == (severity, weak)
    assert finding.title_key == "TLS-WEAK-CIPHER" + (f".{variant}" if variant else "")


@pytest.mark.parametrize(
    "cipher",
    [
        "TLS_AES_128_GCM_SHA256",
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
        "TLS_RSA_WITH_AES_128_CBC_SHA",
        "TLS_RSA_WITH_CAMELLIA_128_CBC_SHA",
        None,
    ],
)
def test_ciphers_that_hold(tmp_path: Path, cipher: str | None) -> None:
    assert judged(tmp_path, "TLS-WEAK-CIPHER")(session(cipher=cipher)) == []


def test_one_finding_for_a_server_s_ciphers(tmp_path: Path) -> None:
    rows = [session(n, cipher=f"TLS_RSA_WITH_{c}") for n, c in enumerate(("RC4_128_SHA", "3DES_EDE_CBC_SHA"))]
    (finding,) = judged(tmp_path, "TLS-WEAK-CIPHER")(*rows)
    assert (finding.args["weak"], finding.args["count"], finding.frames) == (["RC4", "3DES"], 2, (5, 13))


# ── slow ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def slowly(answer_ms: float, rest_ms: float, **fields: object) -> object:
    """A handshake in which the server answered after so long, and the rest took so long; round trips are of 40 ms."""
    row = session(**fields)
    start = row.client_hello_time or 0
    return replace(
        row,
        server_hello_time=start + round(answer_ms * MS),
        finished_time=start + round((answer_ms + rest_ms) * MS),
        handshake_ms=answer_ms + rest_ms,
    )


def test_a_slow_server(tmp_path: Path) -> None:
    (finding,) = judged(tmp_path, "TLS-SLOW")(slowly(940, 60))
    assert (finding.title_key, finding.severity, finding.blame) == ("TLS-SLOW", "warning", "server")
    assert (finding.cost_ms, finding.args["server_ms"], finding.frames) == (920, 900, (4, 5, 7))
    assert sentence(finding.title_key, finding.args).endswith("the handshake lasted 1.00 s")


def test_a_client_that_takes_its_time(tmp_path: Path) -> None:
    (finding,) = judged(tmp_path, "TLS-SLOW")(slowly(41, 3000))
    assert (finding.title_key, finding.severity, finding.blame) == ("TLS-SLOW.client", "note", "client")


def test_an_answer_quicker_than_the_handshake(tmp_path: Path) -> None:
    """The server's hello came 19 ms after the client's, though the round trip was 40 ms: its own share is none."""
    (finding,) = judged(tmp_path, "TLS-SLOW")(slowly(19, 3000))
    assert finding.args["server_ms"] == 0


def test_a_long_way_is_no_slow_handshake(tmp_path: Path) -> None:
    """Four round trips of 200 ms are 800 ms; nobody but the distance is to blame."""
    scene = Scene()
    p = scene.connection(server_port=443, rtt_ms=200)
    p.handshake()
    p.at(210).client.send(hello("shop.example"))
    p.at(410).server.send(b"\x16\x03\x03\x00\x04\x02\x00\x00\x00")
    analysis = scene.analysis(tmp_path)
    row = session(handshake_ms=800.0, round_trips=4)
    told = Facts(analysis.capture, (), (), analysis.connections, (row,), (), (), analysis.segments)
    assert list(rule("TLS-SLOW").check(told)) == []


def test_lost_packets_make_a_handshake_slow(tmp_path: Path) -> None:
    """The server's flight comes 900 ms late, by a retransmission that the recorder sees."""
    flights = talk(*contexts(ssl.TLSVersion.TLSv1_2)).flights
    scene = Scene()
    p = scene.connection(server_port=443)
    p.handshake()
    p.at(41).client.send(flights[0][1])
    segments = p.server.prepare(flights[1][1])
    p.at(81)
    for segment in segments:
        p.emit(segment, delivered=False)
    p.at(981).resend(segments)
    p.client.ack()
    for number, (own, data) in enumerate(flights[2:]):
        (p.at(982 + 40 * number).client if own else p.at(982 + 40 * number).server).send(data)
    analysis = scene.analysis(tmp_path)
    (finding,) = found(analysis, "TLS-SLOW")
    assert (finding.title_key, finding.severity, finding.blame) == ("TLS-SLOW.network", "warning", "network")


def test_verdict_and_finding_agree_on_a_handshake_held_up(tmp_path: Path) -> None:
    """The server's flight comes 1900 ms late on two connections: the verdict on the visit names the same cause."""
    flights = talk(*contexts(ssl.TLSVersion.TLSv1_2)).flights
    scene = Scene()
    for number in range(2):
        late = 200 * number
        p = scene.connection(server_port=443, client_port=40000 + number)
        p.handshake()
        p.at(41).client.send(flights[0][1])
        segments = p.server.prepare(flights[1][1])
        p.at(81)
        for segment in segments:
            p.emit(segment, delivered=False)
        p.at(1981 + late).resend(segments)
        p.client.ack()
        for turn, (own, data) in enumerate(flights[2:]):
            (p.at(1982 + late + 40 * turn).client if own else p.at(1982 + late + 40 * turn).server).send(data)
    analysis = scene.analysis(tmp_path)
    (finding,) = found(analysis, "TLS-SLOW")
    assert (finding.title_key, finding.blame) == ("TLS-SLOW.network_many", "network")
    assert "2 handshakes" in sentence(finding.title_key, finding.args)
    visit = analysis.visits[0]
    assert (visit.blame, visit.blame_key) == ("network", "blame.slow.loss.encrypted")
    assert visit.blame_args["lost_ms"] == 1900


def test_losses_after_the_handshake_do_not_excuse_it(tmp_path: Path) -> None:
    """The server took its time; what was lost was lost later."""
    flights = talk(*contexts(ssl.TLSVersion.TLSv1_2)).flights
    scene = Scene()
    p = scene.connection(server_port=443)
    p.handshake()
    p.at(41).client.send(flights[0][1])
    for number, (own, data) in enumerate(flights[1:]):
        (p.at(981 + 40 * number).client if own else p.at(981 + 40 * number).server).send(data)
    p.at(2000).client.ack()
    lost = p.server.prepare(b"x" * 3000)
    for segment in lost:
        p.at(2001).emit(segment, delivered=False)
    p.at(3500).resend(lost)
    p.at(3501).client.ack()
    (finding,) = found(scene.analysis(tmp_path), "TLS-SLOW")
    assert (finding.title_key, finding.blame) == ("TLS-SLOW", "server")


# ── cut off ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_handshake_that_was_reset(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection(server_port=443)
    p.handshake()
    p.at(50).client.send(hello("shop.example"))
    p.at(90).server.rst()
    (finding,) = found(scene.analysis(tmp_path), "TLS-INCOMPLETE")
    assert (finding.severity, finding.blame, finding.frames) == ("note", "server", (4, 5))
    assert sentence(finding.title_key, finding.args) == (
        "The server broke the TLS handshake with shop.example off without a word (1 time)"
    )


def test_a_handshake_that_fell_silent(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection(server_port=443)
    p.handshake()
    p.at(50).client.send(hello("shop.example"))
    p.at(90).server.ack()
    scene.exchange(20_000, get("/"), answer(), client_port=40001)
    (finding,) = found(scene.analysis(tmp_path), "TLS-INCOMPLETE")
    assert (finding.title_key, finding.severity) == ("TLS-INCOMPLETE.silent", "note")


def test_a_handshake_cut_by_the_end_of_the_capture(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection(server_port=443)
    p.handshake()
    p.at(50).client.send(hello("shop.example"))
    p.at(90).server.ack()
    analysis = scene.analysis(tmp_path)
    assert found(analysis, "TLS-INCOMPLETE") == []
    assert alarms(analysis) == []


# ── in vain ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_hello_retry(tmp_path: Path) -> None:
    rows = [session(n, version="TLSv1.3", hello_retry=True, certificates=(), group="secp384r1") for n in range(2)]
    (finding,) = judged(tmp_path, "TLS-HELLO-RETRY")(*rows)
    assert (finding.severity, finding.cost_ms, finding.args["count"]) == ("note", 80, 2)
    assert "secp384r1" in finding_text(finding.title_key, finding.args).why


def test_never_resumed(tmp_path: Path) -> None:
    (finding,) = judged(tmp_path, "TLS-NO-RESUMPTION")(*(session(n) for n in range(5)))
    assert (finding.title_key, finding.severity) == ("TLS-NO-RESUMPTION", "note")
    assert (finding.args["full"], finding.args["again"], finding.cost_ms) == (5, 4, 160)
    (newer,) = judged(tmp_path, "TLS-NO-RESUMPTION")(*(session(n, version="TLSv1.3") for n in range(5)))
    assert (newer.title_key, newer.cost_ms) == ("TLS-NO-RESUMPTION.without_cost", None)


def test_three_in_a_row_and_a_resumed_one_are_no_habit(tmp_path: Path) -> None:
    judge = judged(tmp_path, "TLS-NO-RESUMPTION")
    assert judge(*(session(n) for n in range(3))) == []
    assert judge(*(session(n) for n in range(5)), session(5, resumption="ticket")) == []
    assert judge(*(session(n, sni=f"{n}.example") for n in range(6))) == []


def test_side_by_side_there_is_nothing_to_resume(tmp_path: Path) -> None:
    """A browser opens six connections at once: none of them can know the others' keys."""
    at_once = session()
    rows = [
        replace(session(n), client_hello_time=at_once.client_hello_time, finished_time=at_once.finished_time)
        for n in range(6)
    ]
    assert judged(tmp_path, "TLS-NO-RESUMPTION")(*rows) == []
    assert facts(tmp_path, *rows).tls == tuple(rows)
