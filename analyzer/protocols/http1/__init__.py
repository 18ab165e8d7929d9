"""HTTP/1.x over TCP: requests and responses, paired into rows of the ``http`` table.

========== ===========================================================================================
grammar    what a line may look like: request line, status line, fields, chunk sizes; no state
status     status codes: phrases, classes, which of them have no body
framing    how long a body is: RFC 9112 section 6.3 as a table of cases, chunked walking
messages   one direction: heads and bodies at offsets of a ByteStream, holes kept apart
resync     finding the next message that can be proved after a hole or junk
coding     the size of a body after its content coding, without keeping it
pairing    both directions: which response answers which request, also across holes
rows       from a paired exchange to a row: URL, outcome, derived columns
session    the entry point
========== ===========================================================================================
"""
