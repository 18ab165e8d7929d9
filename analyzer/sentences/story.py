"""Words of the commands that print sentences in the terminal: ``analyze explain`` and ``analyze rules``.

The rules for templates are those of :mod:`analyzer.sentences`, which speaks them; each comment lists the arguments of
the entries that follow.
"""

from __future__ import annotations

STORY: dict[str, str] = {
    # the recording: size_bytes, format, packets, duration_ms, start; why
    "opening.stdin": "standard input",
    "opening": "{size_bytes} {format}, {packets:packet|packets} over {duration_ms}, recorded from {start} UTC.",
    "opening.no_time": "{size_bytes} {format}, {packets:packet|packets}.",
    "opening.empty": "{size_bytes} {format} without a packet: there is nothing to tell.",
    "vantage.client": "It was recorded near the client.",
    "vantage.server": "It was recorded near the server.",
    "vantage.middle": "It was recorded somewhere between the client and the server.",
    "vantage.unknown": "Where on the way it was recorded cannot be told.",
    "vantage.local": "Both ends are so close that it does not matter where it was recorded.",
    "partial": "Only part of the file could be read: {why}.",
    # visits: visits, shown
    # the way out: ip, mac; more
    "gateway": "The way to other networks leads through {ip} ({mac}).",
    "gateway.mac": "The way to other networks leads through {mac}, whose IP address is not told here.",
    "gateway.more": "{more:other machine leads|other machines lead} out of it as well.",
    "visits": "What happened: {visits:visit|visits}.",
    "visits.some": "Told below in the order of time: those that failed, and the slowest. --visit N tells any of them.",
    "visits.more": "… and {more} more; --visit N tells one, from 1 to {visits}.",
    "visits.none": "Nobody visited anything here: no web page or other address was opened over HTTP or TLS.",
    # one visit: number, url, visits; offset_ms (….first: none),
    # duration_ms, requests, connections, bytes, failed, redirects
    "visit": "Visit {number}: {url}",
    "visit.led_to": "It led to {url}.",
    "visit.summary": "It began {offset_ms} into the recording and took {duration_ms}: {requests:request|requests} "
    "over {connections:connection|connections}, {transferred_bytes}.",
    "visit.summary.first": "It began at the beginning of the recording and took {duration_ms}: "
    "{requests:request|requests} over {connections:connection|connections}, {transferred_bytes}.",
    "visit.summary.failed": "It began {offset_ms} into the recording and came to nothing after {duration_ms} ({step}).",
    "visit.summary.failed.first": "It began at the beginning of the recording and came to nothing after {duration_ms} "
    "({step}).",
    "visit.summary.unreadable": "It began {offset_ms} into the recording and took {duration_ms}, over "
    "{connections:connection|connections}, {transferred_bytes}. Its requests are unknown: {why}.",
    "visit.summary.unreadable.first": "It began at the beginning of the recording and took {duration_ms}, over "
    "{connections:connection|connections}, {transferred_bytes}. Its requests are unknown: {why}.",
    "visit.failed": "{failed:request|requests} failed.",
    "list.failed": "{failed} failed",
    "list.failed.step": "failed: {step}",
    "list.not_finished": "not finished",
    # one step: frames; filter
    "frames": "frame {frames}",
    "frames.several": "frames {frames}",
    "frames.many": "{count} frames, from {first} to {last}",
    # headings
    "step.arp": "ARP",
    "step.ndp": "Neighbour",
    "step.background": "Background",
    "step.close": "Close",
    "step.dhcp": "Address",
    "step.dns": "DNS",
    "step.objects": "Objects",
    "step.redirect": "Redirect",
    "step.request": "Request",
    "step.response": "Response",
    "step.tcp": "TCP",
    "step.tls": "TLS",
    "heading.economy": "What it spent in vain, and what it was spared",
    "economy.waste": "in vain",
    "economy.saved": "spared",
    # a resolver's walk: who, name, type, latency_ms, referral, answers, rcode, attempts; server, zone
    "walk.opening": "To find out, the resolver went down the tree of names:",
    "walk.root": "the root",
    "walk.who.root": "Root server {server}",
    "walk.who.tld": "{server}, a server of the top-level domain {zone}",
    "walk.who.authoritative": "{server}, in charge of {zone}",
    "walk.who.other": "Server {server}",
    "walk.referred": "{who}: asked for {name} ({type}), it referred to the servers of {referral} after {latency_ms}.",
    "walk.answered": "{who}: asked for {name} ({type}), it answered {answers} after {latency_ms}.",
    "walk.empty": "{who}: asked for {name} ({type}), it had no such record; it said so after {latency_ms}.",
    "walk.failed": "{who}: asked for {name} ({type}), it answered {rcode} after {latency_ms}.",
    "walk.unanswered": "{who}: asked for {name} ({type}) {attempts:time|times}, it did not answer.",
    "heading.findings": "What stands out",
    "heading.other_findings": "What stands out besides",
    "heading.there_is": "What is there instead",
    "heading.beside": "Besides the visits",
    "severity.error": "error",
    "severity.warning": "warning",
    "severity.note": "note",
    "severity.info": "info",
    "blame.client": "the client",
    "blame.network": "the network",
    "blame.server": "the server",
    "blame.resolver": "the resolver",
    "blame.capture": "the recording",
    "blame.unknown": "nobody can tell",
    "finding.why": "Why it matters:",
    "finding.advice": "What to try:",
    "finding.blame": "blame: {blame}",
    "finding.cost": "cost: {cost_ms}",
    "finding.more": "… and {more} more findings; the report lists them all.",
    "finding.before": "(told in full above)",
    "finding.none": "Nothing here is out of the ordinary.",
    "finding.none.but": "Nothing here cost enough time for a finding, but not everything arrived at once:",
    # what TCP repaired: count, connections, stream
    "repair.again": "{count:segment was|segments were} sent again on {connections} connections, the first of them "
    "stream {stream}.",
    "repair.again.one": "{count:segment was|segments were} sent again on stream {stream}.",
    "repair.late": "{count:segment was|segments were} overtaken by later ones on {connections} connections, the first "
    "of them stream {stream}.",
    "repair.late.one": "{count:segment was|segments were} overtaken by later ones on stream {stream}.",
    "repair.asked": "{count:time|times} a receiver said that data before what arrived was missing (duplicate ACK), on "
    "{connections} connections, the first of them stream {stream}.",
    "repair.asked.one": "{count:time|times} a receiver said that data before what arrived was missing (duplicate "
    "ACK), on stream {stream}.",
    # what there is without visits, and besides them
    "there.arp": "{count:ARP exchange|ARP exchanges}: machines of the local network asked for each other's hardware "
    "address.",
    "there.arp.free": "Before it used {addresses}, a machine asked whether another one has it; none did.",
    "there.arp.told": "{count:time|times} a machine told the others unasked which hardware address it has: "
    "{addresses}.",
    "there.arp.unanswered": "Nobody answered for {addresses} ({count:request|requests} without an answer).",
    "there.dns": "{count:name lookup|name lookups} (DNS): {names}.",
    "there.dns.update": "{count:request|requests} to change what the name server holds (DNS update), sent to "
    "{servers}: {names}.",
    "there.dns.cached": "{count:lookup was|lookups were} answered by the resolver from its cache: {names}.",
    "there.dns.walk": "{client} asked {server} for {name} ({type}) and got {answers} after {latency_ms}. To find out, "
    "the resolver went down the tree of names:",
    "there.dns.walk.empty": "{client} asked {server} for {name} ({type}) and got {rcode} after {latency_ms}. To find "
    "out, the resolver went down the tree of names:",
    "there.dns.unanswered": "{count:lookup|lookups} got no answer: {names}.",
    "there.ping": "{source} pinged {target}: {sent:echo request|echo requests}, {answered:answer|answers}, "
    "{lost_share} lost; the round trip took {least_ms} at least, {mean_ms} on average, {most_ms} at most.",
    "there.ping.all": "{source} pinged {target}: {sent:echo request|echo requests}, all answered; the round trip took "
    "{least_ms} at least, {mean_ms} on average, {most_ms} at most.",
    "there.ping.once": "{source} pinged {target} once; the answer came after {mean_ms}.",
    "there.ping.silent": "{source} pinged {target}: {sent:echo request|echo requests}, no answer.",
    "there.ping.untimed": "{source} pinged {target}: {sent:echo request|echo requests}, {answered:answer|answers}, "
    "{lost_share} lost; how long the round trip took is not known.",
    "there.ping.foreign": "{source} pinged {target}: {sent:echo request|echo requests}; what came back is no answer: "
    "{foreign:reply|replies} with other data than was sent.",
    "there.ping.late": "{source} pinged {target} {sent:time|times} right before the capture ends; answers may have "
    "come later.",
    "there.ping.pending": "{count:more was|more were} under way when the capture ends.",
    "there.ping.others": "Besides, {count:reply|replies} came with other data than was sent.",
    "there.ping.errors": "{count:error|errors} came back instead of an answer.",
    "there.icmp": "{source} reported to {sender} about its packets to {target}, {count:time|times}: {meaning}.",
    "there.icmp.refused": "{source} told {sender}, {count:time|times}, that no program there takes its packets: "
    "{meaning}.",
    "there.icmp.unsaid": "{source} sent {sender} an error without saying what about, {count:time|times}: {meaning}.",
    "there.tcp": "{count:TCP connection|TCP connections}, {transferred_bytes} in all, such as stream {stream}: "
    "{client} to {server} port {server_port}.",
    "there.tcp.empty": "{count:TCP connection|TCP connections} without any data, such as stream {stream}: {client} to "
    "{server} port {server_port}.",
    "there.tcp.one": "1 TCP connection, {transferred_bytes}: {client} to {server} port {server_port} (stream "
    "{stream}).",
    "there.tcp.empty.one": "1 TCP connection without any data: {client} to {server} port {server_port} (stream "
    "{stream}).",
    "there.tcp.midstream": "{count:of them was|of them were} already open when the recording began.",
    "there.http": "{count:HTTP message|HTTP messages} that no visit could be made of, such as {what}.",
    "there.tls": "{count:encrypted session|encrypted sessions} (TLS) outside of any visit.",
    "there.dhcp": "{count:other exchange|other exchanges} about addresses (DHCP).",
    "there.dhcp.release": "{clients} gave up {addresses} (DHCP).",
    "there.dhcp.decline": "{clients} declined {addresses}, which somebody else used already (DHCP).",
    "there.dhcp.inform": "{clients} had an address and asked for the other settings of the network (DHCP).",
    "there.dhcp.inform.many": "{clients} had an address and asked for the other settings of the network (DHCP), "
    "{count:time|times} within {within_ms}.",
    "there.dhcp.bound": "{client} got the address {address} from {server} after {latency_ms} (DHCP).",
    "there.dhcp.renewed": "{client} may go on using the address {address}, {server} said after {latency_ms} (DHCP).",
    "there.dhcp.refused": "{server} refused {client} the address {address} (DHCP).",
    "there.dhcp.no_answer": "{client} asked {attempts:time|times} for an address and got no answer (DHCP).",
    "there.ndp": "{count:NDP exchange|NDP exchanges}: IPv6 neighbours asked for each other's hardware address.",
    "there.ndp.unanswered": "No IPv6 neighbour answered for {addresses}.",
    "there.ndp.routers": "{routers} announced the way out of the network, and the IPv6 prefixes {prefixes}.",
    "there.oicq": "{count:QQ exchange|QQ exchanges} (OICQ) of {users:account|accounts}: {commands}.",
    "there.trace": "{source} traced the way to {target}, {hops:hop|hops}:",
    "there.trace.lost": "{source} traced the way to {target}; within {hops:hop|hops} it did not get there:",
    "there.trace.hop": "Hop {number}: {routers}, {latency_ms}",
    "there.trace.hop.untimed": "Hop {number}: {routers}",
    "there.trace.hop.silent": "Hop {number}: no answer",
    "there.websocket": "{messages:WebSocket message|WebSocket messages} on {connections:connection|connections} of no "
    "visit.",
    "there.frames": "Frames that are not explained here: {traffic}.",
    "there.other": "other {what}",
    "there.nothing": "Nothing in it is of a protocol that is explained here.",
    "there.more": "… and {more} more of this kind.",
    # analyze rules
    "rules.opening": "{rules} kinds of findings, each with its code, severity, layer and who is to blame as a rule.",
    "rules.code": "Code",
    "rules.severity": "Severity",
    "rules.layer": "Layer",
    "rules.blame": "Blame",
    "rules.title": "What it says",
    "rules.why": "Why it matters",
    "rules.advice": "What to try",
    "rules.reference": "Reference",
    "rules.thresholds": "Numbers it compares with",
    "rules.variant": "Variant {variant}",
    "rules.more": "analyze rules CODE tells all about one.",
    "rules.doc.title": "Findings",
    "rules.doc.opening": "All {rules} kinds of findings, by layer, made by `analyze rules` from the rules themselves. "
    "‹…› stands for what the capture says; a finding with variants says the one that fits.",
}
"""Key → sentence or word."""
