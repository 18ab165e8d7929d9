"""Record data as presentation text, one small function per record type.

Every function gets the whole message (names inside may be compressed), the bounds of the data, and the message's
known names; it must not read beyond its end. Data that breaks its type's rules, and types without a function, are
shown as RFC 3597 section 5 says: ``\\# 4 c0000201``.

Sources: RFC 1035 section 3.3 (and 5.1 for text), 3596 (AAAA), 2782 (SRV), 3403 (NAPTR), 4034 (DNSSEC), 5155
(NSEC3), 4255 (SSHFP), 6698 (TLSA), 7553 (URI), 8659 (CAA), 9460 (SVCB, HTTPS), 1876 (LOC).
"""

from __future__ import annotations

import base64
import re
import socket
import struct
from collections.abc import Callable
from datetime import UTC, datetime

from analyzer.addresses import ip_text
from analyzer.errors import MalformedError
from analyzer.protocols.dns.names import Known, read_name
from analyzer.protocols.dns.registry import svc_key, type_name

Reader = Callable[[bytes, int, int, Known], str]

_QUOTED = re.compile(r'[^ -~]|["\\]')
_UNSAFE_VALUE = re.compile(r"[^!-~]|[\"\\,;()]")


def present(rtype: int, data: bytes, start: int, end: int, known: Known) -> tuple[str, str | None]:
    """Return a record's data ``[start, end)`` of the message as text, and what is wrong with it (or None)."""
    reader = READERS.get(rtype)
    if reader is None or start == end:
        return generic(data[start:end]), None
    try:
        return reader(data, start, end, known), None
    except MalformedError as error:
        return generic(data[start:end]), error.reason
    except (IndexError, struct.error):
        return generic(data[start:end]), "ends early"


def generic(raw: bytes) -> str:
    """Write any data as RFC 3597 does: ``\\# length hex``."""
    return f"\\# {len(raw)} {raw.hex()}".rstrip()


def ipv4_text(raw: bytes) -> str:
    """Write four bytes as a dotted address."""
    return f"{raw[0]}.{raw[1]}.{raw[2]}.{raw[3]}"


def ipv6_text(raw: bytes) -> str:
    """Write sixteen bytes as RFC 5952 does, spelled like every other address of this package."""
    # inet_ntop is several times faster, but writes addresses below ::/80 with a dotted end
    return ip_text(raw) if raw.startswith(b"\0\0\0\0") else socket.inet_ntop(socket.AF_INET6, raw)


def _exactly(start: int, end: int, size: int) -> None:
    if end - start != size:
        raise MalformedError("dns", start, f"data has {end - start} bytes, not {size}")


def _at_least(start: int, end: int, size: int) -> None:
    if end - start < size:
        raise MalformedError("dns", start, "data ends early", size, end - start, "RDLENGTH")


def _name(data: bytes, at: int, end: int, known: Known) -> tuple[str, int]:
    text, after = read_name(data, at, known)
    if after > end:
        raise MalformedError("dns", at, "name runs past the data", bounded_by="RDLENGTH")
    return text, after


def _last_name(data: bytes, at: int, end: int, known: Known) -> str:
    text, after = _name(data, at, end, known)
    if after != end:
        raise MalformedError("dns", after, "bytes follow the data", bounded_by="RDLENGTH")
    return text


