"""Who made a network card: registered makers, and addresses that have none."""

from __future__ import annotations

import subprocess
import sys

import pytest

from analyzer import vendors


@pytest.mark.parametrize(
    ("mac", "part"),
    [("00:00:0c:01:02:03", "Cisco"), ("00:1b:21:01:02:03", "Intel"), ("b8:27:eb:01:02:03", "Raspberry")],
)
def test_registered_makers(mac: str, part: str) -> None:
    """As in the IEEE's public list of assignments."""
    assert part in (vendors.name(mac) or "")
    assert vendors.words(mac) == vendors.name(mac)


@pytest.mark.parametrize(
    ("mac", "words"),
    [
        ("02:00:00:00:00:01", "locally administered"),
        ("da:a1:19:00:00:01", "locally administered"),
        ("01:00:5e:00:00:fb", "a group"),
        ("33:33:00:00:00:01", "a group"),
        ("ff:ff:ff:ff:ff:ff", "everybody"),
        ("00:00:00:00:00:00", ""),
        ("", ""),
        ("18:41", ""),
        ("zz:00:00:00:00:00", ""),
        ("no address at all", ""),
        (None, ""),
    ],
)
def test_addresses_without_a_maker(mac: str | None, words: str) -> None:
    if mac != "00:00:00:00:00:00":  # nobody's address, though its first half is Xerox's
        assert vendors.name(mac) is None
    assert vendors.words(mac) == words


def test_a_block_that_many_makers_share_names_none_of_them() -> None:
    """70:b3:d5 is split into 4096 parts (IEEE MA-S)."""
    assert vendors.name("70:b3:d5:12:34:56") is None


def test_inside_a_running_event_loop() -> None:
    """A notebook runs one; the register's loader must not mind."""
    program = (
        "import asyncio\nfrom analyzer import vendors\n"
        "async def main(): return vendors.name('00:00:0c:01:02:03')\n"
        "print(asyncio.run(main()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert "Cisco" in done.stdout


def test_nothing_is_loaded_before_somebody_asks() -> None:
    program = (
        "import sys; from analyzer import vendors; vendors.words('02:00:00:00:00:01'); print('aiooui' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
