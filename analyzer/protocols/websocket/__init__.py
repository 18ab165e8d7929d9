"""WebSocket connections that an HTTP/1.1 exchange switched to (RFC 6455, RFC 7692): handshake, frames, messages.

``handshake`` says what was agreed, ``frames`` reads and proves frame headers, ``inflate`` unfolds, ``side`` walks one
direction, ``session`` draws the row.
"""
