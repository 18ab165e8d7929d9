"""Findings about certificates: names by RFC 9525, times, keys and signatures by the day of the capture."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.findings.rules_certificates import common_name, fits, presented
from analyzer.pipeline import analyze
from analyzer.sentences import sentence
from tests.findings.sessions import certificate, judged, later, session
from tests.visits.scene import alarms, found


def test_a_good_certificate(tmp_path: Path) -> None:
    for code in ("EXPIRED", "EXPIRES", "NAME", "SELF-SIGNED"):
        assert judged(tmp_path, f"TLS-CERT-{code}")(session()) == []
    assert judged(tmp_path, "TLS-WEAK-KEY")(session()) == []


def test_an_encrypted_certificate_is_not_judged(tmp_path: Path) -> None:
    hidden = session(version="TLSv1.3", certificates=(), certificates_why="encrypted")
    for code in ("TLS-CERT-EXPIRED", "TLS-CERT-NAME", "TLS-CERT-SELF-SIGNED", "TLS-WEAK-KEY", "TLS-CERT-EXPIRES"):
        assert judged(tmp_path, code)(hidden) == []


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "pattern", "covered"),
    [
        ("www.example.com", "www.example.com", True),
        ("WWW.Example.COM", "www.example.com", True),
        ("www.example.com.", "www.example.com", True),
        ("foo.example.com", "*.example.com", True),  # RFC 9525 section 6.3
        ("foo.bar.example.com", "*.example.com", False),
        ("example.com", "*.example.com", False),
        ("foo.example.com", "f*.example.com", False),
        ("foo.example.com", "foo.*.com", False),
        ("a.com", "*.com", True),  # whether that is issued is the authorities' matter
        (".example.com", "*.example.com", False),
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:DB8::1", "2001:db8:0:0:0:0:0:1", True),
        ("192.0.2.1", "*.0.2.1", False),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", True),
    ],
)
def test_which_names_a_certificate_covers(name: str, pattern: str, covered: bool) -> None:
    assert fits(name, pattern) == covered


def test_names_of_other_kinds_do_not_count() -> None:
    made = certificate(san=("email:a@shop.example", "URI:https://shop.example/", "DirName:CN=shop.example"))
    assert presented(made) == ("shop.example",), "the common name, as there is no name of a host"
    assert presented(certificate(san=("other.example",))) == ("other.example",), "no common name beside others"
    assert common_name(certificate(subject=r"CN=a\, b+OU=x,O=y")) == "a, b"
    assert common_name(certificate(subject="OU=xCN=no,O=y")) is None


def test_made_for_another_name(tmp_path: Path) -> None:
    other = certificate(san=("cdn.example", "*.cdn.example"))
    (finding,) = judged(tmp_path, "TLS-CERT-NAME")(session(certificates=(other,)))
    assert (finding.severity, finding.blame, finding.frames) == ("warning", "server", (5,)), "the client went on"
    assert sentence(finding.title_key, finding.args) == (
        "The certificate of shop.example is made for others: cdn.example, *.cdn.example"
    )


def test_made_for_another_name_and_refused(tmp_path: Path) -> None:
    other = certificate(san=("cdn.example",))
    (finding,) = judged(tmp_path, "TLS-CERT-NAME")(session(certificates=(other,), outcome="failed"))
    assert finding.severity == "error"


@pytest.mark.parametrize(
    "made",
    [
        certificate(san=("www.shop.example", "*.example")),
        certificate(san=(), subject="CN=shop.example"),
        certificate(san=("cdn.example",), self_signed=True),
        certificate(san=(), subject="O=nobody"),
        certificate(san=tuple(f"{number}.example" for number in range(1000))),
    ],
)
def test_names_that_fit_or_cannot_be_judged(tmp_path: Path, made: object) -> None:
    assert judged(tmp_path, "TLS-CERT-NAME")(session(certificates=(made,))) == []


def test_without_a_name_asked_for_there_is_nothing_to_compare(tmp_path: Path) -> None:
    other = certificate(san=("cdn.example",))
    assert judged(tmp_path, "TLS-CERT-NAME")(session(sni=None, certificates=(other,))) == []


def test_mail_servers_and_private_programs_do_not_compare_names(tmp_path: Path) -> None:
    other, private = certificate(san=("mx.example",)), certificate(san=(), subject="CN=www.g6ghvisevf3ibuu5.net")
    (mail,) = judged(tmp_path, "TLS-CERT-NAME")(session(certificates=(other,)), port=25)
    (tor,) = judged(tmp_path, "TLS-CERT-NAME")(session(certificates=(private,)))
    assert (mail.severity, tor.severity) == ("note", "note")


# ── times ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_run_out(tmp_path: Path) -> None:
    old = certificate(not_before="2022-01-01T00:00:00Z", not_after="2023-11-04T22:13:20Z")
    (finding,) = judged(tmp_path, "TLS-CERT-EXPIRED")(session(certificates=(old,), outcome="failed"))
    assert (finding.title_key, finding.severity, finding.args["days"]) == ("TLS-CERT-EXPIRED", "error", 10)
    assert "valid until 2023-11-04" in sentence(finding.title_key, finding.args)
    (accepted,) = judged(tmp_path, "TLS-CERT-EXPIRED")(session(certificates=(old,)))
    assert accepted.severity == "warning"
    (device,) = judged(tmp_path, "TLS-CERT-EXPIRED")(session(certificates=(certificate_of_a_device(),)))
    assert device.severity == "warning"  # the client goes on, and nobody has looked after it for years


def test_a_clock_that_is_behind_a_self_signed_certificate(tmp_path: Path) -> None:
    early = certificate(not_before="2023-12-01T00:00:00Z", not_after="2033-01-01T00:00:00Z", self_signed=True)
    (finding,) = judged(tmp_path, "TLS-CERT-EXPIRED")(session(certificates=(early,)))
    assert (finding.title_key, finding.severity) == ("TLS-CERT-EXPIRED.early", "note")


def certificate_of_a_device() -> object:
    return certificate(not_before="2010-01-01T00:00:00Z", not_after="2020-01-01T00:00:00Z", self_signed=True)


def test_the_time_of_the_capture_counts(tmp_path: Path) -> None:
    """A certificate of 2010 in a capture of 2011 has not run out, whatever day it is today."""
    old = certificate(not_before="2010-01-01T00:00:00Z", not_after="2013-01-01T00:00:00Z")
    assert judged(tmp_path, "TLS-CERT-EXPIRED")(later(session(certificates=(old,)), -12)) == []


def test_not_begun(tmp_path: Path) -> None:
    soon = certificate(not_before="2023-11-20T00:00:00Z", not_after="2024-11-20T00:00:00Z")
    (finding,) = judged(tmp_path, "TLS-CERT-EXPIRED")(session(certificates=(soon,), outcome="failed"))
    assert (finding.title_key, finding.severity, finding.args["days"]) == ("TLS-CERT-EXPIRED.early", "error", 5)


def test_a_capture_from_before_its_certificates(tmp_path: Path) -> None:
    """By two years: then it is the capture's date that is wrong."""
    (finding,) = judged(tmp_path, "TLS-CERT-EXPIRED")(later(session(), -2))
    assert (finding.title_key, finding.severity, finding.blame) == ("TLS-CERT-EXPIRED.clock", "note", "capture")


