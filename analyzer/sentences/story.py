"""Words of the commands that print sentences in the terminal: ``analyze explain`` and ``analyze rules``.

The rules for templates are those of :mod:`analyzer.sentences`, which speaks them; each comment lists the arguments of
the entries that follow.
"""

from __future__ import annotations

STORY: dict[str, str] = {
    # the recording: size_bytes, format, packets, duration_ms, start; why
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
    "visits": "What happened: {visits:visit|visits}.",
    "visits.some": "Told below: failures first, then the slowest. --visit N tells any of them.",
    "visits.more": "… and {more} more; --visit N tells one, from 1 to {visits}.",
    "visits.none": "Nobody visited anything here: no web page or other address was opened over HTTP or TLS.",
    # one visit: number, url, visits; start, duration_ms, requests, connections, bytes, failed, redirects
    "visit": "Visit {number}: {url}",
    "visit.led_to": "It led to {url}.",
    "visit.summary": "It began {offset_ms} after the recording and took {duration_ms}: {requests:request|requests} "
    "over {connections:connection|connections}, {transferred_bytes}.",
    "visit.summary.unreadable": "It began {offset_ms} after the recording and took {duration_ms}, over "
    "{connections:connection|connections}, {transferred_bytes}. Its requests are unknown: {why}.",
    "visit.failed": "{failed:request|requests} failed.",
    "list.failed": "{failed} failed",
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
    "finding.none": "Nothing here is out of the ordinary.",
    # what there is without visits, and besides them
    "there.arp": "{count:ARP exchange|ARP exchanges}: machines of the local network asked for each other's hardware "
    "address.",
    "there.arp.unanswered": "Nobody answered for {addresses} ({count:request|requests} without an answer).",
    "there.dns": "{count:name lookup|name lookups} (DNS): {names}.",
    "there.dns.unanswered": "{count:lookup|lookups} got no answer: {names}.",
    "there.ping": "{source} pinged {target}: {sent:echo request|echo requests}, {answered:answer|answers}, "
    "{lost_share} lost; the round trip took {least_ms} at least, {mean_ms} on average, {most_ms} at most.",
    "there.ping.silent": "{source} pinged {target}: {sent:echo request|echo requests}, no answer.",
    "there.icmp": "{source} reported about packets to {target}, {count:time|times}: {meaning}.",
    "there.tcp": "{count:TCP connection|TCP connections}, {transferred_bytes} in all, such as stream {stream}: "
    "{client} to {server} port {server_port}.",
    "there.tcp.midstream": "{count:of them was|of them were} already open when the recording began.",
    "there.http": "{count:HTTP message|HTTP messages} that no visit could be made of, such as {what}.",
    "there.tls": "{count:encrypted session|encrypted sessions} (TLS) that belong to no visit.",
    "there.dhcp": "{count:exchange|exchanges} about addresses (DHCP).",
    "there.ndp": "{count:exchange|exchanges} between IPv6 neighbours (NDP).",
    "there.oicq": "{count:QQ exchange|QQ exchanges} (OICQ).",
    "there.websocket": "{count:WebSocket message|WebSocket messages}.",
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
