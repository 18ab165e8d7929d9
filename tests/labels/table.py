"""What is wrong in each of a number of shared captures, written down by hand.

Every capture was read packet by packet in another program and labelled before this one was run on it. A label says what
happened, and lists every finding of severity warning or error that a careful network engineer would want to be told:
somebody failed, waited, or is at risk. Notes are not listed; some are named in the text where a warning would be
wrong.

Where severity is a matter of opinion, or a second finding would only say the same thing in other words (a visit that
failed because its name did not resolve), the code is *tolerated*: it counts neither as found nor as a false alarm.
"""

from __future__ import annotations

from typing import NamedTuple


class Wanted(NamedTuple):
    """One finding that has to be there.

    Attributes:
        code: which.
        frames: the finding cites at least one of these; empty where it has no frames to cite.
        about: a host, name or address that is among the finding's arguments; None where the frames say enough.
    """

    code: str
    frames: tuple[int, ...]
    about: str | None = None


class Label(NamedTuple):
    """What is to be found in one capture.

    Attributes:
        capture: group and name.
        about: what happened in it.
        expected: all findings of severity warning or error that belong there; none where all is well.
        tolerated: codes that may be there or not.
    """

    capture: str
    about: str
    expected: tuple[Wanted, ...] = ()
    tolerated: tuple[str, ...] = ()


VISIT = ("VISIT-FAILED", "VISIT-SLOW")
"""What sums up for a visit a trouble that is expected by its own code."""

