"""All rules together: order, bounds, sentences, capture findings, and the samples and shared captures."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.findings.model import SEVERITIES
from analyzer.findings.run import RULES
from analyzer.findings.thresholds import MAX_FINDINGS_PER_CODE
from analyzer.pipeline import analyze
from analyzer.sentences import FINDINGS, finding_text
from tests import build
from tests.conftest import SAMPLES
from tests.visits.scene import Scene, answer, check, get

SHARED_GROUPS = ("labs", "http1", "mixed")
LARGEST = 3_000_000


def test_codes_are_unique_and_have_sentences() -> None:
    codes = [rule.code for rule in RULES]
    assert len(codes) == len(set(codes))
    assert set(codes) <= set(FINDINGS)
    assert {key.partition(".")[0] for key in FINDINGS} <= set(codes), "no sentence without a rule"
    assert {rule.severity for rule in RULES} <= set(SEVERITIES)


def test_worst_first_then_dearest(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/favicon.ico"), answer(404))
    scene.exchange(500, get("/slow"), answer(), took=900, acked=40, client_port=40001)
    scene.exchange(2000, get("/slower"), answer(), took=1900, acked=40, client_port=40002)
    scene.exchange(5000, get("/broken"), answer(500), client_port=40003)
    findings = [f for f in scene.analysis(tmp_path).findings if f.layer == "http" and f.severity != "info"]
    assert [(f.severity, f.args["target"]) for f in findings] == [
        ("error", "/broken"),
        ("warning", "/slower"),
        ("warning", "/slow"),
        ("note", "/favicon.ico"),
    ]


def test_a_flood_of_findings_is_cut_and_the_reader_told(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.handshake()
    for k in range(MAX_FINDINGS_PER_CODE + 1):
        p.at(45 + 25 * k).client.send(get(f"/{k}"))
        p.at(65 + 25 * k).server.send(answer(500))
    analysis = scene.analysis(tmp_path)
    assert len(analysis.http) == MAX_FINDINGS_PER_CODE + 1
    assert [f.code for f in analysis.findings] == ["HTTP-SERVER-ERROR"] * MAX_FINDINGS_PER_CODE
    (problem,) = analysis.problems
    assert (problem.code, problem.layer) == ("LIMIT-REACHED", "http")
    assert "HTTP-SERVER-ERROR" in problem.message
    assert analysis.capture.problem_counts == analysis.problem_counts == {"LIMIT-REACHED": 1}


def test_cut_file(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/"), answer())
    (finding,) = scene.analysis(tmp_path, cut=10).findings
    assert (finding.code, finding.severity, finding.layer) == ("CAPTURE-TRUNCATED", "warning", "capture")
    assert (finding.frames, finding.display_filter) == ((), "")


def test_snaplen(tmp_path: Path) -> None:
    """60 bytes hold an ACK (54), but neither the SYNs with their options nor the two with data."""
    scene = Scene()
    scene.exchange(0, get("/"), answer())
    path = tmp_path / "short.pcap"
    path.write_bytes(build.pcap_file(((t, d[:60], len(d)) for t, d in scene.ordered()), snaplen=60))
    analysis = analyze(str(path))
    (finding,) = [f for f in analysis.findings if f.code == "CAPTURE-SNAPLEN"]
    assert (finding.severity, finding.args["packets"], finding.args["snaplen"]) == ("note", 4, 60)


def test_drops(tmp_path: Path) -> None:
    """An Interface Statistics Block (type 5) with isb_ifdrop (5): the recorder lost 7 packets."""
    packets = Scene()
    packets.exchange(0, get("/"), answer())
    counted = build.pcapng_block(5, bytes(12), options=build.pcapng_option(5, (7).to_bytes(8, "little")))
    path = tmp_path / "drops.pcapng"
    path.write_bytes(build.pcapng_file(packets.ordered()) + counted)
    (finding,) = analyze(str(path)).findings
    assert (finding.code, finding.args["drops"]) == ("CAPTURE-DROPS", 7)


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.pcapng")), ids=lambda path: path.stem)
def test_samples(sample: Path) -> None:
    """Phases add up, evidence is exact, and every sentence has all its words."""
    analysis = analyze(str(sample))
    check(analysis)
    for finding in analysis.findings:
        text = finding_text(finding.title_key, finding.args)
        assert "unknown" not in text.title, (finding.title_key, finding.args)


@pytest.mark.shared
@pytest.mark.parametrize("group", SHARED_GROUPS)
def test_shared_captures(shared_captures: Path, group: str) -> None:
    """The same on captures nobody here made, the large ones aside."""
    seen = 0
    for path in sorted((shared_captures / group).iterdir()):
        if path.suffix in (".pcap", ".pcapng", ".gz") and path.stat().st_size <= LARGEST:
            check(analyze(str(path)))
            seen += 1
    assert seen > 5


CLEAN = (
    "labs/kr-http-ethereal-trace-1.pcap",
    "labs/kr-http-ethereal-trace-3.pcap",
    "labs/kr-http-ethereal-trace-4.pcap",
    "labs/kr-tcp-ethereal-trace-1.pcap",
    "labs/kr-icmp-ethereal-trace-2.pcap",
    "labs/wlabs-HTTP-2.pcapng",
    "labs/ws-training-ws-training-sample.pcapng",
    "mixed/joy-firefox58.pcap",
    "http1/zeek-m57-long-49600-80.pcap",
    "http1/filesamples-simple_http.pcap",
    "tcp/zeek-ssh-dups.pcap",
    "tcp/nDPI-whatsapp.pcap",
    "dns/nDPI-dns-tunnel-iodine.pcap",
)
"""Captures of healthy traffic (or recorded twice, or with late answers refused): read with tshark beside."""

TROUBLE = {
    "labs/kr-ethernet-ethereal-trace-1.pcap": {"TCP-SYN-UNANSWERED"},
    "mixed/nDPI-iphone.pcap": {"DHCP-NO-ANSWER"},  # frames 2, 12, 13, 14, 24: five DISCOVERs of one iMac
    "labs/wlabs-DNS-4.pcapng": {"TCP-SYN-UNANSWERED"},
    "tcp/ppa3-nowebaccess2.pcapng": {"TCP-REFUSED"},
    "tcp/ppa-ftpclientdenied.pcap": {"TCP-SYN-UNANSWERED"},
    "tcp/ppa-email-troubles.pcap": {"TCP-LOSS"},
    "tcp/tcpflow-tests-bug3.pcap": {"TCP-LOSS", "TCP-BACKOFF"},
    "tcp/arkime-long-session.pcap": {"TCP-RESET"},
    "http1/pcap2har-dns_requests.pcap": {"DNS-FAILED", "DNS-SLOW"},
    "http1/ppa3-http_espn_fail.pcapng": {"TCP-SYN-UNANSWERED"},
    "http1/nDPI-http_auth.pcap": {"HTTP-CLIENT-ERROR", "HTTP-CREDENTIALS-CLEAR"},
    "http1/ppa3-http_dvwa_clearlogin.pcapng": {"HTTP-CREDENTIALS-CLEAR"},
    "http1/ppa3-weather_working.pcapng": {"HTTP-FORM-IN-URL"},
    "mixed/gotraffic-captures-http.pcapng": {"HTTP-SLOW-SERVER"},
    "dns/ppa3-nowebaccess1.pcapng": {"DNS-NO-ANSWER"},
    "dns/sv-flow-drop-iponly-02.pcap": {"DNS-FAILED"},
    "tls/nDPI-tls_alert.pcapng": {"TLS-ALERT"},
    "arp/samples-arp欺骗攻击v2.pcap": {"ARP-CONFLICT", "ARP-UNANSWERED"},  # 22 to 24: nobody is .70
}
"""Captures with trouble → the codes of every finding of severity warning or error."""


@pytest.mark.shared
@pytest.mark.parametrize("name", [*CLEAN, *TROUBLE])
def test_alarms_on_captures_read_by_eye(shared_captures: Path, name: str) -> None:
    path = shared_captures / name
    if not path.is_file():
        pytest.skip(f"{name} is not among the shared captures")
    analysis = analyze(str(path))
    alarms = {f.code for f in analysis.findings if f.severity in ("error", "warning")}
    assert alarms == TROUBLE.get(name, set())
