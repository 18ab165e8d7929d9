"""Whole connections as the ``websockets`` library speaks them (its protocol objects, without any socket)."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory
from websockets.frames import CloseCode
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from analyzer.protocols.http1.session import transactions
from analyzer.protocols.websocket.session import connections
from analyzer.schema import WebSocketRow
from tests.http1.talk import conversation
from tests.websocket.wire import check

Turns = list[tuple[str, bytes]]


class Pair:
    """A client and a server of the library; what they send is handed over at once and written down."""

    def __init__(
        self, *, deflate: Callable[[], tuple[object, object]] | None = None, subprotocol: str | None = None
    ) -> None:
        offered, taken = deflate() if deflate is not None else (None, None)
        names = None if subprotocol is None else [Subprotocol("other"), Subprotocol(subprotocol)]
        self.client = ClientProtocol(
            parse_uri("ws://shop.example/socket?room=1"),
            extensions=[offered] if offered else None,  # type: ignore[list-item]
            subprotocols=names,
            max_size=None,
        )
        self.server = ServerProtocol(
            extensions=[taken] if taken else None,  # type: ignore[list-item]
            subprotocols=None if names is None else names[1:],
            max_size=None,
        )
        self.turns: Turns = []
        self.client.send_request(self.client.connect())
        self.pump()
        (request,) = self.server.events_received()
        self.server.send_response(self.server.accept(request))  # type: ignore[arg-type]
        self.pump()

    def pump(self) -> None:
        """Hand over what both sides want to send, until nobody has anything."""
        moved = True
        while moved:
            moved = False
            for who, sender, receiver in (("c", self.client, self.server), ("s", self.server, self.client)):
                data = b"".join(sender.data_to_send())
                if data:
                    self.turns.append((who, data))
                    receiver.receive_data(data)
                    moved = True

    def row(self, segment: int | None = None) -> WebSocketRow:
        """The row of what was said."""
        talk = conversation(self.turns, segment=segment)
        (found,) = connections(talk, transactions(talk))
        assert not talk.problems.counts
        check(found)
        return found


def both(**facts: object) -> Callable[[], tuple[object, object]]:
    def made() -> tuple[object, object]:
        return ClientPerMessageDeflateFactory(**facts), ServerPerMessageDeflateFactory(**facts)  # type: ignore[arg-type]

    return made


KINDS = {
    "plain": None,
    "deflate": both(),
    "deflate, small windows": both(server_max_window_bits=9, client_max_window_bits=10),
    "deflate, each by itself": both(server_no_context_takeover=True, client_no_context_takeover=True),
}


@pytest.mark.parametrize("segment", [None, 7, 536])
@pytest.mark.parametrize("kind", KINDS)
def test_a_conversation(kind: str, segment: int | None) -> None:
    pair = Pair(deflate=KINDS[kind], subprotocol="chat")
    noise = random.Random(7692)
    said: list[tuple[str, str, int, str | None, int]] = []
    for n in range(40):
        client = noise.random() < 0.5
        side, name = (pair.client, "client") if client else (pair.server, "server")
        text = f"grüße {n}: " + " ".join(noise.choices(["salt", "pepper", "thyme"], k=noise.choice([0, 3, 60, 9000])))
        data = text.encode()
        if n % 5 == 4:
            side.send_ping(data[:20])
            said.append((name, "ping", len(data[:20]), data[:20].decode(), 1))
            pair.pump()
            said.append(("server" if client else "client", "pong", len(data[:20]), data[:20].decode(), 1))
        elif n % 5 == 3:
            cut = len(data) // 2
            side.send_text(data[:cut], fin=False)
            pair.pump()
            side.send_continuation(data[cut:], fin=True)
            said.append((name, "text", len(data), data[:4096].decode("utf-8", "ignore"), 2))
        elif n % 5 == 2:
            side.send_binary(data)
            said.append((name, "binary", len(data), None, 1))
        else:
            side.send_text(data)
            said.append((name, "text", len(data), data[:4096].decode("utf-8", "ignore"), 1))
        pair.pump()
    pair.client.send_close(CloseCode.NORMAL_CLOSURE, "bis bald")
    pair.pump()
    found = pair.row(segment)
    assert [(m.from_, m.opcode, m.bytes, m.text, m.fragments) for m in found.messages[:-2]] == said
    assert [(m.from_, m.text) for m in found.messages[-2:]] == [
        ("client", "1000 bis bald"),
        ("server", "1000 bis bald"),
    ]
    assert (found.url, found.subprotocol, found.accept) == ("ws://shop.example/socket?room=1", "chat", "right")
    assert (found.outcome, found.outcome_why, found.closed_by, found.close_code) == ("closed", None, "client", 1000)
    assert (found.compression is None) == (kind == "plain")
    data_messages = [m for m in found.messages if m.opcode in ("text", "binary")]
    assert all(m.compressed == (kind != "plain") for m in data_messages)
    assert all(m.why is None for m in found.messages)


def test_a_server_that_gives_up_on_a_broken_rule() -> None:
    """The library answers an unmasked frame with 1002, and says why; both stand in the row."""
    pair = Pair()
    unmasked = bytes.fromhex("810548656c6c6f")
    pair.turns.append(("c", unmasked))
    pair.server.receive_data(unmasked)
    pair.turns.append(("s", b"".join(pair.server.data_to_send())))
    found = pair.row()
    assert (found.outcome, found.outcome_why, found.closed_by, found.close_code) == (
        "malformed", "unmasked", "server", 1002,
    )  # fmt: skip
    assert found.close_reason == "incorrect masking"


@pytest.mark.parametrize("going_away", [False, True])
def test_a_close_without_or_with_a_code(going_away: bool) -> None:
    pair = Pair()
    pair.server.send_close(CloseCode.GOING_AWAY if going_away else None)
    pair.pump()
    found = pair.row()
    assert (found.closed_by, found.close_code, found.close_reason) == ("server", 1001 if going_away else 1005, None)
