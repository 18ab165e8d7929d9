"""Which content delivery network answered, by the headers that only it writes.

A delivery network (CDN) keeps copies of a site's files on servers near the people who read them. Most of them mark
their answers with a header of their own, for their support; that mark is what is read here, as each network documents
it. A header that several networks or ordinary caches write (``X-Cache``, ``Via``, ``Age``) proves none of them.
"""

from __future__ import annotations

from analyzer.protocols.http1.grammar import Fields

MARKS: dict[bytes, str] = {
    b"cf-ray": "Cloudflare",
    b"cf-cache-status": "Cloudflare",
    b"x-amz-cf-id": "Amazon CloudFront",
    b"x-amz-cf-pop": "Amazon CloudFront",
    b"x-akamai-request-id": "Akamai",
    b"x-akamai-transformed": "Akamai",
    b"akamai-grn": "Akamai",
    b"akamai-cache-status": "Akamai",
    b"x-fastly-request-id": "Fastly",
    b"fastly-restarts": "Fastly",
    b"x-azure-ref": "Azure Front Door",
    b"x-msedge-ref": "Azure Front Door",
    b"x-iinfo": "Imperva",
    b"cdn-pullzone": "bunny.net",
    b"cdn-requestid": "bunny.net",
    b"x-sucuri-id": "Sucuri",
    b"x-vercel-id": "Vercel",
    b"x-nf-request-id": "Netlify",
    b"x-77-pop": "CDN77",
    b"x-77-cache": "CDN77",
    b"x-llid": "Edgio (Limelight)",
    b"eagleid": "Alibaba Cloud",
    b"x-nws-log-uuid": "Tencent Cloud",
    b"powered-by-chinacache": "ChinaCache",
    b"x-qiniu-zone": "Qiniu",
}
"""Header name, in lower case → the network that alone writes it."""

SERVERS: tuple[tuple[bytes, str], ...] = (
    (b"cloudflare", "Cloudflare"),
    (b"akamai", "Akamai"),
    (b"cloudfront", "Amazon CloudFront"),
    (b"bunnycdn", "bunny.net"),
    (b"keycdn", "KeyCDN"),
    (b"cdn77", "CDN77"),
    (b"ecacc", "Edgio (Edgecast)"),
    (b"ecs (", "Edgio (Edgecast)"),
    (b"ecd (", "Edgio (Edgecast)"),
    (b"netdna-cache", "StackPath (MaxCDN)"),
    (b"netlify", "Netlify"),
    (b"vercel", "Vercel"),
)
"""Beginning of the Server header, in lower case → network."""


def network(headers: Fields) -> str | None:
    """Return the name of the delivery network, None when no header names one."""
    if told := MARKS.keys() & headers.names():
        return next(MARKS[name.lower()] for name, _ in headers.lines if name.lower() in told)
    server = headers.first(b"server")
    if server:
        begins = server[:16].lower()
        for mark, found in SERVERS:
            if begins.startswith(mark):
                return found
    if b"x-timer" in headers and (headers.first(b"x-served-by") or b"").startswith(b"cache-"):
        return "Fastly"  # X-Timer is Varnish's as Fastly runs it; its caches are called cache-<place>
    via = headers.first(b"via")
    return "Amazon CloudFront" if via is not None and b".cloudfront.net" in via else None
