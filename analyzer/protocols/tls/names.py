"""Names of TLS code points other than cipher suites: versions, groups, signature schemes, alerts, content types.

Rules: names are those of the IANA registries; a code point reserved for GREASE reads ``GREASE_0A0A``, an unknown
one hexadecimal. Versions read ``SSLv2``, ``SSLv3``, ``TLSv1.0`` … ``TLSv1.3``; drafts of 1.3 keep their number.

Sources: IANA "TLS Parameters" and "TLS ExtensionType Values" registries; RFC 8446 section 4.2.3 and 6, RFC 8422,
RFC 7919, RFC 8701 (GREASE), RFC 8734 (Brainpool), RFC 8998 (SM2), RFC 9189 (GOST), draft-ietf-tls-hybrid-design.
"""

from __future__ import annotations

_VERSIONS = {
    0x0002: "SSLv2",
    0x0300: "SSLv3",
    0x0301: "TLSv1.0",
    0x0302: "TLSv1.1",
    0x0303: "TLSv1.2",
    0x0304: "TLSv1.3",
}

DRAFT_WITHOUT_SESSION_ID = 21
"""Up to this draft of TLS 1.3 a ServerHello had no session id and no compression method (changed in draft 22)."""


def is_grease(code: int) -> bool:
    """Tell whether a two-byte code point is one of the sixteen reserved by RFC 8701 (0x0A0A, 0x1A1A, …)."""
    return code & 0x0F0F == 0x0A0A and code >> 8 == code & 0xFF


def draft_number(version: int) -> int | None:
    """Return which draft of TLS 1.3 a version means, None when it is no draft (RFC 8446 section 4.2.1 history)."""
    if version >> 8 == 0x7F:
        return version & 0xFF
    return {0xFB17: 23, 0xFB1A: 26}.get(version)  # Facebook's own marks for drafts 23 and 26


def version_name(version: int) -> str:
    """Return ``TLSv1.2`` and the like; ``TLSv1.3-draft28`` for drafts, ``GREASE_xxxx``, else hexadecimal."""
    draft = draft_number(version)
    return _VERSIONS.get(version) or (f"TLSv1.3-draft{draft}" if draft is not None else _other(version))


def _other(code: int) -> str:
    return f"GREASE_{code:04X}" if is_grease(code) else f"0x{code:04X}"


_FIRST_GROUPS = (
    "sect163k1 sect163r1 sect163r2 sect193r1 sect193r2 sect233k1 sect233r1 sect239k1 sect283k1 sect283r1 sect409k1 "
    "sect409r1 sect571k1 sect571r1 secp160k1 secp160r1 secp160r2 secp192k1 secp192r1 secp224k1 secp224r1 secp256k1 "
    "secp256r1 secp384r1 secp521r1 brainpoolP256r1 brainpoolP384r1 brainpoolP512r1 x25519 x448 brainpoolP256r1tls13 "
    "brainpoolP384r1tls13 brainpoolP512r1tls13 GC256A GC256B GC256C GC256D GC512A GC512B GC512C curveSM2"
)  # code points 1 to 41, without a gap

_GROUPS = {
    **dict(enumerate(_FIRST_GROUPS.split(), start=1)),
    0x0100: "ffdhe2048",
    0x0101: "ffdhe3072",
    0x0102: "ffdhe4096",
    0x0103: "ffdhe6144",
    0x0104: "ffdhe8192",
    0x0200: "MLKEM512",
    0x0201: "MLKEM768",
    0x0202: "MLKEM1024",
    0x11EB: "SecP256r1MLKEM768",
    0x11EC: "X25519MLKEM768",
    0x11ED: "SecP384r1MLKEM1024",
    0x6399: "X25519Kyber768Draft00",
    0x639A: "SecP256r1Kyber768Draft00",
    0xFF01: "arbitrary_explicit_prime_curves",
    0xFF02: "arbitrary_explicit_char2_curves",
}


def group_name(group: int) -> str:
    """Return the name of a named group (key exchange), e.g. ``x25519`` or ``X25519MLKEM768``."""
    return _GROUPS.get(group) or _other(group)


_SCHEMES = {
    0x0804: "rsa_pss_rsae_sha256",
    0x0805: "rsa_pss_rsae_sha384",
    0x0806: "rsa_pss_rsae_sha512",
    0x0807: "ed25519",
    0x0808: "ed448",
    0x0809: "rsa_pss_pss_sha256",
    0x080A: "rsa_pss_pss_sha384",
    0x080B: "rsa_pss_pss_sha512",
    0x081A: "ecdsa_brainpoolP256r1tls13_sha256",
    0x081B: "ecdsa_brainpoolP384r1tls13_sha384",
    0x081C: "ecdsa_brainpoolP512r1tls13_sha512",
    0x0403: "ecdsa_secp256r1_sha256",
    0x0503: "ecdsa_secp384r1_sha384",
    0x0603: "ecdsa_secp521r1_sha512",
    0x0704: "eccsi_sha256",
    0x0705: "iso_ibs1",
    0x0706: "iso_ibs2",
    0x0707: "iso_chinese_ibs",
    0x0708: "sm2sig_sm3",
    0x0904: "mldsa44",
    0x0905: "mldsa65",
    0x0906: "mldsa87",
    0x0420: "rsa_pkcs1_sha256_legacy",
    0x0520: "rsa_pkcs1_sha384_legacy",
    0x0620: "rsa_pkcs1_sha512_legacy",
}
_HASHES = {1: "md5", 2: "sha1", 3: "sha224", 4: "sha256", 5: "sha384", 6: "sha512"}
_SIGNERS = {1: "rsa_pkcs1", 2: "dsa", 3: "ecdsa"}


def signature_name(scheme: int) -> str:
    """Return the name of a signature scheme, or of a TLS 1.2 (hash, signature) pair in the same style.

    In TLS 1.2 the pair says nothing of the curve, so 0x0403 there means ECDSA with SHA-256 on any curve; it has the
    registry's name all the same (RFC 8446 section 4.2.3, RFC 5246 section 7.4.1.4.1).
    """
    name = _SCHEMES.get(scheme)
    if name is None and (scheme >> 8) in _HASHES and (scheme & 0xFF) in _SIGNERS:
        name = f"{_SIGNERS[scheme & 0xFF]}_{_HASHES[scheme >> 8]}"
    return name or _other(scheme)


_ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    52: "too_many_cids_requested",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    111: "certificate_unobtainable",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
    121: "ech_required",
}


def alert_name(description: int) -> str:
    """Return the name of an alert description, ``alert_N`` when it is not registered."""
    return _ALERTS.get(description) or f"alert_{description}"


def alert_level(level: int) -> str:
    """Return ``warning``, ``fatal`` or ``unknown``."""
    return {1: "warning", 2: "fatal"}.get(level, "unknown")
