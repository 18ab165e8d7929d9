"""Fingerprints of hellos: JA3, JA3S and JA4.

Rules: GREASE values never count (they are random by design). A hello that was not read whole, or is in the SSL 2.0
form, has no fingerprint: half of one would name another client.

Sources: JA3/JA3S (Althouse, Atkinson, Atkins, 2017): MD5 over decimal fields; JA4 (FoxIO, the TLS client part only,
which is under BSD-3): technical_details/JA4.md of its repository. The other JA4+ fingerprints have another licence and
are left out.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import md5, sha256

from analyzer.protocols.tls.handshake import ALPN, SERVER_NAME, ClientHello, ServerHello
from analyzer.protocols.tls.names import is_grease

_JA4_VERSIONS = {
    0x0304: "13",
    0x0303: "12",
    0x0302: "11",
    0x0301: "10",
    0x0300: "s3",
    0x0002: "s2",
    0xFEFF: "d1",
    0xFEFD: "d2",
    0xFEFC: "d3",
}

CACHED = 4096
"""Fingerprints remembered: a capture holds few distinct clients, each saying hello thousands of times."""


def ja3_text(hello: ClientHello) -> str:
    """Return the text that JA3 hashes: ``version,ciphers,extensions,groups,point formats``."""
    fields = (hello.ciphers, hello.extensions, hello.groups)
    lists = ["-".join([str(code) for code in field if not is_grease(code)]) for field in fields]
    return f"{hello.version},{','.join(lists)},{'-'.join(map(str, hello.point_formats))}"


def ja3(hello: ClientHello) -> str | None:
    """Return the JA3 fingerprint, None for a hello that cannot have one."""
    if not hello.complete or hello.ssl2:
        return None
    return _md5(ja3_text(hello))


def ja3s(hello: ServerHello) -> str | None:
    """Return the JA3S fingerprint (``version,cipher,extensions``), None for a hello that was not whole."""
    if not hello.complete or hello.cipher is None:
        return None
    return _md5(f"{hello.version},{hello.cipher},{'-'.join(map(str, hello.extensions))}")


def ja4(hello: ClientHello, transport: str = "t") -> str | None:
    """Return the JA4 fingerprint of a client.

    Args:
        transport: ``t`` for TLS over TCP, ``q`` for QUIC, ``d`` for DTLS.
    """
    if not hello.complete or hello.ssl2:
        return None
    ciphers = [code for code in hello.ciphers if not is_grease(code)]
    extensions = [code for code in hello.extensions if not is_grease(code)]
    versions = [code for code in hello.versions if not is_grease(code)]
    version = _JA4_VERSIONS.get(max(versions) if versions else hello.version, "00")
    named = "d" if SERVER_NAME in extensions else "i"
    head = f"{transport}{version}{named}{min(len(ciphers), 99):02d}{min(len(extensions), 99):02d}{_ends(hello.alpn)}"
    listed = ",".join([f"{code:04x}" for code in sorted(ciphers)])
    # server name and ALPN are counted but not hashed: they differ with the destination, not with the client
    hashed = ",".join([f"{code:04x}" for code in sorted(extensions) if code not in (SERVER_NAME, ALPN)])
    signatures = ",".join([f"{code:04x}" for code in hello.signature_algorithms if not is_grease(code)])
    return f"{head}_{_sha(listed)}_{_sha(f'{hashed}_{signatures}' if signatures else hashed)}"


def _ends(alpn: tuple[bytes, ...]) -> str:
    """Return first and last character of the first ALPN name, of its hexadecimal form when one is not alphanumeric."""
    if not alpn or not alpn[0]:
        return "00"
    name = alpn[0]
    ends = bytes((name[0], name[-1]))
    if ends.isalnum():
        return ends.decode("ascii")
    digits = name.hex()
    return digits[0] + digits[-1]


@lru_cache(CACHED)
def _md5(text: str) -> str:
    return md5(text.encode("ascii"), usedforsecurity=False).hexdigest()


@lru_cache(CACHED)
def _sha(text: str) -> str:
    return sha256(text.encode("ascii")).hexdigest()[:12] if text else "000000000000"