LABELS: tuple[Label, ...] = (
    # ── labs ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    Label(
        "labs/Networks-Packets-lab-http.pcap",
        "Healthy. Two GETs on one connection in a local network, both 200, orderly close. Segments of 7220 bytes are "
        "the sender's network card at work. Packets follow each other every 0.6 to 1.0 ms, but unevenly.",
    ),
    Label(
        "labs/kr-http-ethereal-trace-1.pcap",
        "Healthy. A name, a page (200), and the browser's own question for /favicon.ico (404, a note). A printer is "
        "asked by SNMP every 3 s and answers.",
    ),
    Label(
        "labs/kr-http-ethereal-trace-4.pcap",
        "Healthy. A page and two pictures from two other servers, all 200; one server sends its headers in eight tiny "
        "segments, without a loss.",
    ),
    Label(
        "labs/kr-ethernet-ethereal-trace-1.pcap",
        "192.168.1.105 sends three SYNs over 9 s to port 631 of 199.2.53.206 and gets nothing. The page it fetches "
        "afterwards is fine. One unanswered ARP request of a bystander (frame 6) means nothing.",
        (Wanted("TCP-SYN-UNANSWERED", (3, 4, 5), "199.2.53.206"),),
    ),
    Label(
        "labs/kr-dns-ethereal-trace-4.pcap",
        "The recorder looks up a name at MIT: the first try with the search list added does not exist (frame 103), the "
        "next one is answered: a note. Around it two neighbours look for all addresses of the network by ARP and one "
        "tries the recorder's ports that worms like (frames 51 to 57), once each: looking around, notes. About 13 "
        "broadcasts a second.",
    ),
    Label(
        "labs/kr-icmp-ethereal-trace-2.pcap",
        "Healthy. A traceroute by ping: TTL 1 to 17, three each, every router and the goal answer.",
    ),
    Label(
        "labs/kr-dhcp-ethereal-trace-1.pcap",
        "Healthy. A lease, a renewal, a release, and a lease again. The server looks by ARP whether an address is free "
        "before it offers it (frames 3, 43), nobody answers, as it should be; the offers take 1 s for that. The "
        "router does not take IGMP and says so (frames 13, 16, 53, 56), for multicast: a note.",
    ),
    Label(
        "labs/kr-ssl-ethereal-trace-1.pcap",
        "A shop of 2005. The first page keeps its reader waiting 1.5 s (frames 21 to 25), the acknowledgement came "
        "after 20 ms. Checkout over SSL 3.0 (frame 108) with RC4 and MD5, certificate with a 1024-bit key signed with "
        "SHA-1 (frame 111): all usual then, notes. Nine segments arrive out of order within a millisecond: nothing "
        "lost. The resets (frames 99, 100) come after the server had closed. Bystanders' ARP requests without an "
        "answer: their unicast is not recorded. One DHCP request by broadcast whose answer was not for everybody.",
        (Wanted("HTTP-SLOW-SERVER", (21, 25), "www.wicksend.com"),),
        VISIT,
    ),
    Label(
        "labs/kr-NAT_home_side.pcap",
        "Healthy browsing. One answer is sent again without need (frame 13). A peer of some program does not take its "
        "one UDP packet (port unreachable, frame 49): worth a note, a warning is a matter of taste. SNMP requests to a "
        "printer that is not there are not answered.",
        tolerated=("ICMP-UNREACHABLE",),
    ),
    Label(
        "labs/wlabs-HTTP-2.pcapng",
        "A page from the other side of the world: 300 ms round trip, 200, then 304; /favicon.ico 404 (a note). The "
        "recorder resets a connection right after its own FIN (frame 250). All the while one router asks 51 times a "
        "second by broadcast for the hosts of five networks: more than three times what switches let through from one "
        "port by default (15 a second with ARP inspection).",
        tolerated=("ARP-STORM",),
    ),
    # ── mixed ────────────────────────────────────────────────────────────────────────────────────────────────────────
    Label(
        "mixed/packets-loger.pcap",
        "Somebody logs in with a phone. Every packet is in the file two or four times, and the times were made up when "
        "it was written: one packet each half second, so no wait in it is real. Cut off in four TLS handshakes by the "
        "end of the file. The login goes over plain HTTP with a field upw (frame 137) that looks encrypted.",
        (Wanted("CAPTURE-PACED", ()),),
        ("HTTP-CREDENTIALS-CLEAR",),
    ),
    Label(
        "mixed/nDPI-iphone.pcap",
        "An iMac that shares its network asks five times for an address over 35 s (frames 2, 12, 13, 14, 24) and no "
        "server ever answers it. A phone then joins, gets its lease in 1 s and talks to a dozen servers without "
        "trouble. It refuses one late second answer of its resolver (frame 263): a note.",
        (Wanted("DHCP-NO-ANSWER", (2, 12, 13, 14, 24)),),
    ),
    # ── arp ──────────────────────────────────────────────────────────────────────────────────────────────────────────
    Label(
        "arp/samples-arp欺骗攻击v2.pcap",
        "An attack: 00:0c:29:f1:1a:95 tells 192.168.6.113 that it is 192.168.6.1, and 192.168.6.1 that it is "
        "192.168.6.113, every second; both true owners speak too (frames 4, 6). At the end 192.168.6.113 asks three "
        "times for 192.168.6.70 and gets no answer.",
        (
            Wanted("ARP-CONFLICT", (5, 6, 7), "192.168.6.1"),
            Wanted("ARP-CONFLICT", (3, 4, 5), "192.168.6.113"),
            Wanted("ARP-UNANSWERED", (22, 23, 24), "192.168.6.70"),
        ),
        ("ARP-GATEWAY-CHANGED",),
    ),
    Label(
        "arp/samples-dhcp-and-dyndns.pcap",
        "A Windows machine gets an address. The server pings the address before it offers it (frame 2), nobody "
        "answers, as it should be. The server does not find the name of its own router, router.far-far-away, and the "
        "client not that of sus.far-far-away: the resolver says twice each that they do not exist.",
        (
            Wanted("DNS-FAILED", (3, 4, 5, 6), "router.far-far-away"),
            Wanted("DNS-FAILED", (64, 65, 66, 67), "sus.far-far-away"),
        ),
    ),
    Label("arp/zeek-arp-who-has.pcap", "Healthy. One question, one answer after 5 ms."),
    Label(
        "arp/samples-arp-storm.pcap",
        "The head of a cable network asks 21 times a second for 29 s for absent customers of nine networks. Published "
        "as an ARP storm; switches let through 15 a second from one port by default.",
        tolerated=("ARP-STORM",),
    ),
    # ── dns ──────────────────────────────────────────────────────────────────────────────────────────────────────────
    Label(
        "dns/ppa3-nowebaccess1.pcapng",
        "172.16.0.8 asks two resolvers for www.google.com seven times over 8 s; neither ever answers.",
        (Wanted("DNS-NO-ANSWER", (3, 4), "www.google.com"),),
        ("DNS-RESOLVER-DEAD", *VISIT),
    ),
    Label(
        "dns/ppa3-dns_tcp.pcapng",
        "Healthy. An answer does not fit into UDP (frame 2), the client asks again over TCP and has the whole of it "
        "60 ms later: a note.",
    ),
    Label(
        "dns/russo-dns_v4_rfc6555_failover.pcapng",
        "The resolver fails on the IPv6 address of a name (frame 2), 12 ms later it gives the IPv4 address. Nobody "
        "waits and nothing fails: a note.",
    ),
    Label(
        "dns/sv-flow-drop-iponly-02.pcap",
        "192.168.10.31 asks for download.windowsupdate.com three times in 4 s; after 7 s the resolver says that it "
        "failed, twice, and after 15 s once more, which the client no longer takes (frame 7, a note).",
        (Wanted("DNS-FAILED", (4, 5, 6), "download.windowsupdate.com"),),
        ("DNS-RETRY", "DNS-SLOW", *VISIT),
    ),
    Label("dns/dns-probe-udp_simple.pcapng", "Healthy. 92 questions, 92 answers, the slowest after 244 ms."),
    Label(
        "dns/nDPI-dns_ambiguous_names.pcap",
        "Ten names looked up one after the other. One of them, with a star in it, does not exist (frame 12).",
        (Wanted("DNS-FAILED", (11, 12), "*.teams.microsoft.com"),),
    ),
    # ── icmp ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    Label(
        "icmp/ppa-destunreachable.pcap",
        "Three pings to 10.4.88.88; a router says each time that the host cannot be reached.",
        (Wanted("ICMP-UNREACHABLE", (2, 4, 6), "10.4.88.88"),),
        ("ICMP-ECHO-LOSS",),
    ),
    Label(
        "icmp/samples-icmpv4_time_exceeded.pcap",
        "Healthy. Six pings with answers, then a whole traceroute. One router on the way reports packets whose TTL was "
        "still above 1 when it looked.",
    ),
    Label(
        "icmp/russo-packet_too_big.pcapng",
        "A ping with 'do not fragment' that is too big for the path; the first router says that 1400 bytes would go: "
        "a note, that is how a path is measured.",
    ),
    Label("icmp/zeek-5-pings.pcap", "Healthy. Five pings, five answers."),
    Label(
        "icmp/packetlife-ipv6_neighbor_spoofing.pcap",
        "fe80::2 pings its neighbour fe80::1. After 13 s somebody tells it unasked that fe80::1 is now at "
        "00:00:00:00:00:0c (frames 33, 39, 45); from then on all 14 pings go there and none is answered.",
        (
            Wanted("NDP-CONFLICT", (33, 39, 45), "fe80::1"),
            Wanted("ICMP-ECHO-LOSS", tuple(range(34, 50)), "fe80::1"),
        ),
        ("ARP-GATEWAY-CHANGED",),
    ),
    Label(
        "icmp/ppa-icmp-tracert-slow.pcap",
        "A traceroute by ping. The first router does not answer for TTL 1, all others and the goal do. The host "
        "refuses something from port 53 of 216.148.227.68, a late answer of its resolver that is not in the file "
        "(frame 64): a note.",
    ),
    Label(
        "icmp/samples-icmp_不可达_unreachable_ping.pcap",
        "192.168.2.2 answers pings of 12.1.1.1, but its router has no way back there and says so three times.",
        (Wanted("ICMP-UNREACHABLE", (6, 9, 12), "12.1.1.1"),),
        ("ICMP-ECHO-LOSS",),
    ),
    Label(
        "icmp/packetlife-traceroute_MPLS.pcap",
        "Healthy. A traceroute by UDP through an MPLS network; the goal refuses the last ports, which is what the "
        "traceroute is looking for. Some routers quote a TTL of 2, because MPLS has its own.",
    ),
    Label(
        "icmp/russo-dhcp_v6_renewal.pcapng",
        "Healthy. An IPv6 host makes sure that its addresses are free (nobody answers, as it should be), gets a lease "
        "by DHCPv6 and renews it twice.",
    ),
    # ── dhcp ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    Label(
        "dhcp/packetlife-pcaps-DHCP.pcap",
        "Healthy. A lease and four renewals. The offer comes after 2 s: the server made sure that the address was "
        "free, which is its default.",
    ),
    Label(
        "dhcp/samples-dhcp_request_单播续租报文和广播续租报文.pcapng",
        "Two servers offer addresses of different networks to the same client (frames 2, 3). Another client renews its "
        "lease at 6.6.6.6 every 30 s until that one falls silent: three requests and a broadcast without an answer "
        "(frames 20 to 23), then it has to take an address of the other network.",
        (
            Wanted("DHCP-SERVERS", (2, 3), "6.6.6.6"),
            Wanted("DHCP-NO-ANSWER", (20, 21, 22, 23)),
        ),
    ),
    Label(
        "dhcp/russo-dhcp_v4_renewal.pcapng",
        "Healthy. A router gets its address by way of a relay and renews it. The server pings the address once "
        "(frame 8), gratuitous ARP for 0.0.0.0 and 192.168.12.1 by the same machine.",
    ),
    Label(
        "dhcp/samples-dhcp耗尽攻击(mac_改变）.pcap",
        "An attack: 78 made-up clients ask for addresses in 49 s. Two servers hand them out, each refuses the clients "
        "of the other (82 refusals, from frame 16 on).",
        (
            Wanted("DHCP-SERVERS", (2, 5, 4, 12), "192.168.6.254"),
            Wanted("DHCP-REFUSED", ()),
        ),
        ("DHCP-NO-ANSWER",),
    ),
    # ── tcp ──────────────────────────────────────────────────────────────────────────────────────────────────────────
    Label(
        "tcp/ppa-1112-fc_0.pcap",
        "Healthy. Something big goes through a telnet connection. The receiver closes its window once, for 0.2 ms "
        "(frames 100, 101). One segment of 180 kB is repeated after 0.2 s.",
    ),
    Label(
        "tcp/mercury-pcaps-redis.pcap",
        "Healthy as a connection. Zero window for 0.2 ms (frames 13, 14). A wrong password is the business of redis.",
    ),
    Label(
        "tcp/ppa3-nowebaccess2.pcapng",
        "172.16.0.8 tries port 80 of 172.16.0.102 three times, refused each time.",
        (Wanted("TCP-REFUSED", (3, 4, 5, 6, 7, 8), "172.16.0.102"),),
        VISIT,
    ),
    Label(
        "tcp/ppa-ftpserverdenied.pcap",
        "192.168.0.193 sends three SYNs over 9 s to port 21 of 192.168.0.182 and gets nothing.",
        (Wanted("TCP-SYN-UNANSWERED", (1, 2, 3), "192.168.0.182"),),
    ),
    Label(
        "tcp/ppa-email-troubles.pcap",
        "Mail fetched by POP3. In the third message 16 segments in a row are lost or late, repairing them one by one "
        "takes 1.1 s (frames 299 to 330). Recorded at one end of a cable network: DHCP offers to others without their "
        "requests.",
        (Wanted("TCP-LOSS", (299, 300, 302, 304, 306), "161.58.73.170"),),
        ("TCP-BACKOFF", "CAPTURE-GAPS"),
    ),
    Label(
        "tcp/ppa3-inconsistent_printer.pcapng",
        "A printer takes its job slower and slower: it leaves less than a segment of window for a second or more "
        "(frames 50, 66, 84, 101), then falls silent; the last 1092 bytes are sent three times over 11 s (frames 120 "
        "to 122) and never acknowledged.",
        (Wanted("TCP-BACKOFF", (120, 121, 122), "172.16.0.253"),),
        ("TCP-ZERO-WINDOW", "TCP-LOSS"),
    ),
    Label("tcp/russo-ftp_pas_get.pcapng", "Healthy. FTP in passive mode, one file, three connections closed in order."),
    Label(
        "tcp/zeek-ssh-dups.pcap",
        "Healthy. A login by ssh that was recorded four times over, within the same microsecond: notes.",
    ),
    # ── http1 ────────────────────────────────────────────────────────────────────────────────────────────────────────
    Label(
        "http1/ppa3-http_espn_fail.pcapng",
        "A page loads, but nine connections to 203.0.113.94 get no answer in 95 s. Another connection asks with "
        "keep-alives whether the other side is still there after that one had closed, and is reset (frame 524): "
        "nothing lost. One keep-alive has no answer yet (frame 521).",
        (Wanted("TCP-SYN-UNANSWERED", (25, 26, 27), "203.0.113.94"),),
        ("TCP-KEEPALIVE-DEAD", *VISIT),
    ),
    Label(
        "http1/ppa3-arppoison.pcapng",
        "172.16.0.107 browses by way of its gateway 00:26:0b:31:07:33, until 00:25:b3:bf:91:ee tells it that it is "
        "172.16.0.1 (frame 56). From frame 57 on everything goes through that machine, which calls itself "
        "172.16.0.105 at the end (frame 165). The pages come all the same.",
        (Wanted("ARP-GATEWAY-CHANGED", (54, 56, 57, 58, 165)),),
    ),
    Label(
        "http1/ppa3-dns_isp_hijack.pcapng",
        "A resolver gives an address for a name that does not exist, the browser is sent on to a search page, which "
        "takes 1.6 s (frames 23 to 32) though its server acknowledged the request after 26 ms. That server sends five "
        "segments twice without need.",
        (Wanted("HTTP-SLOW-SERVER", (23, 32), "searchguide.level3.com"),),
        VISIT,
    ),
    Label(
        "http1/zeek-miss_end_data.pcap",
        "A picture is asked for; the client acknowledges 2902 bytes of answer of which not one is in the file. Nothing "
        "failed, the recording has a hole.",
        tolerated=("CAPTURE-GAPS",),
    ),
    Label(
        "http1/zeek-http-non-printable-characters.pcap",
        "Four addresses of which none exists: 404 each. The client resets after the server has closed.",
        (
            Wanted("HTTP-CLIENT-ERROR", (4, 6), "/regular_file.html"),
            Wanted("HTTP-CLIENT-ERROR", (15, 17)),
            Wanted("HTTP-CLIENT-ERROR", (26, 28)),
            Wanted("HTTP-CLIENT-ERROR", (37, 39)),
        ),
        VISIT,
    ),
    Label(
        "http1/filesamples-simple_http.pcap",
        "Healthy. A page, and the browser's own question for /favicon.ico (404, a note).",
    ),
    Label(
        "http1/zeek-deeply-nested-mime.pcap",
        "A POST of 40 kB, acknowledged whole, answered with 501. The server's reset (frame 55) comes after its FIN.",
        (Wanted("HTTP-SERVER-ERROR", (4, 50)),),
        VISIT,
    ),
    Label(
        "http1/sv-bug-130.pcap",
        "A page that wants a login (401), and the client goes away.",
        (Wanted("HTTP-CLIENT-ERROR", (4, 6), "/publication/pub.home/home.html"),),
        VISIT,
    ),
    Label(
        "http1/arkime-http-simple-get.pcap",
        "A page that is forbidden (403).",
        (Wanted("HTTP-CLIENT-ERROR", (4, 6), "/"),),
        VISIT,
    ),
    Label(
        "http1/pcap2har-missing_response.pcap",
        "Two segments of an answer are lost. The server repeats the first after 1.3 s, the second 2.5 s later (frames "
        "12, 14): 7 kB take almost 4 s. The file ends with the next request.",
        (Wanted("TCP-LOSS", (12, 14), "216.34.181.96"),),
        VISIT,
    ),
    Label(
        "http1/pcap2har-request_only.pcap",
        "A program on the same machine: refused on ::1, which costs nothing, for 127.0.0.1 takes it at once (a note). "
        "The request (frame 11) is acknowledged, and after 2.8 s the server closes without a word. The spare "
        "connection that it resets (frame 13) had carried nothing.",
        (Wanted("HTTP-NO-RESPONSE", (11, 14)),),
        VISIT,
    ),
    Label(
        "http1/zeek-Traces-web.pcap",
        "Port 12345 of a server refuses, 5 s later port 80 of it gives a page.",
        (Wanted("TCP-REFUSED", (1, 2), "125.190.109.199"),),
    ),
    Label(
        "http1/ppa3-http_dvwa_clearlogin.pcapng",
        "A login with a password over plain HTTP (frame 28).",
        (Wanted("HTTP-CREDENTIALS-CLEAR", (28,)),),
    ),
    Label(
        "http1/pcap2har-dns_requests.pcap",
        "Pings with names over a slow line. facebook.co fails at both resolvers after up to 3 s; the answer for "
        "google.com takes 1.3 s, the other resolver was asked in between (frames 54 to 57). All pings are answered.",
        (
            Wanted("DNS-FAILED", (32, 34, 35, 36, 37), "facebook.co"),
            Wanted("DNS-SLOW", (54, 56), "google.com"),
        ),
        ("DNS-RETRY",),
    ),
    # ── tls ──────────────────────────────────────────────────────────────────────────────────────────────────────────
    Label(
        "tls/zeek-https-to-http.pcap",
        "A client begins TLS on port 80; a small web server answers with an error page in HTML and closes.",
        (Wanted("HTTP-TLS-ON-PLAIN-PORT", (4, 6)),),
        VISIT,
    ),
    Label(
        "tls/zeek-certificate-request-failed.pcap",
        "The server wants a certificate of the client, gets an empty one, and gives up with handshake_failure.",
        (Wanted("TLS-ALERT", (9,)),),
        VISIT,
    ),
    Label(
        "tls/zeek-tls1.2.pcap",
        "TLS 1.2 with RC4 and MD5 (frame 5), certificate signed with SHA-1 (frame 8), in January 2013: both usual "
        "then, notes.",
    ),
    Label(
        "tls/samples-pop-ssl.pcapng",
        "Healthy. POP3 with STLS and a certificate that the server signed itself (a note). One packet's time is 49 "
        "years off (frame 2, a note). The client resets after its goodbye.",
        tolerated=("CAPTURE-CLOCK",),
    ),
    Label(
        "tls/sv-tls-tls-pre-1970.pcap",
        "A television calls home with TLS 1.0 and RC4 (frame 6). Its server's certificate is valid from 1969 to 2038; "
        "the list of names in it is empty, the old-fashioned common name fits.",
        (Wanted("TLS-OLD-VERSION", (4, 6)), Wanted("TLS-WEAK-CIPHER", (4, 6))),
        ("TLS-CERT-NAME",),
    ),
    Label(
        "tls/zeek-tls13draft16-ff52.a01-aborted.pcap",
        "A browser tries twice to speak a draft of TLS 1.3; the server answers protocol_version both times.",
        (Wanted("TLS-ALERT", (6, 16), "tls13.crypto.mozilla.org"),),
        VISIT,
    ),
    Label(
        "tls/sv-bug-2646-01.pcap",
        "A file is fetched in 0.2 s. Then the client is gone: the server repeats its goodbye nine times over 57 s.",
        tolerated=("TCP-BACKOFF", "TCP-LOSS"),
    ),
    Label("tls/s2n-tls-data-tls13.pcap", "Healthy. TLS 1.3 on one machine."),
    Label("tls/sv-bug-5758.pcap", "Healthy. TLS 1.3 where the server asks for another key first (a note)."),
    Label(
        "tls/sv-ja4-cl-handshake.pcap",
        "A test server: certificate signed by itself, with a 1024-bit key, for 'tls', while the client asks for "
        "'dogfish'.",
        (Wanted("TLS-WEAK-KEY", (4, 6)),),
        ("TLS-CERT-NAME",),
    ),
    Label(
        "tls/zeek-ocsp-stapling.pcap",
        "TLS 1.0 (frame 10), certificate signed with SHA-1, in April 2014: both usual then, notes.",
    ),
    Label(
        "tls/ppa3-mail_receiver_server_3.pcapng",
        "A mail is delivered and fetched. The mail server's own certificate is for 'mail02', the client asks for "
        "'mail02.cyberdyne.local'.",
        tolerated=("TLS-CERT-NAME",),
    ),
    Label(
        "tls/nDPI-selfsigned.pcap",
        "A certificate that the server signed itself and that ran out four years before (2016, frame 7), without any "
        "name that could be 'localhost', which the client asks for.",
        (Wanted("TLS-CERT-EXPIRED", (5, 7)),),
        ("TLS-CERT-NAME",),
    ),
    # ── others ───────────────────────────────────────────────────────────────────────────────────────────────────────
    Label(
        "oicq/nDPI-pcap-oicq.pcap",
        "Healthy. A QQ client reports every few minutes for three hours; only its own packets were recorded (a note).",
    ),
    Label(
        "broken/PcapPlusPlus-radiuslayer.pcap",
        "The file cannot be read after the fifth packet: the next one claims to have 4 GB.",
        (Wanted("CAPTURE-TRUNCATED", ()),),
    ),
)
