"""Who made a network card, by the first half of its hardware address.

The IEEE's register of these comes with the package ``aiooui`` (a sorted table of 0.8 MB, mapped into memory); it is
loaded when somebody first asks. Addresses that no register knows have no maker: those a machine gave itself (phones do
so against tracking, virtual machines always) and those that mean a group.

Sources: IEEE 802 clause 8.2 (the two lowest bits of the first byte), IEEE Registration Authority.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

LOCAL_BIT, GROUP_BIT = 0x02, 0x01
SHARED_BLOCKS = "IEEE Registration Authority"
"""Holder of blocks that are split among many small makers; the first half alone does not name one of them."""


def name(mac: str | None) -> str | None:
    """Return the maker's name, None when the address has none or it is not registered.

    Args:
        mac: lower case with colons; anything else has no maker.
    """
    first = _first_byte(mac)
    if mac is None or first is None or first & (LOCAL_BIT | GROUP_BIT):
        return None
    found = _register()(mac)
    return None if found is None or found == SHARED_BLOCKS else found


def words(mac: str | None) -> str:
    """Return what is to be said beside a hardware address: the maker, or why it has none; empty when unknown."""
    first = _first_byte(mac)
    if first is None or mac == "00:00:00:00:00:00":
        return ""
    if first & GROUP_BIT:
        return "everybody" if mac == "ff:ff:ff:ff:ff:ff" else "a group"
    return "locally administered" if first & LOCAL_BIT else name(mac) or ""


def _first_byte(mac: str | None) -> int | None:
    """Return the first byte of a six-byte address, None for anything else."""
    parts = (mac or "").split(":")
    try:
        return int(parts[0], 16) if len(parts) == 6 and all(len(part) == 2 for part in parts) else None
    except ValueError:
        return None


@cache
def _register() -> Callable[[str], str | None]:
    """Load the register. Its loader wants an event loop of its own, and the caller may run inside one."""
    import asyncio
    from threading import Thread

    import aiooui

    loader = Thread(target=lambda: asyncio.run(aiooui.async_load()))
    loader.start()
    loader.join()
    return aiooui.get_vendor if aiooui.is_loaded() else lambda mac: None
