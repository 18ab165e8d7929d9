"""The form both sides of the referee speak: facts by kind and key, and the few rules they share."""

from __future__ import annotations

import ipaddress

Facts = dict[str, dict[tuple[object, ...], object]]
"""Kind → key → value. A fact that is not known to a side is left out there, so None is never a value."""


def put(facts: Facts, kind: str, key: tuple[object, ...], value: object) -> None:
    """Record a fact."""
    facts.setdefault(kind, {})[key] = value


def endpoint(address: str | None, port: object) -> str:
    """Write an endpoint; the address in Python's form, because programs write ``::ffff:1.2.3.4`` in two ways."""
    try:
        return f"{ipaddress.ip_address(address or '')} {port}"
    except ValueError:
        return f"{address} {port}"


def host_name(name: str) -> str:
    """Write a DNS name for comparison: lower case, no final dot, the root as nothing (RFC 4343)."""
    return name.lower().rstrip(".").replace("<root>", "")


def put_transactions(facts: Facts, rows: list[tuple[object, ...]]) -> None:
    """Record (stream, method, target, status) rows; equal ones are told apart by a number."""
    seen: dict[tuple[object, ...], int] = {}
    for row in rows:
        number = seen[row] = seen.get(row, 0) + 1
        put(facts, "http.transactions", (*row, f"no. {number}"), "seen")