def test_a_recorder_without_a_clock(tmp_path: Path) -> None:
    assert judged(tmp_path, "TLS-CERT-EXPIRED")(later(session(), -50)) == []


@pytest.mark.parametrize(
    ("begin", "end", "told"),
    [
        ("2023-09-01", "2023-11-20", True),
        ("2023-09-01", "2023-12-20", False),
        ("2023-11-13", "2023-11-19", False),  # six days in all: five left are most of its life
        ("2023-11-09", "2023-11-15", True),  # less than one of six days left
    ],
)
def test_about_to_run_out(tmp_path: Path, begin: str, end: str, told: bool) -> None:
    made = certificate(not_before=f"{begin}T00:00:00Z", not_after=f"{end}T00:00:00Z")
    findings = judged(tmp_path, "TLS-CERT-EXPIRES")(session(certificates=(made,)))
    assert [f.severity for f in findings] == (["note"] if told else [])


# ── strength ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fields", "years", "severity", "weak"),
    [
        ({"key": "RSA 1024"}, 0, "warning", ["key: RSA 1024 bits"]),
        ({"key": "RSA 1024"}, -11, "note", ["key: RSA 1024 bits"]),  # 2012
        ({"key": "DSA 1024"}, 0, "warning", ["key: DSA 1024 bits"]),
        ({"signature": "sha1WithRSAEncryption"}, 0, "warning", ["signature: SHA-1"]),
        ({"signature": "sha1WithRSAEncryption"}, -8, "note", ["signature: SHA-1"]),  # 2015
        ({"signature": "ecdsa-with-SHA1"}, 0, "warning", ["signature: SHA-1"]),
        ({"signature": "rsassaPss sha1"}, 0, "warning", ["signature: SHA-1"]),
        ({"signature": "md5WithRSAEncryption"}, -11, "warning", ["signature: MD5"]),  # 2012
        ({"signature": "md5WithRSAEncryption"}, -20, "note", ["signature: MD5"]),
        ({"key": "RSA 1024", "self_signed": True}, 0, "warning", ["key: RSA 1024 bits"]),
    ],
)
def test_weak(tmp_path: Path, fields: dict[str, object], years: float, severity: str, weak: list[str]) -> None:
    row = later(session(certificates=(certificate(**fields),)), years)
    (finding,) = judged(tmp_path, "TLS-WEAK-KEY")(row)
    assert (finding.severity, finding.args["weak"]) == (severity, weak)
    assert finding.title_key == ("TLS-WEAK-KEY" if severity == "warning" else "TLS-WEAK-KEY.then")


