"""Shared captures that were judged by hand, with tshark beside, and what has to be said of them: no more, no less.

Only findings about the recording, TCP, TLS and HTTP count here, and of these warnings and errors.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.pipeline import analyze

LAYERS = ("capture", "tcp", "tls", "http")
HEALTHY = (
    "tcp/ppa3-tickedoffdeveloper.pcapng",
    "tcp/mercury-pcaps-redis.pcap",
    "tcp/tcpdump-mptcp-v0.pcap",
    "tcp/russo-ftp_pas_get.pcapng",
    "tcp/samples-telnet-raw.pcap",
    "tcp/nDPI-pcap-git.pcapng",
    "tcp/ppa3-mail_sender_server_2.pcapng",
    "tcp/protocol-pcap-pop3-attachment-didi.pcap",
    "tcp/joy-kali-password-attack_hydra.pcap",
    "tcp/samples-mpls_vpn_PE2_右边抓包.pcap",
    "tcp/sv-mime-mime-quoted-printable.pcap",
    "tcp/ppa3-passiveosfingerprinting.pcapng",
    "tcp/samples-captura.NNTP.pcap",
    "http1/mercury-socks4_5.pcap",
    "http1/zeek-byteranges.pcap",
    "http1/arkime-socks-http-pass.pcap",
    "http1/PCAPdroid-http_proxy.pcap",
    "http1/nDPI-http_ua_splitted_in_two_pkts.pcapng",
    "http1/samples-http_redirects.pcapng",
    "http1/zeek-bro.org-filtered.pcap",
    "http1/arkime-http-post-upload.pcap",
    "http1/brimcap-ztests-in.pcap",
    "tls/zeek-tls-conn-with-extensions.pcap",
    "tls/russo-ftps_act_put.pcapng",
    "tls/nDPI-chrome.pcap",
    "tls/samples-smtp-ssl.pcapng",
    "tls/nDPI-tls_heur__vmess-tcp-tls.pcapng",
    "tls/zeek-smtp-starttls.pcap",
    "tls/nDPI-firefox.pcap",
    "tls/samples-pop-ssl.pcapng",
    "tls/nDPI-443-safari.pcap",
    "tls/nDPI-443-curl.pcap",
    "tls/nDPI-pcap-tor.pcap",
    "tls/wireshark-challenge01_ooo_stream.pcapng",
    "mixed/joy-firefox58.pcap",
)
"""Nothing failed and nobody waited: old, pieced together or recorded badly some of them may be."""

TROUBLE: dict[str, set[str]] = {
    "tcp/nDPI-nest_log_sink.pcap": {"TCP-LOSS"},  # one segment, repeated after 2.7 s
    "tls/nDPI-selfsigned.pcap": {"TLS-CERT-EXPIRED"},  # four years over
    "tcp/ppa3-inconsistent_printer.pcapng": {"TCP-BACKOFF"},  # the printer stops taking data
    "tcp/ppa-email-troubles.pcap": {"TCP-LOSS"},
    "tcp/tcpflow-tests-bug2.pcap": {"TCP-BACKOFF", "TCP-LOSS"},  # one direction; 6 times within 14 s
    "tcp/ppa-ftpserverdenied.pcap": {"TCP-SYN-UNANSWERED"},
    "tcp/ppa3-tcp_refuseconnection.pcapng": {"TCP-REFUSED"},
    "tcp/zeek-rst-inject-rae.pcap": {"TCP-RESET"},  # a reset that somebody injected
    "http1/samples-general-unsorted-ipp.pcap": {"TCP-ZERO-WINDOW"},  # a printer that is full for 212 ms
    "http1/zeek-variant-02-cl_uint64max.pcap": {"HTTP-MALFORMED", "HTTP-NO-RESPONSE"},
    "http1/zeek-variant-03-cl_negative.pcap": {"HTTP-MALFORMED", "HTTP-NO-RESPONSE"},
    "http1/sv-http1-noint-status.pcap": {"HTTP-MALFORMED"},
    "http1/zeek-content-length-overflow.pcap": {"HTTP-CUT-SHORT"},
    "http1/zeek-reassembly.pcap": {
        "TCP-BACKOFF",
        "TCP-LOSS",
        "TCP-OVERLAP-CONFLICT",
    },  # a modem line: a third of it came again
    "http1/sv-http-close-headers.pcap": {"HTTP-CUT-SHORT"},
    "http1/ppa3-http_post.pcapng": {"HTTP-SLOW-SERVER"},
    "tls/zeek-certificate-with-sct.pcap": {"TLS-CERT-NAME"},  # www.lilawelt.net, for lilawelt.net
    "tls/zeek-pop3-starttls.pcap": {"TLS-WEAK-KEY"},  # signed with MD5, in 2012
    "tls/wireshark-notes-tls-null.pcapng": {"TLS-WEAK-CIPHER"},
    "tls/wireshark-notes-ssl3-dump.pcapng": {"TLS-WEAK-CIPHER"},
    "tls/wireshark-notes-ssl3-sslv2.pcapng": {"TLS-OLD-VERSION", "TLS-WEAK-KEY"},
    "tls/zeek-ssl-v2.pcap": {"TLS-CERT-EXPIRED", "TLS-OLD-VERSION"},  # a control panel's own, 521 days over
    "tls/sv-tls-tls-glupteba-mb.pcap": {"TLS-CERT-EXPIRED", "TLS-OLD-VERSION"},  # malware that takes any certificate
    "tls/nDPI-google_ssl.pcap": {"TCP-LOSS", "TLS-WEAK-CIPHER"},  # two segments, 0.3 s and 1 s after their ACKs
    "tls/mercury-faketls_potatovpn.pcap": {"TLS-CERT-EXPIRED"},  # a VPN that dresses up as www.google.com
    "tls/zeek-certificate-request-failed.pcap": {"TLS-ALERT"},
    "tls/pcapFS-tls1-aes128-cbc-file_e_large.pcap": {"TLS-OLD-VERSION"},
    "tls/samples-ssl-with-decryption-keys-amqps.pcapng": {"TLS-WEAK-KEY"},
    "tls/zeek-tls13draft16-ff52.a01-aborted.pcap": {"TLS-ALERT"},
    "tls/sv-tcp-fastopen-10-syn-data-ignore.pcap": {
        "TCP-BACKOFF",
        "TLS-SLOW",
    },  # a server that ignores fast open and loses ACKs
    "tls/ja4-browsers-x509.pcapng": {"TCP-BACKOFF", "TCP-LOSS", "TLS-SLOW"},
    "tls/arkime-socks-https-example.pcap": {"TLS-CERT-NAME"},  # www.example.com, answered by a CDN
    "tls/joy-openssl102n.pcap": {"TLS-SLOW"},  # 20 s from hello to hello
    "tls/sv-ja4-cl-handshake.pcap": {"TLS-WEAK-KEY"},
}
"""Captures with trouble → the codes of every warning and error."""


@pytest.mark.shared
@pytest.mark.parametrize("name", [*HEALTHY, *TROUBLE])
def test_alarms(shared_captures: Path, name: str) -> None:
    path = shared_captures / name
    if not path.is_file():
        pytest.skip(f"{name} is not among the shared captures")
    told = [f for f in analyze(str(path)).findings if f.layer in LAYERS and f.severity in ("error", "warning")]
    assert {f.code for f in told} == TROUBLE.get(name, set())