def _string(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    """Read a <character-string>: a length octet and that many bytes."""
    _at_least(at, end, 1)
    after = at + 1 + data[at]
    if after > end:
        raise MalformedError("dns", at, "text runs past the data", bounded_by="RDLENGTH")
    return data[at + 1 : after], after


def quoted(raw: bytes) -> str:
    """Write bytes as a quoted <character-string> (RFC 1035 section 5.1)."""
    return f'"{_QUOTED.sub(_escape, raw.decode("latin-1"))}"'


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    return f"\\{character}" if " " <= character <= "~" else f"\\{ord(character):03d}"


def _a(data: bytes, start: int, end: int, known: Known) -> str:
    _exactly(start, end, 4)
    return ipv4_text(data[start:end])


def _aaaa(data: bytes, start: int, end: int, known: Known) -> str:
    _exactly(start, end, 16)
    return ipv6_text(data[start:end])


def _soa(data: bytes, start: int, end: int, known: Known) -> str:
    primary, at = _name(data, start, end, known)
    mailbox, at = _name(data, at, end, known)
    _exactly(at, end, 20)
    return " ".join([primary, mailbox, *map(str, struct.unpack_from("!5I", data, at))])


def _numbers_and_name(layout: str) -> Reader:
    numbers = struct.Struct(layout)

    def read(data: bytes, start: int, end: int, known: Known) -> str:
        _at_least(start, end, numbers.size)
        values = numbers.unpack_from(data, start)
        return " ".join([*map(str, values), _last_name(data, start + numbers.size, end, known)])

    return read


def _numbers_and_hex(layout: str) -> Reader:
    numbers = struct.Struct(layout)

    def read(data: bytes, start: int, end: int, known: Known) -> str:
        _at_least(start, end, numbers.size)
        values = numbers.unpack_from(data, start)
        return " ".join([*map(str, values), data[start + numbers.size : end].hex()])

    return read


def _names(data: bytes, start: int, end: int, known: Known) -> str:
    first, at = _name(data, start, end, known)
    return f"{first} {_last_name(data, at, end, known)}"


def _texts(data: bytes, start: int, end: int, known: Known) -> str:
    parts = []
    while start < end:
        raw, start = _string(data, start, end)
        parts.append(quoted(raw))
    return " ".join(parts)


def _caa(data: bytes, start: int, end: int, known: Known) -> str:
    _at_least(start, end, 2)
    tag, at = _string(data, start + 1, end)
    if not tag.isalnum():
        raise MalformedError("dns", start + 1, "CAA tag is not letters and digits")
    return f"{data[start]} {tag.decode('ascii')} {quoted(data[at:end])}"


def _uri(data: bytes, start: int, end: int, known: Known) -> str:
    _at_least(start, end, 4)
    priority, weight = struct.unpack_from("!HH", data, start)
    return f"{priority} {weight} {quoted(data[start + 4 : end])}"


def _naptr(data: bytes, start: int, end: int, known: Known) -> str:
    _at_least(start, end, 4)
    order, preference = struct.unpack_from("!HH", data, start)
    flags, at = _string(data, start + 4, end)
    services, at = _string(data, at, end)
    pattern, at = _string(data, at, end)
    replacement = _last_name(data, at, end, known)
    return f"{order} {preference} {quoted(flags)} {quoted(services)} {quoted(pattern)} {replacement}"


def _dnskey(data: bytes, start: int, end: int, known: Known) -> str:
    _at_least(start, end, 4)
    flags, protocol, algorithm = struct.unpack_from("!HBB", data, start)
    return f"{flags} {protocol} {algorithm} {_base64(data[start + 4 : end])}".rstrip()


def _rrsig(data: bytes, start: int, end: int, known: Known) -> str:
    _at_least(start, end, 18)
    covered, algorithm, labels, ttl, expires, begins, tag = struct.unpack_from("!HBBIIIH", data, start)
    signer, at = _name(data, start + 18, end, known)
    words = (type_name(covered), algorithm, labels, ttl, _stamp(expires), _stamp(begins), tag, signer)
    return f"{' '.join(map(str, words))} {_base64(data[at:end])}".rstrip()


def _stamp(seconds: int) -> str:
    """Write seconds since 1970 as YYYYMMDDHHmmSS (RFC 4034 section 3.2)."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y%m%d%H%M%S}"


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _nsec(data: bytes, start: int, end: int, known: Known) -> str:
    following, at = _name(data, start, end, known)
    return " ".join([following, *_bitmap(data, at, end)])


def _nsec3(data: bytes, start: int, end: int, known: Known) -> str:
    _at_least(start, end, 5)
    algorithm, flags, iterations = struct.unpack_from("!BBH", data, start)
    salt, at = _string(data, start + 4, end)
    digest, at = _string(data, at, end)
    hashed = base64.b32hexencode(digest).decode("ascii").rstrip("=").lower()
    return " ".join([str(algorithm), str(flags), str(iterations), salt.hex() or "-", hashed, *_bitmap(data, at, end)])


def _nsec3param(data: bytes, start: int, end: int, known: Known) -> str:
    _at_least(start, end, 5)
    algorithm, flags, iterations = struct.unpack_from("!BBH", data, start)
    salt, at = _string(data, start + 4, end)
    _exactly(at, end, 0)
    return f"{algorithm} {flags} {iterations} {salt.hex() or '-'}"


def _bitmap(data: bytes, at: int, end: int) -> list[str]:
    """Read type bit maps: window number, length 1-32, bits (RFC 4034 section 4.1.2)."""
    words = []
    while at < end:
        _at_least(at, end, 2)
        window, size = data[at], data[at + 1]
        if not 1 <= size <= 32 or at + 2 + size > end:
            raise MalformedError("dns", at, "type bit map has a wrong length", bounded_by="RDLENGTH")
        bits = data[at + 2 : at + 2 + size]
        words += [
            type_name(window << 8 | place << 3 | bit)
            for place, octet in enumerate(bits)
            if octet
            for bit in range(8)
            if octet & 0x80 >> bit
        ]
        at += 2 + size
    return words


def _svcb(data: bytes, start: int, end: int, known: Known) -> str:
    _at_least(start, end, 3)
    priority = int.from_bytes(data[start : start + 2], "big")
    target, at = _name(data, start + 2, end, known)
    words = [str(priority), target]
    previous = -1
    while at < end:
        _at_least(at, end, 4)
        key, size = struct.unpack_from("!HH", data, at)
        at += 4
        if at + size > end:
            raise MalformedError("dns", at, "parameter runs past the data", size, end - at, "RDLENGTH")
        if key <= previous:
            raise MalformedError("dns", at, "parameters are not in ascending order")
        previous = key
        words.append(_parameter(key, data[at : at + size], at))
        at += size
    return " ".join(words)


def _parameter(key: int, value: bytes, at: int) -> str:
    """Write one SvcParam as key=value (RFC 9460 section 7)."""
    name = svc_key(key)
    if key == 0:  # mandatory
        _multiple(value, 2, at)
        return f"{name}={','.join(svc_key(number) for (number,) in struct.iter_unpack('!H', value))}"
    if key == 1:  # alpn
        return f"{name}={','.join(map(_value, _alpn(value, at)))}"
    if key == 3:  # port
        _exactly(0, len(value), 2)
        return f"{name}={int.from_bytes(value, 'big')}"
    if key in (4, 6):  # address hints
        size, text = (4, ipv4_text) if key == 4 else (16, ipv6_text)
        _multiple(value, size, at)
        return f"{name}={','.join(text(value[i : i + size]) for i in range(0, len(value), size))}"
    if key == 5:  # ech
        return f"{name}={_base64(value)}"
    return f"{name}={_value(value)}" if value else name


def _multiple(value: bytes, size: int, at: int) -> None:
    if not value or len(value) % size:
        raise MalformedError("dns", at, "parameter has a wrong length")


def _alpn(value: bytes, at: int) -> list[bytes]:
    protocols, place = [], 0
    while place < len(value):
        protocol, place = _string(value, place, len(value))
        if not protocol:
            raise MalformedError("dns", at, "empty ALPN protocol")
        protocols.append(protocol)
    return protocols


def _value(raw: bytes) -> str:
    return _UNSAFE_VALUE.sub(_escape, raw.decode("latin-1"))


def _loc(data: bytes, start: int, end: int, known: Known) -> str:
    """Write a place: ``52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000.00m 10.00m`` (RFC 1876 sections 2, 3)."""
    _exactly(start, end, 16)
    version, size, across, up, latitude, longitude, altitude = struct.unpack_from("!BBBBIII", data, start)
    if version != 0 or any(part >> 4 > 9 or part & 15 > 9 for part in (size, across, up)):
        raise MalformedError("dns", start, "LOC of an unknown version or with a wrong size")
    words = [_angle(latitude, "NS"), _angle(longitude, "EW"), f"{(altitude - 10_000_000) / 100:.2f}m"]
    return " ".join([*words, *(f"{(part >> 4) * 10 ** (part & 15) / 100:.2f}m" for part in (size, across, up))])


def _angle(value: int, sides: str) -> str:
    thousandths = value - (1 << 31)
    minutes, rest = divmod(abs(thousandths), 60_000)
    return f"{minutes // 60} {minutes % 60} {rest / 1000:.3f} {sides[thousandths < 0]}"


READERS: dict[int, Reader] = {
    1: _a,
    2: _last_name,
    3: _last_name,
    4: _last_name,
    5: _last_name,
    6: _soa,
    7: _last_name,
    8: _last_name,
    9: _last_name,
    12: _last_name,
    13: _texts,
    14: _names,
    15: _numbers_and_name("!H"),
    16: _texts,
    17: _names,
    18: _numbers_and_name("!H"),
    21: _numbers_and_name("!H"),
    28: _aaaa,
    29: _loc,
    33: _numbers_and_name("!HHH"),
    35: _naptr,
    36: _numbers_and_name("!H"),
    39: _last_name,
    43: _numbers_and_hex("!HBB"),
    44: _numbers_and_hex("!BB"),
    46: _rrsig,
    47: _nsec,
    48: _dnskey,
    50: _nsec3,
    51: _nsec3param,
    52: _numbers_and_hex("!BBB"),
    53: _numbers_and_hex("!BBB"),
    59: _numbers_and_hex("!HBB"),
    60: _dnskey,
    64: _svcb,
    65: _svcb,
    99: _texts,
    256: _uri,
    257: _caa,
}
"""Record type number -> function that writes its data."""
