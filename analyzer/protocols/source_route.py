"""Where an IPv4 packet along a source route is really going: the last address of the route.

On the way the destination in the IP header is the next stop; the far end stands last in the option until the route is
used up, that is, until the pointer is past the option's end.

Source: RFC 791 section 3.1 (loose source and record route, strict source and record route).
"""

from __future__ import annotations

from analyzer.addresses import ip_text

_END, _NO_OPERATION = 0, 1
_ROUTES = frozenset({131, 137})  # loose, strict
_ROUTE_HEADER = 3  # type, length, pointer
_ADDRESS = 4


def far_end(options: bytes) -> str | None:
    """Return the address a source route ends at, None without one or at its end.

    Args:
        options: the bytes after the first 20 of an IPv4 header.
    """
    at = 0
    while at < len(options) and options[at] != _END:
        if options[at] == _NO_OPERATION:
            at += 1
            continue
        length = options[at + 1] if at + 1 < len(options) else 0
        if length < 2 or at + length > len(options):
            return None
        if options[at] in _ROUTES:
            return _last_stop(options[at : at + length])
        at += length
    return None


def _last_stop(option: bytes) -> str | None:
    stops = len(option) - _ROUTE_HEADER
    if stops < _ADDRESS or stops % _ADDRESS or option[2] + _ADDRESS - 1 > len(option):
        return None
    return ip_text(option[-_ADDRESS:])