@pytest.mark.parametrize(
    "fields",
    [
        {"key": "RSA 2048"},
        {"key": "EC secp256r1", "signature": "ecdsa-with-SHA256"},
        {"key": "Ed25519", "signature": "Ed25519"},
        {"key": "", "signature": ""},
        {"signature": "sha1WithRSAEncryption", "self_signed": True},
        {"signature": "sha512WithRSAEncryption"},
    ],
)
def test_strong(tmp_path: Path, fields: dict[str, object]) -> None:
    assert judged(tmp_path, "TLS-WEAK-KEY")(session(certificates=(certificate(**fields),))) == []


def test_issuers_are_at_most_a_note_and_roots_nothing(tmp_path: Path) -> None:
    """Servers send a cross-signed issuer that clients of today need no more."""
    issuer = certificate(signature="sha1WithRSAEncryption", sha256="bb" * 32)
    root = certificate(signature="sha1WithRSAEncryption", key="RSA 1024", self_signed=True, sha256="cc" * 32)
    (finding,) = judged(tmp_path, "TLS-WEAK-KEY")(session(certificates=(certificate(), issuer, root)))
    assert (finding.severity, finding.args["weak"]) == ("note", ["signature: SHA-1"])


def test_self_signed(tmp_path: Path) -> None:
    made = certificate(self_signed=True)
    (finding,) = judged(tmp_path, "TLS-CERT-SELF-SIGNED")(
        session(certificates=(made,)), session(1, certificates=(made,))
    )
    assert (finding.severity, finding.args["count"], finding.frames) == ("note", 2, (5, 13))


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "code", "severity"),
    [
        ("tls/nDPI-selfsigned.pcap", "TLS-CERT-EXPIRED", "warning"),  # until 2016-10-09, recorded in 2020
        ("tls/zeek-certificate-with-sct.pcap", "TLS-CERT-NAME", "warning"),  # www.lilawelt.net, for lilawelt.net
        ("tls/zeek-pop3-starttls.pcap", "TLS-WEAK-KEY", "warning"),
        ("tls/wireshark-tls12-dsb.pcapng", "TLS-CERT-EXPIRES", "note"),
    ],
)
def test_captures(shared_captures: Path, name: str, code: str, severity: str) -> None:
    analysis = analyze(str(shared_captures / name))
    assert {f.severity for f in found(analysis, code)} == {severity}
    assert {c for c, _ in alarms(analysis)} <= {code}
