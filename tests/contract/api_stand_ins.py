"""deSEC's and Cloudflare's interfaces, as far as they are documented and publishers call them, on loopback.

They hold a zone as records in text, and enforce what their makers write: who may come in, what a request looks like,
the least TTL, how often. deSEC: https://desec.readthedocs.io/, as of 2026-11. Cloudflare: its API's reference, v4.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import dns.exception
import dns.rdata
import dns.rdatatype
from dns.rdataclass import RdataClass

TOKEN: Final = "i-T3b1h_OI-H9ab8tRS98stGtURe"  # noqa: S105 - the one of deSEC's own pages
Key = tuple[str, str]
"""Name and type. deSEC: the name below the zone; Cloudflare: the whole name without its dot."""

SEED: Final = """\
                NS      ns1.example.net.
                MX      10 www.example.net.
ns1             A       127.0.0.1
www             A       192.0.2.80
_25._tcp.www    TLSA    3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
alias           CNAME   www.example.net.
"""


def seed() -> Iterator[tuple[str, str, str]]:
    for line in SEED.splitlines():
        name, rest = line[:16].strip(), line[16:]
        type, rdata = rest.split(maxsplit=1)
        yield name, type, rdata


@dataclass
class Reply(Exception):  # noqa: N818 - some are good
    """What goes back."""

    status: int
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class StandIn:
    """``writes``: how many requests have changed something. ``busy``: of the next requests so many are too many."""

    rrsets: dict[Key, tuple[int, list[str]]] = field(default_factory=dict)
    writes: int = 0
    busy: int = 0
    url: str = ""
    seen: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Reply:
        raise NotImplementedError

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        self.seen.append(f"{handler.command} {handler.path}")
        length = int(handler.headers.get("Content-Length") or 0)
        body = json.loads(handler.rfile.read(length)) if length else None
        try:
            self.admit(handler.headers.get("Authorization") or "")
            if self.busy:
                self.busy -= 1
                detail = {"detail": "Request was throttled. Expected available in 7 seconds."}
                raise Reply(429, detail, {"Retry-After": "7"})
            reply = self.answer(handler.command, parts.path, parse_qs(parts.query, keep_blank_values=True), body)
        except Reply as instead:
            reply = instead
        text = json.dumps(reply.body).encode() if reply.body is not None else b""
        handler.send_response(reply.status)
        for name, value in {**reply.headers, "Content-Type": "application/json"}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)

    def admit(self, authorization: str) -> None:
        raise NotImplementedError


@dataclass
class Desec(StandIn):
    """A change is of all the RRsets that it names, or of none."""

    minimum_ttl: int = 3600

    def __post_init__(self) -> None:
        for name, type, rdata in seed():
            self.rrsets.setdefault((name, type), (3600, []))[1].append(rdata)

    def admit(self, authorization: str) -> None:
        if authorization != f"Token {TOKEN}":
            raise Reply(401, {"detail": "Invalid token."})

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Reply:
        match method, path.split("/"):
            case "GET", ["", "api", "v1", "domains", "example.net", ""]:
                return Reply(200, {"name": "example.net", "minimum_ttl": self.minimum_ttl, "keys": []})
            case "GET", ["", "api", "v1", "domains", "example.net", "rrsets", ""]:
                subnames = query.get("subname")
                return Reply(200, [self._shown(key) for key in self.rrsets if not subnames or key[0] in subnames])
            case "PATCH", ["", "api", "v1", "domains", "example.net", "rrsets", ""]:
                return self._patch(body)
        raise Reply(404, {"detail": "Not found."})

    def _shown(self, key: Key) -> dict[str, object]:
        ttl, records = self.rrsets[key]
        name = ".".join((*filter(None, (key[0],)), "example.net."))
        return {
            "domain": "example.net",
            "subname": key[0],
            "name": name,
            "type": key[1],
            "ttl": ttl,
            "records": records,
            "created": "2026-11-01T00:00:00Z",
            "touched": "2026-11-01T00:00:00Z",
        }

    def _patch(self, changes: list[dict[str, Any]]) -> Reply:
        wrong = [self._wrong(change) for change in changes]
        if any(wrong):
            raise Reply(400, wrong)
        for change in changes:
            key = change["subname"], change["type"]
            if change["records"]:
                self.rrsets[key] = change["ttl"], [canonical(key[1], text) for text in change["records"]]
            else:
                self.rrsets.pop(key, None)
        self.writes += 1
        return Reply(200, [self._shown(key) for c in changes if (key := (c["subname"], c["type"])) in self.rrsets])

    def _wrong(self, change: dict[str, Any]) -> dict[str, list[str]]:
        if change["type"] in ("SOA", "DNSKEY", "RRSIG", "NSEC3PARAM", "OPT"):
            return {"type": ["You cannot tinker with the type."]}
        if not change["records"]:
            return {}
        if change["ttl"] < self.minimum_ttl:
            return {"ttl": [f"Ensure this value is greater than or equal to {self.minimum_ttl}."]}
        others = {type for name, type in self.rrsets if name == change["subname"]} - {change["type"]}
        if "CNAME" in others or (change["type"] == "CNAME" and others):
            return {"non_field_errors": ["RRset with conflicting type present: CNAME."]}
        try:
            canonical(change["type"], *change["records"])
        except dns.exception.DNSException as error:
            return {"records": [str(error)]}
        return {}


@dataclass
class Cloudflare(StandIn):
    """One record at a time, each with an identifier. No TTL but 1, which is theirs to choose, and 60 and more."""

    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: list[frozenset[str]] = field(default_factory=list)
    """The content of all TLSA records after each write."""

    def __post_init__(self) -> None:
        for name, type, rdata in seed():
            self._add({"name": name, "type": type, "ttl": 300, **self._of(type, rdata)})

    @staticmethod
    def _of(type: str, rdata: str) -> dict[str, Any]:
        if type == "TLSA":
            usage, selector, mtype, data = rdata.split()
            how = {"usage": int(usage), "selector": int(selector), "matching_type": int(mtype)}
            return {"data": {**how, "certificate": data}}
        if type == "MX":
            return {"priority": 10, "content": rdata.split()[1].rstrip(".")}
        return {"content": rdata.rstrip(".")}

    def _add(self, record: dict[str, Any]) -> dict[str, Any]:
        # The whole name, whether it came whole or not.
        name = record["name"].removesuffix(".").removesuffix("example.net").removesuffix(".")
        record = {**record, "name": f"{name}.example.net".lstrip("."), "id": f"r{len(self.seen)}{len(self.records)}"}
        if record["type"] == "TLSA":
            data = record["data"]
            record["content"] = "{usage} {selector} {matching_type} {certificate}".format(**data)
        elif record["type"] == "MX":
            record["content"] = record["content"].removesuffix(".")
        self.records[record["id"]] = {"proxied": False, "proxiable": False, **record}
        return self.records[record["id"]]

    def admit(self, authorization: str) -> None:
        if authorization != f"Bearer {TOKEN}":
            raise Reply(403, {"success": False, "errors": [{"code": 9109, "message": "Invalid access token"}]})

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Reply:
        reply = self._answer(method, path, body)
        if method != "GET":
            self.versions.append(frozenset(r["content"] for r in self.records.values() if r["type"] == "TLSA"))
        return reply

    def _answer(self, method: str, path: str, body: Any) -> Reply:
        match method, unquote(path).removeprefix("/client/v4").split("/"):
            case "GET", ["", "zones"]:
                zone = {"id": "z1", "name": "example.net", "plan": {"legacy_id": "free"}, "name_servers": []}
                return self._page([zone])
            case "GET", ["", "zones", "z1", "dns_records"]:
                return self._page(list(self.records.values()))
            case "POST", ["", "zones", "z1", "dns_records"]:
                self._require(body)
                self.writes += 1
                return Reply(200, {"success": True, "result": self._add(body)})
            case (("PUT" | "PATCH"), ["", "zones", "z1", "dns_records", id]) if id in self.records:
                self._require(body)
                self.writes += 1
                del self.records[id]
                return Reply(200, {"success": True, "result": self._add(body)})
            case "DELETE", ["", "zones", "z1", "dns_records", id] if id in self.records:
                self.writes += 1
                del self.records[id]
                return Reply(200, {"success": True, "result": {"id": id}})
        raise Reply(404, {"success": False, "errors": [{"code": 7003, "message": f"No route for {method} {path}"}]})

    def _page(self, found: list[dict[str, Any]]) -> Reply:
        info = {"page": 1, "per_page": 100, "count": len(found), "total_count": len(found), "total_pages": 1}
        return Reply(200, {"success": True, "result": found, "result_info": info})

    def _require(self, record: dict[str, Any]) -> None:
        if record["ttl"] != 1 and not 60 <= record["ttl"] <= 86400:
            message = "ttl must be a number between 60 and 86400, or 1 for automatic"
            raise Reply(400, {"success": False, "errors": [{"code": 9021, "message": message}]})


def canonical(type: str, *texts: str) -> str:
    """The last of the texts, as a server would show it."""
    shown = ""
    for text in texts:
        parsed = dns.rdata.from_text(RdataClass.IN, dns.rdatatype.from_text(type), text)
        shown = parsed.to_text(chunksize=0)
    return shown


@contextlib.contextmanager
def serving(stand_in: StandIn) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            stand_in.serve(self)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815 - the library's names

        def log_message(self, *args: object) -> None:
            del args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    stand_in.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
