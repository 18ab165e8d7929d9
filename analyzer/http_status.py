"""HTTP status codes in plain words: what each one tells the person who reads it.

Names are those of the IANA registry of HTTP status codes; the sentences are this package's own reading of the
RFC named beside each group. A code that is not registered is explained by its class, as clients must do
(RFC 9110 section 15).
"""

from __future__ import annotations

from analyzer.language import translated, woven

STATUS: dict[int, tuple[str, str]] = {
    # RFC 9110 section 15.2; 102: RFC 2518; 103: RFC 8297; 104: draft-ietf-httpbis-resumable-upload
    100: ("Continue", "The server has seen the request's head and wants the body now."),
    101: ("Switching Protocols", "The connection changes to the protocol the client asked for, such as WebSocket."),
    102: ("Processing", "The server is still working on it; a final answer follows."),
    103: ("Early Hints", "The server names files the page will need before the page itself is ready."),
    104: ("Upload Resumption Supported", "The server can take up a broken upload again where it stopped."),
    # RFC 9110 section 15.3; 207, 208: RFC 4918, 5842; 226: RFC 3229
    200: ("OK", "The request worked and the answer is in the body."),
    201: ("Created", "The request worked and made something new on the server."),
    202: ("Accepted", "The server took the request but has not finished the work yet."),
    203: ("Non-Authoritative Information", "The request worked, but a proxy on the way changed the answer."),
    204: ("No Content", "The request worked and there is nothing to send back."),
    205: ("Reset Content", "The request worked and the client should clear its form."),
    206: ("Partial Content", "The server sent only the part of the file that the client asked for."),
    207: ("Multi-Status", "Several operations ran, each with its own result in the body."),
    208: ("Already Reported", "The members of this collection were listed earlier in the same answer."),
    226: ("IM Used", "The server sent a difference to a version the client already has."),
    # RFC 9110 section 15.4
    300: ("Multiple Choices", "There are several versions of this address and the client has to choose one."),
    301: ("Moved Permanently", "The address has moved for good; the client asks again at the new one."),
    302: ("Found", "The answer is at another address for now; the client asks again there."),
    303: ("See Other", "The request worked; the result is to be fetched with GET from another address."),
    304: ("Not Modified", "The copy the client already has is still good, so no body was sent."),
    305: ("Use Proxy", "An outdated code that pointed to a proxy."),
    306: ("(Unused)", "A code that was given up before it was ever a standard."),
    307: ("Temporary Redirect", "The answer is elsewhere for now; the client repeats the same request there."),
    308: ("Permanent Redirect", "The address has moved for good; the client repeats the same request there."),
    # RFC 9110 section 15.5; 423, 424: RFC 4918; 425: RFC 8470; 428, 429, 431: RFC 6585; 451: RFC 7725
    400: ("Bad Request", "The server could not make sense of the request as it was written."),
    401: ("Unauthorized", "The server wants the client to log in first, or the login it sent was not accepted."),
    402: ("Payment Required", "The server asks for a payment before it answers."),
    403: ("Forbidden", "The server understood but refuses; logging in again would not change that."),
    404: ("Not Found", "The server has nothing at this address."),
    405: ("Method Not Allowed", "The address exists, but not for this kind of request."),
    406: ("Not Acceptable", "The server has no version in a form the client said it accepts."),
    407: ("Proxy Authentication Required", "A proxy on the way wants the client to log in first."),
    408: ("Request Timeout", "The server got tired of waiting for the rest of the request."),
    409: ("Conflict", "The request clashes with the present state of what it wants to change."),
    410: ("Gone", "Something was here once and has been removed on purpose."),
    411: ("Length Required", "The server wants to be told the length of the body beforehand."),
    412: ("Precondition Failed", "A condition the client set for the request did not hold."),
    413: ("Content Too Large", "The body is larger than the server is willing to take."),
    414: ("URI Too Long", "The address is longer than the server is willing to read."),
    415: ("Unsupported Media Type", "The server does not take bodies of this type here."),
    416: ("Range Not Satisfiable", "The client asked for a part of the file that does not exist."),
    417: ("Expectation Failed", "The server cannot do what the Expect header asked for."),
    418: ("(Unused)", "A joke that stayed in the registry; some servers use it to turn robots away."),
    421: ("Misdirected Request", "The request reached a server that does not answer for this name."),
    422: ("Unprocessable Content", "The body is well formed, but what it asks for makes no sense to the server."),
    423: ("Locked", "Somebody else holds a lock on what the request wants to change."),
    424: ("Failed Dependency", "It failed because an earlier step it depends on failed."),
    425: ("Too Early", "The server will not risk a request that may be a replay; it is to be sent again later."),
    426: ("Upgrade Required", "The server wants another protocol first, such as a newer TLS or HTTP."),
    428: ("Precondition Required", "The server insists on a condition, so that nobody's change is overwritten."),
    429: ("Too Many Requests", "The client asked more often than the server allows and has to slow down."),
    431: ("Request Header Fields Too Large", "The headers, often the cookies, are larger than the server takes."),
    451: ("Unavailable For Legal Reasons", "The server may not show this for legal reasons."),
    # RFC 9110 section 15.6; 506: RFC 2295; 507: RFC 4918; 508: RFC 5842; 510: RFC 2774; 511: RFC 6585
    500: ("Internal Server Error", "The server broke while it worked on the request; the reason is in its own logs."),
    501: ("Not Implemented", "The server does not know how to do this kind of request at all."),
    502: ("Bad Gateway", "A proxy got no valid answer from the server behind it."),
    503: ("Service Unavailable", "The server is overloaded or in maintenance and cannot answer now."),
    504: ("Gateway Timeout", "A proxy waited too long for the server behind it."),
    505: ("HTTP Version Not Supported", "The server does not speak the HTTP version of the request."),
    506: ("Variant Also Negotiates", "The server's content negotiation is set up in a circle."),
    507: ("Insufficient Storage", "The server has no room to store what the request sent."),
    508: ("Loop Detected", "The server gave up because the request ran in a circle."),
    510: ("Not Extended", "The server wants an extension that the request did not name."),
    511: ("Network Authentication Required", "The network itself, such as a hotel's portal, wants a login first."),
}
"""Status code → (registered name, one plain sentence)."""

