"""Names of cipher suites, written as the IANA registry writes them.

Rules: the table holds runs of consecutive code points; ``TLS_`` is left out of each name and put back on reading.
Code points that the registry reserves for GREASE read ``GREASE_0A0A``; unknown ones read as hexadecimal
(``0xABCD``), so a name is always there and never a guess. Suites that were used on the wire but never registered
(SSL 3.0 FIPS, 56-bit export, GOST, Chinese SM4, draft ChaCha20) have the names of their specifications.

Sources: IANA "TLS Cipher Suites" registry; RFC 2246, 2712, 3268, 4132, 4162, 4279, 4346, 4492, 4785, 5054, 5246,
5288, 5289, 5469, 5487, 5489, 5932, 6209, 6367, 6655, 7251, 7507, 7905, 8442, 8446, 8492, 8998, 9150, 9189; the SSL
2.0 draft (Hickman, 1995) for the three-byte kinds; RFC 8701 for GREASE.
"""

from __future__ import annotations

from functools import cache

_SIX_KEX = "RSA DH_DSS DH_RSA DHE_DSS DHE_RSA DH_anon"
_GCM_KEX = "RSA DHE_RSA DH_RSA DHE_DSS DH_DSS DH_anon"
_EC_KEX = "ECDHE_ECDSA ECDH_ECDSA ECDHE_RSA ECDH_RSA"
_PSK_KEX = "PSK DHE_PSK RSA_PSK"


def _each(exchanges: str, *ciphers: str) -> str:
    """Spell out ``KEX_WITH_CIPHER`` for each key exchange and, inside it, each cipher."""
    return " ".join(f"{exchange}_WITH_{cipher}" for exchange in exchanges.split() for cipher in ciphers)


