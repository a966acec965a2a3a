"""Postfix and Dovecot: both read keys as root when they start, and serve ECDSA and RSA side by side."""

from __future__ import annotations

from typing import Final

from danelaw.faces.cli.config.site import Site

MAIN: Final = "# ---- main.cf"
MASTER: Final = "# ---- master.cf"

_OUTBOUND: Final = """\

# Mail that goes out: by DANE wherever the receiving domain has it (RFC 7672).
smtp_dns_support_level = dnssec
smtp_tls_security_level = dane
smtp_tls_loglevel = 1
# It needs a validating resolver on this machine, whose word Postfix takes:
# unbound, say, and "nameserver 127.0.0.1" in /etc/resolv.conf, as well as in
# /var/spool/postfix/etc/resolv.conf where the smtp client is in a chroot.
# What undoes it:
#   - a resolver elsewhere, or one that does not validate;
#   - smtp_host_lookup = native, or a C library that hides the AD bit (musl);
#   - smtp_tls_policy_maps with "may" or "encrypt" for a domain that has DANE;
#   - a relayhost: then DANE protects the way to that one only.
# "Verified TLS connection established" in the log shows that it works, and
# "DNSSEC validation may be unavailable" that it does not. To try a domain:
#   posttls-finger -l dane DOMAIN
"""


def postfix(site: Site) -> str:
    """Postfix 3.4 or later. Which key comes first is no matter: clients say what they take."""
    lines = [
        f"# Postfix: {site.host}",
        MAIN,
        "# Mail that comes in. Check: postconf -n; then: postfix reload",
        "smtpd_tls_security_level = may",
        "smtpd_tls_chain_files =",
        ",\n".join(f"    {path}" for path in site.combined),
        "# Ignored beside the files above; emptied, so that Postfix does not warn:",
        "smtpd_tls_cert_file =",
        "smtpd_tls_key_file =",
        "smtpd_tls_eccert_file =",
        "smtpd_tls_eckey_file =",
    ]
    text = "\n".join(lines) + "\n" + _OUTBOUND
    entries = [*_entries(site)]
    if entries:
        head = "# Beside what is there for these ports already, such as for SASL."
        text += "\n".join(["", MASTER, head, *entries]) + "\n"
    return text


def _entries(site: Site) -> list[str]:
    found = []
    for name, port in site.ports:
        if (name, port) == ("smtp", 25):
            continue  # every master.cf has it
        found.append(f"{port} inet n - n - - smtpd")
        if name == "submissions":
            found += ["    -o smtpd_tls_wrappermode=yes"]
        elif name == "submission":
            found += ["    -o smtpd_tls_security_level=encrypt"]
    return found


def dovecot(site: Site) -> str:
    """Dovecot 2.3, and in comments what is called otherwise since 2.4."""
    (key, chain), *others = site.keys_and_chains
    old = [f"ssl_cert = <{chain}", f"ssl_key = <{key}"]
    new = [f"ssl_server_cert_file = {chain}", f"ssl_server_key_file = {key}"]
    for other_key, other_chain in others:
        old += [f"ssl_alt_cert = <{other_chain}", f"ssl_alt_key = <{other_key}"]
        new += [f"ssl_server_alt_cert_file = {other_chain}", f"ssl_server_alt_key_file = {other_key}"]
    lines = [
        f"# Dovecot: {site.host}. In conf.d/10-ssl.conf, say. Check: doveconf -n",
        "ssl = required",
        *old,
        "ssl_min_protocol = TLSv1.2",
        "# Dovecot 2.4 and later calls the files otherwise:",
        *(f"# {line}" for line in new),
    ]
    return "\n".join(lines) + "\n"
