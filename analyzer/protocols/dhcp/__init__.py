"""DHCP: messages, then who got which address, gateway and resolver from whom (RFC 2131, 2132)."""
