"""What is said of a visit or request as a whole: who is to blame, what was spent in vain, and what was spared.

The rules for templates are those of :mod:`analyzer.sentences`. Keys are ``blame.…`` (:mod:`analyzer.visits.blame`),
``waste.<kind>`` and ``savings.<kind>`` (:mod:`analyzer.visits.waste`); each comment lists the arguments of its group.
"""

from __future__ import annotations

JUDGED: dict[str, str] = {
    # quick: duration_ms, share_ms of the one who had most of it, host
    "blame.fine.background": "Nobody waited for this: it went on in the background.",
    "blame.fine.client": "Quick: {duration_ms} in all, most of it in the client itself ({share_ms}).",
    "blame.fine.client.part": "Quick: {duration_ms} in all, the largest part of it in the client itself ({share_ms}).",
    "blame.fine.encrypted": "It took {duration_ms} until encrypted data could flow; what came then cannot be read.",
    "blame.fine.loss": "Quick enough: {duration_ms} in all, but {lost_ms} of it went into repeating lost packets.",
    "blame.fine.network": "Quick: {duration_ms} in all, most of it on the way there and back ({share_ms}).",
    "blame.fine.network.part": "Quick: {duration_ms} in all, the largest part of it "
    "on the way there and back ({share_ms}).",
    "blame.fine.resolver": "Quick: {duration_ms} in all, most of it for looking up names ({share_ms}).",
    "blame.fine.resolver.part": "Quick: {duration_ms} in all, the largest part of it "
    "for looking up names ({share_ms}).",
    "blame.fine.server": "Quick: {duration_ms} in all, most of it in the server {host} ({share_ms}).",
    "blame.fine.server.part": "Quick: {duration_ms} in all, the largest part of it in the server {host} ({share_ms}).",
    "blame.fine.transfer": "Quick: {duration_ms} in all, most of it for carrying what was asked for ({share_ms}).",
    "blame.fine.transfer.part": "Quick: {duration_ms} in all, the largest part of it "
    "for carrying what was asked for ({share_ms}).",
    "blame.fine.unknown": "Quick: {duration_ms} in all; who spent {share_ms} of it cannot be told from here.",
    # waits: server, server_port, client, attempts, tried_ms, loaded_ms
    "blame.waits": "Not whole: what answered was there after {loaded_ms}, but {client} also tried {server} port "
    "{server_port}, {attempts:time|times} in {tried_ms}, and nobody answered.",
    # slow: the same, and resolver_ms, network_ms, server_ms, client_ms, lost_ms, carried_bytes
    "blame.slow.client": "Slow because of the client: for {client_ms} of {duration_ms} it had what it needed and did "
    "not go on, or took no more data; the server needed {server_ms}, the way there and back {network_ms}.",
    "blame.slow.loss": "Slow because of the network: {lost_ms} of {duration_ms} were spent repeating lost packets; the "
    "server needed {server_ms}.",
    "blame.slow.network": "Slow because of the network: {network_ms} of {duration_ms} were spent on the way there and "
    "back; the server needed {server_ms}.",
    "blame.slow.resolver": "Slow because of looking up names: that took {resolver_ms} of {duration_ms}; the way there "
    "and back took {network_ms}, the server {server_ms}.",
    "blame.slow.server": "Slow because of the server: {host} needed {server_ms} of {duration_ms} to answer; the way "
    "there and back took {network_ms}.",
    "blame.slow.several": "Slow, and nobody alone is to blame: of {duration_ms}, names took {resolver_ms}, the way "
    "there and back {network_ms}, the server {server_ms}, and the client itself {client_ms}.",
    "blame.slow.transfer": "Long because there was much to carry: {share_ms} of {duration_ms} went into "
    "{carried_bytes}.",
    "blame.slow.unknown": "Slow, and who is to blame cannot be told from here: who spent {share_ms} of the "
    "{duration_ms} is not visible where this was recorded.",
    # slow to begin, of a visit that cannot be read: the same
    "blame.slow.loss.encrypted": "Slow to begin because of the network: {lost_ms} of the {duration_ms} until encrypted "
    "data could flow were spent repeating lost packets; what came then cannot be read.",
    "blame.slow.network.encrypted": "Slow to begin because of the network: {network_ms} of the {duration_ms} until "
    "encrypted data could flow were spent on the way there and back; what came then cannot be read.",
    "blame.slow.resolver.encrypted": "Slow to begin because of looking up names: that took {resolver_ms} of the "
    "{duration_ms} until encrypted data could flow; what came then cannot be read.",
    "blame.slow.several.encrypted": "Slow to begin, and nobody alone is to blame: of the {duration_ms} until encrypted "
    "data could flow, names took {resolver_ms} and the way there and back {network_ms}.",
    "blame.slow.unknown.encrypted": "Slow to begin, and who is to blame cannot be told from here: who spent {share_ms} "
    "of the {duration_ms} until encrypted data could flow is not visible where this was recorded.",
    # not in the capture: host, duration_ms
    "blame.capture": "Who is to blame cannot be told: the capture does not hold the answer of {host}.",
    # names: name, client, server, rcode, attempts
    "blame.dns.failed": "The resolver is to blame: {server} answered {rcode} for {name}, which says nothing about the "
    "name itself.",
    "blame.dns.no_answer": "The resolver is to blame: {server} answered none of {attempts:query|queries} for {name}, "
    "nor anything else in this capture.",
    "blame.dns.no_answer.alive": "Who is to blame cannot be told from here: {server} did not answer {attempts:query|"
    "queries} for {name}, but answers others; the packets were lost, or it could not find out.",
    "blame.dns.no_answer.several": "Who is to blame cannot be told from here: {servers} answered none of "
    "{attempts:query|queries} for {name}, nor anything else in this capture; they are down, or the way to them is "
    "broken.",
    "blame.dns.nxdomain": "The client asked for a name that does not exist: {name}. It is misspelt, or no longer "
    "there.",
    # connections: server, server_port, client, attempts, tried_ms, name
    "blame.tcp.refused": "The server is to blame: {server} is there, but nothing listens on port {server_port}.",
    "blame.tcp.unanswered": "Who is to blame cannot be told from here: {server} port {server_port} did not answer "
    "{attempts:attempt|attempts} in {tried_ms}; it is down, or something on the way drops the packets.",
    "blame.tcp.unreachable": "The network is to blame: a router said that {server} cannot be reached.",
    # encryption: sni, alert, by
    "blame.tls.alert": "Who is to blame cannot be told from here: the {by} broke off the handshake for {sni} with the "
    "alert {alert}, because the two could not agree.",
    "blame.tls.certificate": "The server is to blame: the client did not accept the certificate of {sni} ({alert}).",
    "blame.tls.unknown": "Who is to blame cannot be told from here: the handshake for {sni} was broken off without an "
    "alert that can be read.",
    "blame.tls.wrong_port": "The client is to blame: it spoke TLS to a port of {sni} that does not speak it.",
    # requests: host, status, reason, wait_ms
    "blame.http.client_error": "The client is to blame, says {host}: {status} {reason}.",
    "blame.http.closed": "The server is to blame: {host} closed the connection after {wait_ms} without an answer.",
    "blame.http.closed.late": "Who is to blame cannot be told: {host} closed the connection and left this request "
    "unanswered; a client that sends one behind another, or too late, has to expect that and sends it again.",
    "blame.http.cut_off.server": "The server is to blame: {host} closed the connection in the middle of its answer.",
    "blame.http.cut_off.unknown": "Who is to blame cannot be told from here: the answer of {host} broke off.",
    "blame.http.gave_up": "Who is to blame cannot be told from here: the client gave up after {wait_ms}, and nothing "
    "shows that the request reached {host}.",
    "blame.http.gave_up.server": "The server is to blame: {host} had the request and did not answer within {wait_ms}, "
    "when the client gave up.",
    "blame.http.left": "The client is to blame: it left before the answer of {host} was there.",
    "blame.http.redirect_loop": "The server is to blame: the redirects of {host} lead in a circle, so no page came of "
    "{hops:redirect|redirects}.",
    "blame.http.left.midway": "The client is to blame: it left before all of the answer of {host} was there.",
    "blame.http.lost": "Who is to blame cannot be told from here: the request was repeated, and {host} never answered; "
    "packets are lost on the way, or the server is gone.",
    "blame.http.malformed": "Who is to blame cannot be told: what was said breaks the rules of HTTP.",
    "blame.http.server_error": "The server is to blame: {host} answered {status} {reason}.",
    "blame.http.reset": "The server is to blame: {host} reset the connection after {wait_ms} without an answer.",
    "blame.http.silence": "Who is to blame cannot be told from here: {host} never answered, and nothing says why.",
    # waste: count, and time_ms or size_bytes where they are known
    "waste.compression": "{count:answer was|answers were} text that was not compressed; that would have saved "
    "{size_bytes}.",
    "waste.connections": "{count:connection was|connections were} opened although an earlier one could have been kept: "
    "that took {time_ms}.",
    "waste.connections.lost_syn": "{count:connection was|connections were} opened although an earlier one could have "
    "been kept: that took {time_ms}, not counting the wait for a lost SYN.",
    "waste.dns": "{count:lookup was|lookups were} for what was known already, and still good: that took {time_ms}.",
    "waste.fetched_again": "{count:answer|answers} brought again what the client had, unchanged: {size_bytes}.",
    "waste.polling": "{count:request|requests} by a timer brought nothing new: {size_bytes}, headers included.",
    "waste.redirects": "{count:redirect|redirects} before the right address: that took {time_ms}.",
    "waste.redirects.loop": "{count:redirect|redirects} led nowhere: that took {time_ms}.",
    "waste.redirects.unknown": "{count:redirect|redirects} before the right address; how long that took is not known.",
    # savings: the same
    "savings.compressed": "{count:answer|answers} travelled compressed: {size_bytes} less.",
    "savings.not_modified": "{count:answer said|answers said} that the copy is still good (304): {size_bytes} less.",
    "savings.not_modified.unknown": "{count:answer said|answers said} that the copy is still good (304).",
    "savings.resumed": "{count:encrypted session|encrypted sessions} went on from an earlier one: {time_ms} less.",
    "savings.resumed.unknown": "{count:encrypted session|encrypted sessions} went on from an earlier one, without "
    "sending certificates again.",
    "savings.reused": "{count:request|requests} used a connection that was open: {time_ms} less for opening new ones.",
    "savings.reused.unknown": "{count:request|requests} used a connection that was open.",
}
"""Key → sentence that judges a visit or request."""
