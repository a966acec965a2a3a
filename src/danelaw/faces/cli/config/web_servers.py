"""Apache, nginx, HAProxy: all of them read keys as root when they start, and serve ECDSA and RSA side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from danelaw.faces.cli.config.site import Site

HTTPS: Final = 443
PAGES: Final = "/var/www/html"
"""Where most systems have what is served, when nobody has said otherwise."""


def apache(site: Site) -> str:
    """A virtual host for each port. A quoted path may have spaces in it."""
    lines = [f"# Apache: {site.host}. A file of its own, among those that are included."]
    for _, port in site.ports:
        listen = f"Listen {port}"
        lines += [f"# {listen}    where no other file has it" if port == HTTPS else listen]
        lines += [f"<VirtualHost *:{port}>", f"    ServerName {site.host}", "    SSLEngine on"]
        for key, chain in site.keys_and_chains:
            lines += [f"    SSLCertificateFile {_quoted(chain)}", f"    SSLCertificateKeyFile {_quoted(key)}"]
        lines += ["    SSLProtocol -all +TLSv1.2 +TLSv1.3", "    # Where your pages are, or ProxyPass …"]
        lines += [f"    DocumentRoot {PAGES}", "</VirtualHost>"]
    return _text(lines)


def nginx(site: Site) -> str:
    lines = [f"# nginx: {site.host}. Inside http {'{ }'}, such as a file of /etc/nginx/conf.d/."]
    lines += ["server {"]
    for _, port in site.ports:
        lines += [f"    listen {port} ssl;", f"    listen [::]:{port} ssl;"]
    lines += [f"    server_name {site.host};"]
    for key, chain in site.keys_and_chains:
        lines += [f"    ssl_certificate {_quoted(chain)};", f"    ssl_certificate_key {_quoted(key)};"]
    lines += ["    ssl_protocols TLSv1.2 TLSv1.3;", "    # Where your pages are, or proxy_pass …"]
    lines += [f"    root {PAGES};", "}"]
    return _text(lines)


def haproxy(site: Site) -> str:
    """A frontend for each port. HAProxy wants key and chain in one file."""
    lines = [f"# HAProxy: {site.host}. In haproxy.cfg."]
    certificates = " ".join(f"crt {_quoted(path)}" for path in site.combined)
    for application, port in site.ports:
        lines += [
            f"frontend {site.host}:{port}",
            f"    mode {'http' if application in ('https', 'tls') else 'tcp'}",
            f"    bind 0.0.0.0:{port},[::]:{port} v6only ssl {certificates} ssl-min-ver TLSv1.2",
            "    # default_backend …",
        ]
    return _text(lines)


def _quoted(path: Path) -> str:
    """All three take double quotes, and a backslash before what is special in them."""
    escaped = "".join(f"\\{c}" if c in '\\"' else c for c in str(path))
    return f'"{escaped}"' if escaped != str(path) or " " in escaped or "#" in escaped else escaped


def _text(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
