"""What the findings about encryption (TLS) say: for each code, the statement, why it matters, and what to try.

The rules for templates are those of :mod:`analyzer.sentences`, which takes them in; each comment lists the arguments of
the entries that follow.
"""

from __future__ import annotations

TLS: dict[str, tuple[str, str, str]] = {
    # sni, alert, by, server
    "TLS-ALERT": (
        "The {by} ended the TLS session for {sni} with the alert {alert}",
        "The encrypted session could not be set up or was broken off, so nothing could be sent through it.",
        "The alert names the reason: an unknown or expired certificate, a name that does not match, or no common "
        "version or cipher.",
    ),
    # name, version, since, count, client, server, server_port
    "TLS-OLD-VERSION": (
        "{name} encrypted with {version}, which has not been allowed since {since}",
        "This version has known holes, and browsers refuse it. What was sent in these {count:session|sessions} is less "
        "safe than it looks, and newer programs may not be able to connect at all.",
        "Turn TLS 1.2 and TLS 1.3 on at {server}, and everything older off. If the server can do that already, the "
        "client is what has to be updated.",
    ),
    "TLS-OLD-VERSION.then": (
        "{name} encrypted with {version}, an old version",
        "When this was recorded that was allowed; since {since} it is not any more, for its known holes.",
        "If this server still runs, turn TLS 1.2 and TLS 1.3 on, and everything older off.",
    ),
    # name, cipher, weak, count
    "TLS-WEAK-CIPHER": (
        "{name} encrypted with a weak cipher ({weak})",
        "The two sides agreed on {cipher}. It can be broken with an effort that attackers can afford, so what was sent "
        "in {count:session|sessions} may be read by others.",
        "Remove {weak} from the ciphers that {server} accepts, and prefer AES-GCM or ChaCha20 with ECDHE.",
    ),
    "TLS-WEAK-CIPHER.then": (
        "{name} encrypted with a cipher that is weak by the standards of today ({weak})",
        "The two sides agreed on {cipher}. When this was recorded that was common; by now it is known how to break it.",
        "If this server still runs, remove {weak} from the ciphers that it accepts.",
    ),
    "TLS-WEAK-CIPHER.null": (
        "The TLS session with {name} encrypts nothing",
        "The two sides agreed on {cipher}: changes would be noticed, but everybody on the way can read what is sent.",
        "Remove the NULL ciphers at {server}, unless somebody chose them on purpose.",
    ),
    "TLS-WEAK-CIPHER.anon": (
        "{name} never proved who it is in its TLS session",
        "The two sides agreed on {cipher}, which works without a certificate: anybody on the way can pretend to be "
        "{name} and read everything.",
        "Remove the anonymous ciphers (anon, aNULL) at {server} and at the client.",
    ),
    # name, handshake_ms, own_ms, server_ms, by, count
    "TLS-SLOW": (
        "{name} took its time to set up encryption: the handshake lasted {handshake_ms}",
        "Packets there and back explain little of it. The server took {server_ms} to answer the client's first "
        "message, and nothing can be asked for before the handshake is over.",
        "Look at the load of {server}, and at what it asks others during a handshake: a device that keeps its keys, a "
        "check of certificates, a proxy that first connects to somebody else.",
    ),
    "TLS-SLOW.many": (
        "{name} took its time to set up encryption, {count:time|times}: the longest handshake lasted {handshake_ms}",
        "Packets there and back explain little of it. The server took {server_ms} to answer the client's first "
        "message, and nothing can be asked for before the handshake is over.",
        "Look at the load of {server}, and at what it asks others during a handshake: a device that keeps its keys, a "
        "check of certificates, a proxy that first connects to somebody else.",
    ),
    "TLS-SLOW.network": (
        "Lost packets held up the handshake with {name}: it lasted {handshake_ms}",
        "Messages of the handshake had to be sent again, and nothing can be asked for before it is over.",
        "See the finding about loss on the same connection. Large chains of certificates suffer most from loss: leave "
        "out of them what clients do not need.",
    ),
    "TLS-SLOW.network_many": (
        "Lost packets held up {count:handshake|handshakes} with {name}: the longest lasted {handshake_ms}",
        "Messages of the handshake had to be sent again, and nothing can be asked for before it is over.",
        "See the finding about loss on the same connection. Large chains of certificates suffer most from loss: leave "
        "out of them what clients do not need.",
    ),
    "TLS-SLOW.client": (
        "The client took its time to set up encryption with {name}: the handshake lasted {handshake_ms}",
        "The server answered at once; the client then waited before it finished. Programs do that when they open "
        "connections before they need them, ask their user about the certificate, or check it with its issuer.",
        "Nothing to do, unless the page was slow: then see what the client did meanwhile, such as asking the issuer "
        "about the certificate (OCSP).",
    ),
    "TLS-SLOW.client_many": (
        "The client took its time to set up encryption with {name}, {count:time|times}: the longest handshake lasted "
        "{handshake_ms}",
        "The server answered at once; the client then waited before it finished. Programs do that when they open "
        "connections before they need them, ask their user about the certificate, or check it with its issuer.",
        "Nothing to do, unless the page was slow: then see what the client did meanwhile, such as asking the issuer "
        "about the certificate (OCSP).",
    ),
    # name, by, count
    "TLS-INCOMPLETE": (
        "The {by} broke the TLS handshake with {name} off without a word ({count:time|times})",
        "A side that is not content says why in an alert. Here the connection simply ended, so nothing was sent "
        "through it: a client that changed its mind or only looked what is there, a server that crashed, or a firewall "
        "that does not let this name through.",
        "If somebody waited for {name}, look into the logs of the {by}, and try from another network: a difference "
        "points to a firewall.",
    ),
    "TLS-INCOMPLETE.silent": (
        "The TLS handshake with {name} stopped half-way, and nothing more came ({count:time|times})",
        "The connection was open and the client had begun, then both sides fell silent although the capture goes on. "
        "When large packets get lost on the way (the server's certificates are the first ones), it looks like that.",
        "Look for packets too large for the path (MTU), and for a server or firewall that takes the connection but not "
        "the TLS in it.",
    ),
    # name, group, retry_ms, count
    "TLS-HELLO-RETRY": (
        "{name} asked the client to begin its handshake again ({count:time|times})",
        "In TLS 1.3 the client guesses which kind of key the server wants, here wrongly: the server wanted {group}. "
        "That costs one more round trip (together {retry_ms}).",
        "Let the server accept what clients offer first (usually X25519), or the client offer {group}.",
    ),
    # name, full, again, saved_ms, client
    "TLS-NO-RESUMPTION": (
        "{client} shook hands with {name} in full {full:time|times} and never resumed a session",
        "A client that was there a moment ago can go on with the keys agreed on then, which saves a round trip and the "
        "certificates. Here {again:handshake|handshakes} could have done so (together {saved_ms}).",
        "Turn session tickets or a session cache on at the server (in nginx ssl_session_cache); where several machines "
        "serve one name, let them share the key. Or keep connections open.",
    ),
    "TLS-NO-RESUMPTION.without_cost": (
        "{client} shook hands with {name} in full {full:time|times} and never resumed a session",
        "A client that was there a moment ago can go on with the keys agreed on then. In TLS 1.3 that saves no round "
        "trip, but the certificates and the computing of both sides.",
        "Turn session tickets on at the server, and keep connections open where that is possible.",
    ),
    # name, subject, issuer, not_before, not_after, days, count
    "TLS-CERT-EXPIRED": (
        "The certificate of {name} had run out: it was valid until {not_after}",
        "It ended {days:day|days} before this was recorded. Browsers show a warning instead of the page, and programs "
        "refuse to connect; a client that goes on all the same cannot know whom it talks to.",
        "Renew the certificate, load it in the server ({server}), and let renewal happen by itself.",
    ),
    "TLS-CERT-EXPIRED.early": (
        "The certificate of {name} was not valid yet: it begins on {not_before}",
        "That is {days:day|days} after this was recorded, so clients refuse it. Either it was made on a machine whose "
        "clock is ahead, or the clock of the client is behind.",
        "Compare the clocks of the server, the client and the recorder.",
    ),
    "TLS-CERT-EXPIRED.clock": (
        "By the clock of the recorder the certificate of {name} begins only on {not_before}",
        "That is {days:day|days} later, more than anybody prepares a certificate in advance: the date of this capture "
        "is wrong, or was changed.",
        "Do not trust the dates of this capture.",
    ),
    "TLS-CERT-NAME": (
        "The certificate of {name} is made for others: {names}",
        "A client checks that the certificate holds the name it asked for. If not, browsers show a warning instead of "
        "the page and programs refuse to connect; one that goes on all the same cannot know whom it talks to.",
        "Get a certificate that lists {name}, or see why this server answers for that name: a wrong address in DNS, "
        "the default site of a server with many names, a captive portal, or somebody in between.",
    ),
    "TLS-WEAK-KEY": (
        "The certificate of {name} can be forged ({weak})",
        "Whoever can compute the key, or another certificate with the same signature, can pretend to be {name}. That "
        "is within reach, so clients of today refuse it.",
        "Get a new certificate with an RSA key of 2048 bits or more (or ECDSA P-256), signed with SHA-256.",
    ),
    "TLS-WEAK-KEY.then": (
        "The certificates of {name} are weak by the standards of today ({weak})",
        "When this was recorded that was common, or it concerns a certificate in the chain that clients need not look "
        "at.",
        "If this server still runs, look at the certificates that it sends, and leave out what is old.",
    ),
    "TLS-CERT-EXPIRES": (
        "The certificate of {name} runs out in {days:day|days}, on {not_after}",
        "From then on browsers show a warning instead of the page, and programs refuse to connect.",
        "Renew it, and find out why that had not happened by itself.",
    ),
    "TLS-CERT-SELF-SIGNED": (
        "{name} vouches for itself: its certificate is self-signed ({subject})",
        "Nobody else confirms whose it is, so a client can only trust it if it knows this very certificate. That is "
        "usual for devices, test servers and services inside a company.",
        "Nothing to do where the client knows the certificate. For a site that strangers visit, get one from a public "
        "authority (Let's Encrypt gives them for nothing).",
    ),
}
