"""What the findings about browsing say: for each code, the statement, why it matters, and what to try.

The rules for templates are those of :mod:`analyzer.sentences`, which takes them in; each comment lists the arguments of
the entries that follow.
"""

from __future__ import annotations

BROWSING: dict[str, tuple[str, str, str]] = {
    # host, client, target, count
    "HTTP-CREDENTIALS-CLEAR": (
        "A user name and a password were sent to {host} without encryption ({count:time|times})",
        "Basic authentication only writes them in another alphabet (Base64). Everybody who can read the packets on "
        "their way, in the same Wi-Fi for example, knows them now. This report does not show them.",
        "Change the password, and use https for {host}.",
    ),
    "HTTP-CREDENTIALS-CLEAR.form": (
        "A password was sent to {host} without encryption, in a form ({count:time|times})",
        "The form at {target} was sent over plain HTTP. Everybody who can read the packets on their way, in the same "
        "Wi-Fi for example, knows the password now. This report does not show it.",
        "Change the password, and use https for {host}: for the page with the form as well, or somebody can change "
        "where it is sent to.",
    ),
    "HTTP-CREDENTIALS-CLEAR.json": (
        "A password was sent to {host} without encryption, by a script or program ({count:time|times})",
        "It went to {target} over plain HTTP, in data of the kind that scripts and programs send (JSON). Everybody who "
        "can read the packets on their way, in the same Wi-Fi for example, knows the password now. This report does "
        "not show it.",
        "Change the password, and use https for {host}.",
    ),
    "HTTP-CREDENTIALS-CLEAR.bearer": (
        "An access token was sent to {host} without encryption ({count:time|times})",
        "Whoever has the token is taken for its owner until it expires. Everybody who can read the packets on their "
        "way has it now. This report does not show it.",
        "Withdraw the token, and use https for {host}.",
    ),
    "HTTP-CREDENTIALS-CLEAR.url": (
        "A password was sent to {host} without encryption, as a part of the address ({count:time|times})",
        "A password in an address (user:password@host) is written to logs and histories, and over plain HTTP "
        "everybody who can read the packets knows it. This report does not show it.",
        "Change the password, use https, and leave the password out of addresses.",
    ),
    # host, server, server_port, client, status, reason, count
    "HTTP-TLS-ON-PLAIN-PORT": (
        "{client} asked for https on port {server_port} of {host}, which speaks plain http ({count:time|times})",
        "The client began to encrypt (a TLS ClientHello). To the server these bytes are a garbled request, which it "
        "answered in plain HTTP with {status} {reason}. The client, in turn, took that for a broken encrypted answer "
        "and gave up: browsers say ERR_SSL_PROTOCOL_ERROR, curl says wrong version number.",
        "Write http:// instead of https:// for this port, or use the port on which {host} serves https (usually 443). "
        "If this port should serve https, turn TLS on for it in the server's configuration (in nginx: listen "
        "{server_port} ssl).",
    ),
    # host, server, server_port, client, count
    "HTTP-TLS-ON-PLAIN-PORT.page": (
        "{client} asked for https on port {server_port} of {host}, which speaks plain http ({count:time|times})",
        "The client began to encrypt (a TLS ClientHello). To the server these bytes are a garbled request of an old "
        "kind, which it answered with an error page and no status line. The client, in turn, took that for a broken "
        "encrypted answer and gave up: browsers say ERR_SSL_PROTOCOL_ERROR, curl says wrong version number.",
        "Write http:// instead of https:// for this port, or use the port on which {host} serves https (usually 443). "
        "If this port should serve https, turn TLS on for it in the server's configuration (in nginx: listen "
        "{server_port} ssl).",
    ),
    # host, server, server_port, client, target, status, reason, count
    "HTTP-ON-TLS-PORT": (
        "{client} sent plain http to port {server_port} of {host}, which speaks https only ({count:time|times})",
        "The server expects an encrypted session (TLS) on this port and refused the readable request for {target} "
        "with {status} {reason}, saying in its text that the port wants https. What was asked for was not sent, and "
        "the request was readable by everybody on the way.",
        "Write https:// instead of http:// for this port.",
    ),
    "HTTP-ON-TLS-PORT.alert": (
        "{client} sent plain http to port {server_port} of {host}, which speaks https only ({count:time|times})",
        "The server expects an encrypted session (TLS) on this port. It answered the readable request for {target} "
        "with a TLS alert, which is no HTTP. What was asked for was not sent, and the request was readable by "
        "everybody on the way.",
        "Write https:// instead of http:// for this port.",
    ),
    # host, target, method, names, count
    "HTTP-FORM-IN-URL": (
        "A password stands in the address of a request to {host} (in {names})",
        "What stands behind the question mark is a part of the address: it is kept in the browser's history, in the "
        "logs of servers and proxies, and can be passed on to other sites. This is so with https, too.",
        "Send forms with passwords by POST (method=post in the form of {target}); then they travel in the body.",
    ),
    "HTTP-FORM-IN-URL.clear": (
        "A password stands in the address of a request to {host}, sent without encryption (in {names})",
        "Everybody who can read the packets on their way knows the password now. And what stands behind the question "
        "mark is a part of the address: even with https it is kept in the browser's history and in the logs of servers "
        "and proxies, and can be passed on to other sites. This report does not show it.",
        "Change the password, use https, and send forms with passwords by POST (method=post in the form of {target}); "
        "then they travel in the body.",
    ),
    "HTTP-FORM-IN-URL.key": (
        "A key or session stands in the address of a request to {host} (in {names})",
        "Whoever has it can use the account. Addresses are kept in histories and logs and are passed on to others "
        "when people copy them.",
        "Send it in a header (Authorization) or a cookie instead.",
    ),
    "HTTP-FORM-IN-URL.personal": (
        "Personal data stand in the address of a request to {host}: {names}",
        "What stands behind the question mark is a part of the address: it is kept in the browser's history, in the "
        "logs of servers and proxies, and can be passed on to other sites.",
        "Send forms with personal data by POST (method=post in the form of {target}).",
    ),
    # host, target, told, seen, count
    "HTTP-TYPE-MISMATCH": (
        "{host} sent {seen} and called it {told} ({target})",
        "A file that runs when it is opened was given the name of something harmless. Malware is hidden in this way "
        "from filters that only read the name of the type.",
        "Do not open the file. Look at it with a virus scanner: analyze objects writes it out of the capture.",
    ),
    "HTTP-TYPE-MISMATCH.page": (
        "{host} sent a web page and called it {told} ({target})",
        "What asked for an image, a script or a style sheet got a page instead, often an error page or a login that "
        "is sent with the status 200. It will not work, and nothing says why.",
        "Open {target} in a browser to see what the page says, and let the server answer with a fitting status code.",
    ),
    # host, names, flags, cookies, count
    "HTTP-COOKIE-FLAGS": (
        "{host} sets {cookies:cookie that logs|cookies that log} somebody in, without {flags} ({names})",
        "Whoever gets such a cookie is taken for the user. HttpOnly keeps it from scripts in the page, Secure from "
        "connections that are not encrypted, SameSite from requests that other sites make.",
        "Set it with Secure; HttpOnly; SameSite=Lax.",
    ),
    "HTTP-COOKIE-FLAGS.plain": (
        "{host} sets {cookies:cookie that logs|cookies that log} somebody in over plain HTTP, without {flags} "
        "({names})",
        "Whoever gets such a cookie is taken for the user, and without encryption everybody on the way can read it. "
        "HttpOnly keeps it from scripts in the page, Secure from such connections, SameSite from requests that other "
        "sites make.",
        "Use https for {host}, and set the cookie with Secure; HttpOnly; SameSite=Lax.",
    ),
    "HTTP-COOKIE-FLAGS.none_insecure": (
        "{host} sets {cookies:cookie|cookies} that other sites may use, but without Secure ({names})",
        "Browsers throw such a cookie away: one that is sent along from other sites must be kept to encrypted "
        "connections.",
        "Add Secure, and use https.",
    ),
    # host, taken_back, count
    "HTTP-NO-HSTS": (
        "{host} sends browsers on from http to https, but does not make them remember it (no HSTS)",
        "So each visit begins without encryption, costs one more redirect, and somebody on the way can answer in the "
        "place of {host} and keep the visitor on http.",
        "Send Strict-Transport-Security with every https answer, for example max-age=31536000.",
    ),
    # host, first, last, hops, statuses, chains, addresses, redirects_ms, count
    "HTTP-REDIRECTS": (
        "{first} led to {last} only after {hops:redirect|redirects} (status {statuses}; {chains:time|times})",
        "Every redirect is a whole round trip, often with a new connection, before the first byte of the page is "
        "asked for: here {redirects_ms}.",
        "Redirect straight to the final address, and link to it.",
    ),
    "HTTP-REDIRECTS.several": (
        "{addresses} addresses of {host}, such as {first}, led on twice or more ({hops:redirect|redirects})",
        "Every redirect is a whole round trip, often with a new connection, before the first byte of the page is "
        "asked for: here {redirects_ms} in all.",
        "Redirect straight to the final address, and link to it. One rule of the server often causes them all.",
    ),
    "HTTP-REDIRECTS.loops": (
        "{addresses} addresses of {host}, such as {first}, were redirected in a circle ({hops:redirect|redirects})",
        "Each answer sends the client to another address that sends it back. Browsers give up after about twenty.",
        "See which addresses follow each other: rules for http and https, for www, and for the slash at the end "
        "often contradict each other, or a cookie that the server waits for is never accepted.",
    ),
    "HTTP-REDIRECTS.https": (
        "{host} redirected from http to https ({chains:time|times})",
        "That is as it should be, but the first request still went without encryption, and it costs a round trip "
        "each time: here {redirects_ms}.",
        "Link to the https address. If {host} sends Strict-Transport-Security (HSTS), browsers skip this step from "
        "the second visit on.",
    ),
    "HTTP-REDIRECTS.parts": (
        "{chains:file|files} of a page on {host} came only after several redirects each ({hops} in all)",
        "Every redirect is a round trip, often with a new connection. Advertising does this to pass visitors from "
        "one company to the next.",
        "Nothing to do for a visitor. The owner of the page can link to the final addresses.",
    ),
    "HTTP-REDIRECTS.loop": (
        "{first} was redirected in a circle ({hops:redirect|redirects}, status {statuses})",
        "Each answer sends the client to another address that sends it back. Browsers give up after about twenty.",
        "See which addresses follow each other: rules for http and https, for www, and for the slash at the end "
        "often contradict each other, or a cookie that the server waits for is never accepted.",
    ),
    # clients, hosts, host, target, saved_bytes, count
    "HTTP-CACHE": (
        "{count:file was|files were} still good in the cache of {clients}, which saved {saved_bytes}",
        "The client asked whether its copy had changed, and the server answered 304 Not Modified instead of sending "
        "it again. Each question still cost a round trip.",
        "If the files seldom change, a longer Cache-Control: max-age saves the questions as well.",
    ),
    "HTTP-CACHE.unknown": (
        "{count:file was|files were} still good in the cache of {clients}",
        "The client asked whether its copy had changed, and the server answered 304 Not Modified instead of sending "
        "it again. How large the copies are is not in this capture. Each question still cost a round trip.",
        "If the files seldom change, a longer Cache-Control: max-age saves the questions as well.",
    ),
    # clients, hosts, host, target, again_bytes, count
    "HTTP-CACHE.again": (
        "{clients} fetched {count:file|files} a second time in full, though nothing had changed ({again_bytes})",
        "The server had sent an ETag or a date with the first copy, by which the client could have asked whether it "
        "is still good. It did not: its cache is switched off, was emptied, or is not used by this program.",
        "Check that the cache is not switched off (the developer tools of browsers can do that).",
    ),
    "HTTP-CACHE.unmarked": (
        "{clients} had to fetch {count:file|files} a second time in full, though nothing had changed ({again_bytes})",
        "The server sends neither an ETag nor a date of change, so the client cannot ask whether its copy is still "
        "good.",
        "Let {hosts} send ETag or Last-Modified, and Cache-Control with a max-age.",
    ),
    # host, missed_bytes, whole_bytes, missed_share, target, count
    "HTTP-NO-COMPRESSION": (
        "{host} sent {count:text|texts} uncompressed; gzip would have saved about {missed_bytes} ({missed_share})",
        "The client said that it takes compressed answers. Text shrinks to a third or less, and fewer bytes mean "
        "fewer round trips.",
        "Switch on gzip (or brotli) at {host} for text, scripts, style sheets and JSON. The largest here is {target}.",
    ),
    # clients, hosts, host, by, connects_ms, count
    "HTTP-NO-KEEPALIVE": (
        "{clients} opened {count:connection|connections} to {host} that were not needed: the {by} closed each",
        "An open connection can carry one request after the other. Opening a new one costs at least a round trip "
        "each time, here {connects_ms} in all, and each begins slowly again.",
        "Switch on keep-alive at the {by} (no Connection: close; HTTP/1.1).",
    ),
    "HTTP-NO-KEEPALIVE.unused": (
        "{clients} used {count:connection|connections} to {host} for one request each; the server kept them open",
        "Neither side had said that it would close them. The requests may come from different programs, or from one "
        "that does not use connections again; opening them took {connects_ms}.",
        "If it is one program, let it use one client or session object for all its requests.",
    ),
    # clients, host, method, target, period_ms, empty_share, transferred_bytes, count
    "HTTP-POLLING": (
        "{clients} asked {host} for {target} {count:time|times}, about every {period_ms} (polling)",
        "A page or program asks by a timer whether there is news: {transferred_bytes} so far. News waits for the "
        "next turn of the timer.",
        "If it shall be quicker or lighter, let the server send the news by itself (WebSocket or server-sent events).",
    ),
    "HTTP-POLLING.empty": (
        "{clients} asked {host} for {target} {count:time|times}, about every {period_ms}; {empty_share} of the "
        "answers brought nothing new",
        "A page or program asks by a timer whether there is news (polling). Most of it was for nothing: "
        "{transferred_bytes} so far.",
        "Ask less often, or let the server send the news by itself (WebSocket or server-sent events).",
    ),
    "HTTP-LONG-POLLING": (
        "{clients} kept requests open at {host} for news ({target}, {count:time|times}; answered after {period_ms})",
        "The server holds its answer back until there is news, and the client asks again at once (long polling). So "
        "the long waits here are no sign of a slow server.",
        "Nothing to do. WebSocket or server-sent events do the same with fewer requests.",
    ),
    # host, others, hosts, of, third_bytes, networks, count
    "HTTP-THIRD-PARTY": (
        "Visits to {host} also fetched from {hosts:host|hosts} of other sites: {others}",
        "{count} of {of} requests went there ({third_bytes}). Other sites host fonts, scripts, pictures, advertising "
        "and counters; each learns who visits {host}, and the page waits for the slowest of them.",
        "Nothing to do for a visitor. The owner of the page can serve such files from {host} itself.",
    ),
}
"""Finding code, perhaps with a variant → (title, why, advice)."""
