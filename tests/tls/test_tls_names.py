"""Names: facts from the registries, and every name held against tshark's where it is installed."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from analyzer.protocols.tls.ciphers import ssl2_name, suite_name
from analyzer.protocols.tls.names import (
    alert_level,
    alert_name,
    draft_number,
    group_name,
    is_grease,
    signature_name,
    version_name,
)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (0x0000, "TLS_NULL_WITH_NULL_NULL"),
        (0x0003, "TLS_RSA_EXPORT_WITH_RC4_40_MD5"),
        (0x0005, "TLS_RSA_WITH_RC4_128_SHA"),
        (0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA"),
        (0x009C, "TLS_RSA_WITH_AES_128_GCM_SHA256"),
        (0x00FF, "TLS_EMPTY_RENEGOTIATION_INFO_SCSV"),
        (0x1301, "TLS_AES_128_GCM_SHA256"),
        (0x1302, "TLS_AES_256_GCM_SHA384"),
        (0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
        (0x5600, "TLS_FALLBACK_SCSV"),
        (0xC02B, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
        (0xC030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
        (0xCCA8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
        (0x0A0A, "GREASE_0A0A"),
        (0xFAFA, "GREASE_FAFA"),
        (0xC755, "0xC755"),
    ],
)
def test_cipher_suites(code: int, name: str) -> None:
    assert suite_name(code) == name


def test_ssl2_kinds() -> None:
    assert ssl2_name(0x010080) == "SSL2_RC4_128_WITH_MD5"
    assert ssl2_name(0x0700C0) == "SSL2_DES_192_EDE3_CBC_WITH_MD5"
    assert ssl2_name(0x000004) == "TLS_RSA_WITH_RC4_128_MD5"
    assert ssl2_name(0x990000) == "0x990000"


def test_grease_is_exactly_the_sixteen_of_rfc_8701() -> None:
    assert [code for code in range(0x10000) if is_grease(code)] == [
        0x0A0A, 0x1A1A, 0x2A2A, 0x3A3A, 0x4A4A, 0x5A5A, 0x6A6A, 0x7A7A,
        0x8A8A, 0x9A9A, 0xAAAA, 0xBABA, 0xCACA, 0xDADA, 0xEAEA, 0xFAFA,
    ]  # fmt: skip


def test_versions() -> None:
    assert [version_name(v) for v in (0x0002, 0x0300, 0x0301, 0x0302, 0x0303, 0x0304)] == [
        "SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3",
    ]  # fmt: skip
    assert version_name(0x7F1C) == "TLSv1.3-draft28"
    assert version_name(0x2A2A) == "GREASE_2A2A"
    assert version_name(0x1234) == "0x1234"
    assert (draft_number(0x7F12), draft_number(0xFB1A), draft_number(0x0304)) == (18, 26, None)


def test_groups_signatures_alerts() -> None:
    assert [group_name(g) for g in (1, 23, 25, 28, 29, 30, 41, 0x0100, 0x11EC, 0xFFFF)] == [
        "sect163k1", "secp256r1", "secp521r1", "brainpoolP512r1", "x25519", "x448", "curveSM2", "ffdhe2048",
        "X25519MLKEM768", "0xFFFF",
    ]  # fmt: skip
    assert signature_name(0x0804) == "rsa_pss_rsae_sha256"
    assert signature_name(0x0401) == "rsa_pkcs1_sha256"
    assert signature_name(0x0201) == "rsa_pkcs1_sha1"
    assert signature_name(0x0101) == "rsa_pkcs1_md5"
    assert signature_name(0x0202) == "dsa_sha1"
    assert signature_name(0x9999) == "0x9999"
    assert [alert_name(a) for a in (0, 40, 48, 112, 121, 200)] == [
        "close_notify", "handshake_failure", "unknown_ca", "unrecognized_name", "ech_required", "alert_200",
    ]  # fmt: skip
    assert [alert_level(level) for level in (1, 2, 3)] == ["warning", "fatal", "unknown"]


UNREGISTERED_ELSEWHERE = range(0xE000, 0xF000)
"""Vendors' own suites for which tshark has names."""


@pytest.mark.referee
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_suite_names_are_those_tshark_shows() -> None:
    listing = subprocess.run(["tshark", "-G", "values"], capture_output=True, text=True, check=True).stdout
    theirs: dict[int, str] = {}
    for line in listing.splitlines():
        fields = line.split("\t")
        if fields[:2] == ["V", "tls.handshake.ciphersuite"]:
            theirs[int(fields[2], 0)] = fields[3]
    assert len(theirs) > 300
    different = {
        code: (suite_name(code), name)
        for code, name in theirs.items()
        if not is_grease(code) and code not in UNREGISTERED_ELSEWHERE and suite_name(code) != name
    }
    assert different == {}
