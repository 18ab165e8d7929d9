"""HTTP/1.x over TCP: requests and responses, paired into rows of the ``http`` table.

============ ===========================================================================================
grammar      what a line may look like: request line, status line, fields, chunk sizes; no state
status       which status codes have no body, and which announce another response
window       a small look-ahead over a stream
framing      how long a body is: RFC 9112 section 6.3 as a list of cases, walking chunks
messages     one direction: heads and bodies at offsets of a ByteStream, holes kept apart
resync       finding the next message that can be proved after a hole or junk
coding       the size of a body after its content coding, without keeping it
exchange     one request with its answers
lone         a connection of one plain exchange, read in one go
requests     the client's side: requests in order, as far as they are known to be HTTP
pairing      both directions: which response answers which request, also across holes
proof, tally what acknowledgement numbers prove of it, and what counting does
bodies…      the content of bodies: decoded, found for files, split into parts; compression, magic
forms        form fields; cookies, credentials, delivery: what other fields say
wrong_scheme https spoken to a port for http, and the reverse
disposition  names of form fields and files in a Content-Disposition
outcome      what became of an exchange, and who ended it
rows         from a paired exchange to a row: URL, derived columns
session      the entry point
============ ===========================================================================================
"""