_RUNS: tuple[tuple[int, str], ...] = (
    # SSL 3.0, TLS 1.0: RFC 6101, 2246
    (
        0x0000,
        "NULL_WITH_NULL_NULL RSA_WITH_NULL_MD5 RSA_WITH_NULL_SHA RSA_EXPORT_WITH_RC4_40_MD5 RSA_WITH_RC4_128_MD5 "
        "RSA_WITH_RC4_128_SHA RSA_EXPORT_WITH_RC2_CBC_40_MD5 RSA_WITH_IDEA_CBC_SHA RSA_EXPORT_WITH_DES40_CBC_SHA "
        "RSA_WITH_DES_CBC_SHA RSA_WITH_3DES_EDE_CBC_SHA DH_DSS_EXPORT_WITH_DES40_CBC_SHA DH_DSS_WITH_DES_CBC_SHA "
        "DH_DSS_WITH_3DES_EDE_CBC_SHA DH_RSA_EXPORT_WITH_DES40_CBC_SHA DH_RSA_WITH_DES_CBC_SHA "
        "DH_RSA_WITH_3DES_EDE_CBC_SHA DHE_DSS_EXPORT_WITH_DES40_CBC_SHA DHE_DSS_WITH_DES_CBC_SHA "
        "DHE_DSS_WITH_3DES_EDE_CBC_SHA DHE_RSA_EXPORT_WITH_DES40_CBC_SHA DHE_RSA_WITH_DES_CBC_SHA "
        "DHE_RSA_WITH_3DES_EDE_CBC_SHA DH_anon_EXPORT_WITH_RC4_40_MD5 DH_anon_WITH_RC4_128_MD5 "
        "DH_anon_EXPORT_WITH_DES40_CBC_SHA DH_anon_WITH_DES_CBC_SHA DH_anon_WITH_3DES_EDE_CBC_SHA",
    ),
    # Kerberos (RFC 2712), then NULL with PSK (RFC 4785)
    (
        0x001E,
        "KRB5_WITH_DES_CBC_SHA KRB5_WITH_3DES_EDE_CBC_SHA KRB5_WITH_RC4_128_SHA KRB5_WITH_IDEA_CBC_SHA "
        "KRB5_WITH_DES_CBC_MD5 KRB5_WITH_3DES_EDE_CBC_MD5 KRB5_WITH_RC4_128_MD5 KRB5_WITH_IDEA_CBC_MD5 "
        "KRB5_EXPORT_WITH_DES_CBC_40_SHA KRB5_EXPORT_WITH_RC2_CBC_40_SHA KRB5_EXPORT_WITH_RC4_40_SHA "
        "KRB5_EXPORT_WITH_DES_CBC_40_MD5 KRB5_EXPORT_WITH_RC2_CBC_40_MD5 KRB5_EXPORT_WITH_RC4_40_MD5 "
        "PSK_WITH_NULL_SHA DHE_PSK_WITH_NULL_SHA RSA_PSK_WITH_NULL_SHA",
    ),
    (0x002F, _each(_SIX_KEX, "AES_128_CBC_SHA")),
    (0x0035, _each(_SIX_KEX, "AES_256_CBC_SHA")),
    (0x003B, "RSA_WITH_NULL_SHA256 RSA_WITH_AES_128_CBC_SHA256 RSA_WITH_AES_256_CBC_SHA256"),
    (0x003E, _each("DH_DSS DH_RSA DHE_DSS", "AES_128_CBC_SHA256")),
    (0x0041, _each(_SIX_KEX, "CAMELLIA_128_CBC_SHA")),
    # 56-bit export, an expired draft that browsers shipped around 2000
    (
        0x0060,
        "RSA_EXPORT1024_WITH_RC4_56_MD5 RSA_EXPORT1024_WITH_RC2_CBC_56_MD5 RSA_EXPORT1024_WITH_DES_CBC_SHA "
        "DHE_DSS_EXPORT1024_WITH_DES_CBC_SHA RSA_EXPORT1024_WITH_RC4_56_SHA DHE_DSS_EXPORT1024_WITH_RC4_56_SHA "
        "DHE_DSS_WITH_RC4_128_SHA",
    ),
    (
        0x0067,
        "DHE_RSA_WITH_AES_128_CBC_SHA256 DH_DSS_WITH_AES_256_CBC_SHA256 DH_RSA_WITH_AES_256_CBC_SHA256 "
        "DHE_DSS_WITH_AES_256_CBC_SHA256 DHE_RSA_WITH_AES_256_CBC_SHA256 DH_anon_WITH_AES_128_CBC_SHA256 "
        "DH_anon_WITH_AES_256_CBC_SHA256",
    ),
    (
        0x0080,
        "GOSTR341094_WITH_28147_CNT_IMIT GOSTR341001_WITH_28147_CNT_IMIT GOSTR341094_WITH_NULL_GOSTR3411 "
        "GOSTR341001_WITH_NULL_GOSTR3411",
    ),
    (0x0084, _each(_SIX_KEX, "CAMELLIA_256_CBC_SHA")),
    (0x008A, _each(_PSK_KEX, "RC4_128_SHA", "3DES_EDE_CBC_SHA", "AES_128_CBC_SHA", "AES_256_CBC_SHA")),
    (0x0096, _each(_SIX_KEX, "SEED_CBC_SHA")),
    (0x009C, _each(_GCM_KEX, "AES_128_GCM_SHA256", "AES_256_GCM_SHA384")),
    (0x00A8, _each(_PSK_KEX, "AES_128_GCM_SHA256", "AES_256_GCM_SHA384")),
    (0x00AE, _each(_PSK_KEX, "AES_128_CBC_SHA256", "AES_256_CBC_SHA384", "NULL_SHA256", "NULL_SHA384")),
    (0x00BA, _each(_SIX_KEX, "CAMELLIA_128_CBC_SHA256")),
    (0x00C0, _each(_SIX_KEX, "CAMELLIA_256_CBC_SHA256")),
    (0x00C6, "SM4_GCM_SM3 SM4_CCM_SM3"),
    (0x00FF, "EMPTY_RENEGOTIATION_INFO_SCSV"),
    # TLS 1.3: RFC 8446 appendix B.4
    (
        0x1301,
        "AES_128_GCM_SHA256 AES_256_GCM_SHA384 CHACHA20_POLY1305_SHA256 AES_128_CCM_SHA256 AES_128_CCM_8_SHA256 "
        "AEGIS_256_SHA512 AEGIS_128L_SHA256",
    ),
    (0x5600, "FALLBACK_SCSV"),
    # elliptic curves: RFC 4492 (now 8422), then SRP (RFC 5054)
    (
        0xC001,
        _each(
            "ECDH_ECDSA ECDHE_ECDSA ECDH_RSA ECDHE_RSA ECDH_anon",
            "NULL_SHA",
            "RC4_128_SHA",
            "3DES_EDE_CBC_SHA",
            "AES_128_CBC_SHA",
            "AES_256_CBC_SHA",
        ),
    ),
    (0xC01A, _each("SRP_SHA SRP_SHA_RSA SRP_SHA_DSS", "3DES_EDE_CBC_SHA")),
    (0xC01D, _each("SRP_SHA SRP_SHA_RSA SRP_SHA_DSS", "AES_128_CBC_SHA")),
    (0xC020, _each("SRP_SHA SRP_SHA_RSA SRP_SHA_DSS", "AES_256_CBC_SHA")),
    (0xC023, _each(_EC_KEX, "AES_128_CBC_SHA256", "AES_256_CBC_SHA384")),
    (0xC02B, _each(_EC_KEX, "AES_128_GCM_SHA256", "AES_256_GCM_SHA384")),
    (
        0xC033,
        _each(
            "ECDHE_PSK",
            "RC4_128_SHA",
            "3DES_EDE_CBC_SHA",
            "AES_128_CBC_SHA",
            "AES_256_CBC_SHA",
            "AES_128_CBC_SHA256",
            "AES_256_CBC_SHA384",
            "NULL_SHA",
            "NULL_SHA256",
            "NULL_SHA384",
        ),
    ),
    # ARIA (RFC 6209) and Camellia (RFC 6367)
    (0xC03C, _each(_SIX_KEX, "ARIA_128_CBC_SHA256", "ARIA_256_CBC_SHA384")),
    (0xC048, _each(_EC_KEX, "ARIA_128_CBC_SHA256", "ARIA_256_CBC_SHA384")),
    (0xC050, _each(_GCM_KEX, "ARIA_128_GCM_SHA256", "ARIA_256_GCM_SHA384")),
    (0xC05C, _each(_EC_KEX, "ARIA_128_GCM_SHA256", "ARIA_256_GCM_SHA384")),
    (0xC064, _each(_PSK_KEX, "ARIA_128_CBC_SHA256", "ARIA_256_CBC_SHA384")),
    (0xC06A, _each(_PSK_KEX, "ARIA_128_GCM_SHA256", "ARIA_256_GCM_SHA384")),
    (0xC070, _each("ECDHE_PSK", "ARIA_128_CBC_SHA256", "ARIA_256_CBC_SHA384")),
    (0xC072, _each(_EC_KEX, "CAMELLIA_128_CBC_SHA256", "CAMELLIA_256_CBC_SHA384")),
    (0xC07A, _each(_GCM_KEX, "CAMELLIA_128_GCM_SHA256", "CAMELLIA_256_GCM_SHA384")),
    (0xC086, _each(_EC_KEX, "CAMELLIA_128_GCM_SHA256", "CAMELLIA_256_GCM_SHA384")),
    (0xC08E, _each(_PSK_KEX, "CAMELLIA_128_GCM_SHA256", "CAMELLIA_256_GCM_SHA384")),
    (0xC094, _each(f"{_PSK_KEX} ECDHE_PSK", "CAMELLIA_128_CBC_SHA256", "CAMELLIA_256_CBC_SHA384")),
    # CCM: RFC 6655 and 7251
    (0xC09C, _each("RSA DHE_RSA", "AES_128_CCM", "AES_256_CCM")),
    (0xC0A0, _each("RSA DHE_RSA", "AES_128_CCM_8", "AES_256_CCM_8")),
    (0xC0A4, _each("PSK DHE_PSK", "AES_128_CCM", "AES_256_CCM")),
    (0xC0A8, _each("PSK PSK_DHE", "AES_128_CCM_8", "AES_256_CCM_8")),  # registered in this word order
    (0xC0AC, _each("ECDHE_ECDSA", "AES_128_CCM", "AES_256_CCM", "AES_128_CCM_8", "AES_256_CCM_8")),
    (
        0xC0B0,
        _each("ECCPWD", "AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "AES_128_CCM_SHA256", "AES_256_CCM_SHA384"),
    ),
    (0xC0B4, "SHA256_SHA256 SHA384_SHA384"),
    (
        0xC100,
        "GOSTR341112_256_WITH_KUZNYECHIK_CTR_OMAC GOSTR341112_256_WITH_MAGMA_CTR_OMAC "
        "GOSTR341112_256_WITH_28147_CNT_IMIT GOSTR341112_256_WITH_KUZNYECHIK_MGM_L GOSTR341112_256_WITH_MAGMA_MGM_L "
        "GOSTR341112_256_WITH_KUZNYECHIK_MGM_S GOSTR341112_256_WITH_MAGMA_MGM_S",
    ),
    (0xCC13, _each("ECDHE_RSA ECDHE_ECDSA DHE_RSA", "CHACHA20_POLY1305_SHA256")),  # the draft's, before RFC 7905
    (
        0xCCA8,
        _each("ECDHE_RSA ECDHE_ECDSA DHE_RSA PSK ECDHE_PSK DHE_PSK RSA_PSK", "CHACHA20_POLY1305_SHA256"),
    ),
    (0xD001, _each("ECDHE_PSK", "AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "AES_128_CCM_8_SHA256")),
    (0xD005, _each("ECDHE_PSK", "AES_128_CCM_SHA256")),
)

_UNREGISTERED = {  # outside the registry, with the names under which SSL libraries knew them
    0xC0FF: "TLS_ECJPAKE_WITH_AES_128_CCM_8",
    0xE011: "ECDHE_SM4_CBC_SM3",  # GB/T 38636
    0xE013: "ECC_SM4_CBC_SM3",
    0xE051: "ECDHE_SM4_GCM_SM3",
    0xE053: "ECC_SM4_GCM_SM3",
    0x001C: "SSL_FORTEZZA_KEA_WITH_NULL_SHA",
    0x001D: "SSL_FORTEZZA_KEA_WITH_FORTEZZA_CBC_SHA",
    0xFEFE: "SSL_RSA_FIPS_WITH_DES_CBC_SHA",
    0xFEFF: "SSL_RSA_FIPS_WITH_3DES_EDE_CBC_SHA",
    0xFFE0: "SSL_RSA_FIPS_WITH_3DES_EDE_CBC_SHA",
    0xFFE1: "SSL_RSA_FIPS_WITH_DES_CBC_SHA",
}

_SSL2 = {
    0x010080: "SSL2_RC4_128_WITH_MD5",
    0x020080: "SSL2_RC4_128_EXPORT40_WITH_MD5",
    0x030080: "SSL2_RC2_128_CBC_WITH_MD5",
    0x040080: "SSL2_RC2_128_CBC_EXPORT40_WITH_MD5",
    0x050080: "SSL2_IDEA_128_CBC_WITH_MD5",
    0x060040: "SSL2_DES_64_CBC_WITH_MD5",
    0x0700C0: "SSL2_DES_192_EDE3_CBC_WITH_MD5",
    0x080080: "SSL2_RC4_64_WITH_MD5",
}


@cache
def _table() -> dict[int, str]:
    """Spread the runs out, once, when the first suite is named."""
    named = {start + i: f"TLS_{name}" for start, names in _RUNS for i, name in enumerate(names.split())}
    return named | _UNREGISTERED | {code: f"GREASE_{code:04X}" for code in range(0x0A0A, 0x10000, 0x1010)}


def suite_name(code: int) -> str:
    """Return the name of a two-byte cipher suite, ``0xABCD`` when nobody registered it."""
    return _table().get(code) or f"0x{code:04X}"


def ssl2_name(code: int) -> str:
    """Return the name of a three-byte cipher kind of an SSL 2.0 hello; those below 0x010000 are TLS suites."""
    return suite_name(code) if code < 0x10000 else _SSL2.get(code) or f"0x{code:06X}"
