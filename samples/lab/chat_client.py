#!/usr/bin/env python3
"""A chat over WebSocket that a browser would not hold: pings by the client, fragments, binary, another close code.

usage: chat_client.py deflate|plain

Runs in the client's namespace; needs Debian's python3-websockets. What is said is fixed, so the expected facts know it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import websockets

URL = "ws://www.shop.example/chat"
PARTS = ("apples, ", "bread, ", "cheese")
BINARY = bytes(range(256)) * 4


async def _in_parts() -> AsyncIterator[str]:
    for part in PARTS:
        yield part


async def talk(compression: str | None) -> None:
    """Say four things, read each back, and leave with 1001 (going away), or let the server say goodbye."""
    async with websockets.connect(
        URL, compression=compression, ping_interval=None, user_agent_header="sample-chat-client/1",
        subprotocols=[websockets.Subprotocol("chat.shop.example")],
    ) as socket:  # fmt: skip
        await socket.recv()
        await socket.send("Is there any cheese left?")
        await socket.recv()
        await (await socket.ping(b"shop?"))
        await socket.send(_in_parts())
        assert await socket.recv() == "".join(PARTS)
        await socket.send(BINARY)
        assert await socket.recv() == BINARY
        if compression:
            await socket.close(1001, "closing the laptop")
        else:
            await socket.send("bye")
            await socket.wait_closed()


if __name__ == "__main__":
    asyncio.run(talk("deflate" if sys.argv[1] == "deflate" else None))