CLASSES: dict[int, tuple[str, str]] = {
    1: ("Informational", "An interim answer; the final one follows."),
    2: ("Success", "The request worked."),
    3: ("Redirection", "The client has to look elsewhere or already has the answer."),
    4: ("Client error", "The server blames the request."),
    5: ("Server error", "The server failed to do what it should have done."),
}
"""First digit → (name, one plain sentence)."""


def name(status: int) -> str:
    """Return the registered name of a status code, its class's name when it has none."""
    if status in STATUS:
        return STATUS[status][0]
    return CLASSES.get(status // 100, ("Unknown", ""))[0]


OTHERS: dict[str, str] = {
    "unregistered": "Not a registered code; it counts as {first}xx: {meaning}",
    "invalid": "Not a valid HTTP status code.",
}
"""What is said of codes that the registry does not have: of a known class, and of none."""


def explain(status: int, lang: str | None = None) -> str:
    """Say in one plain sentence what a status code means; its name is a word of the protocol and never translated."""
    if status in STATUS:
        return translated(STATUS[status][1], f"status.{status}", lang)
    first = status // 100
    if first in CLASSES:
        meaning = translated(CLASSES[first][1], f"status.{first}xx", lang)
        template = translated(OTHERS["unregistered"], "status.unregistered", lang)
        return woven(template, {"first": str(first), "meaning": meaning})
    return translated(OTHERS["invalid"], "status.invalid", lang)


def status_class(status: int) -> str:
    """Return ``"2xx"`` and so on; ``"other"`` outside 100 to 599."""
    return f"{status // 100}xx" if status // 100 in CLASSES else "other"
