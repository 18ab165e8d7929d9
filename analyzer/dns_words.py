"""DNS response codes and record types in plain words: what each one tells the person who reads it.

Names are those of IANA's registry "Domain Name System (DNS) Parameters"; the sentences are this package's own reading
of the RFC named beside each. What is not registered is said to be so.
"""

from __future__ import annotations

from analyzer.language import translated

RCODES: dict[str, str] = {
    # RFC 1035 section 4.1.1
    "NOERROR": "The question was understood. Without records, the name exists but has nothing of this type.",
    "FORMERR": "The server could not make sense of the question as it was written.",
    "SERVFAIL": "The server tried and could not find out: servers it depends on failed, or signatures did not fit.",
    "NXDOMAIN": "The name does not exist.",
    "NOTIMP": "The server does not know this kind of question.",
    "REFUSED": "The server will not answer this question, or not for this client.",
    # RFC 2136 section 2.2: about changes to a zone
    "YXDOMAIN": "A name exists that should not, so the zone was not changed.",
    "YXRRSET": "Records exist that should not, so the zone was not changed.",
    "NXRRSET": "Records that should exist are missing, so the zone was not changed.",
    "NOTAUTH": "The server is not responsible for this zone, or the signature of the question was not accepted.",
    "NOTZONE": "A name in the change is not inside the zone.",
    # RFC 8490 section 5.1.1; RFC 6891 section 9; RFC 8945 section 5; RFC 2930 section 2.6; RFC 7873 section 5.2.3
    "DSOTYPENI": "The server does not know this kind of operation on a kept connection.",
    "BADVERS": "The server does not know this version of the extensions (EDNS).",
    "BADKEY": "The server does not know the key that the question was signed with.",
    "BADTIME": "The question was signed at another time than the server's clock allows.",
    "BADMODE": "The way to agree on a key is not supported.",
    "BADNAME": "A key of this name exists already.",
    "BADALG": "The algorithm of the key is not supported.",
    "BADTRUNC": "The signature of the question was cut shorter than the server allows.",
    "BADCOOKIE": "The question came without the right cookie; the client asks again with the one it was just told.",
}
"""Response code → what it means."""

TYPES: dict[str, str] = {
    "A": "an IPv4 address",
    "AAAA": "an IPv6 address",
    "AFSDB": "the server of a distributed file system",
    "ANY": "all records that the server has",
    "AXFR": "a copy of the whole zone",
    "CAA": "who may issue certificates for the name",
    "CDNSKEY": "the key that the zone above should point to",
    "CDS": "the key's digest that the zone above should publish",
    "CERT": "a certificate or its place",
    "CNAME": "the real name behind an alias",
    "CSYNC": "what the zone above should copy",
    "DNAME": "the tree that a whole tree of names is an alias of",
    "DNSKEY": "the public keys that sign a zone",
    "DS": "the digest of a zone's key, kept by the zone above",
    "HINFO": "kind of machine and system, or a short answer to ANY",
    "HTTPS": "how to reach a web service: protocols, port, addresses, key for hidden names",
    "IPSECKEY": "the public key for IPsec",
    "IXFR": "what changed in a zone",
    "KX": "who exchanges keys for the name",
    "LOC": "a place on earth",
    "MX": "the mail servers of a domain",
    "NAPTR": "a rule that rewrites a name into a service",
    "NS": "the name servers of a zone",
    "NSEC": "proof that a name or type does not exist: what comes next",
    "NSEC3": "the same proof, with names hashed",
    "NSEC3PARAM": "how names are hashed for that proof",
    "NULL": "bytes without a meaning of their own",
    "OPENPGPKEY": "a person's OpenPGP key",
    "OPT": "extensions of this message (EDNS)",
    "PTR": "the name behind an address, or the members of a service",
    "RP": "who is responsible for the name",
    "RRSIG": "a signature over other records",
    "SMIMEA": "the certificate for a person's mail",
    "SOA": "the master data of a zone: its primary server, serial number, and how long things are kept",
    "SPF": "which servers may send mail for the domain (obsolete form)",
    "SRV": "host and port of a service",
    "SSHFP": "the fingerprint of an SSH server's key",
    "SVCB": "how to reach a service: protocols, port, addresses",
    "TKEY": "an agreement on a key",
    "TLSA": "which certificate a TLS server must show",
    "TSIG": "the signature of a message",
    "TXT": "free text, often proof of ownership or rules about mail",
    "URI": "the address of a service",
    "WKS": "the services of a host (obsolete)",
    "ZONEMD": "the digest of a whole zone",
}
"""Record type → what it holds; fits after "asks for" and after "is"."""


OTHERS: dict[str, str] = {
    "rcode": "This code is not registered; the server means something of its own.",
    "type": "data of a type that this program does not explain",
}
"""What is said of response codes and record types that are in neither table."""


def explain(rcode: str, lang: str | None = None) -> str:
    """Say in one sentence what a response code means."""
    known = RCODES.get(rcode)
    if known is None:
        return translated(OTHERS["rcode"], "rcode.unregistered", lang)
    return translated(known, f"rcode.{rcode}", lang)


def explain_type(qtype: str, lang: str | None = None) -> str:
    """Say in a few words what records of a type hold."""
    known = TYPES.get(qtype)
    if known is None:
        return translated(OTHERS["type"], "dnstype.unregistered", lang)
    return translated(known, f"dnstype.{qtype}", lang)
