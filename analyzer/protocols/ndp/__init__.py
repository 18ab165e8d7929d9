"""IPv6 neighbour discovery: messages, then who asked for which neighbour or router and who answered (RFC 4861)."""
