"""How clients match, each as a profile: what the standards ask, and what programs in use do otherwise.

Where a program's behaviour was learnt from its own text or by trying it, its profile says so; "as of" is the version.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from danelaw.core.tlsa.records import CertificateUsage, Combination


@dataclass(frozen=True, slots=True)
class Profile:
    """How one client matches. The defaults are what RFC 7671 asks, or allows and recommends.

    ``supported``: None for all known combinations. ``agility``: of the digests of one usage and selector only the
    strongest counts (RFC 7671 §9). ``strict``: as publishers must reckon, see ``STRICT``, whatever else is said here.
    ``skew``: how far the client's clock may be wrong, either way. ``mandatory``: without anything usable it does not
    connect, where others go on as if there were no DANE. ``pkix_when_opportunistic``: usages 0 and 1 are usable where
    RFC 7672 §3.1.3 leaves that open.

    Names. ``names_under_dane_ee``: the leaf must bear one under DANE-EE too, against RFC 7671 §5.1, save where the
    protocol forbids that. ``common_name``: it counts where the leaf has no dNSName (RFC 7672 §3.2.3; RFC 9525 does away
    with that). ``broad_wildcards``: ``*.example`` stands for ``www.example``, though it is right below the root.
    ``partial_wildcards``: ``w*.example.net`` stands for ``www.example.net``, against RFC 9525 §6.3.

    Anchors. ``certificate_from_dns``: one that ``2 0 0`` holds need not be presented (RFC 7671 §5.2.2).
    ``bare_key_from_dns``: nor one whose key ``2 1 0`` holds (RFC 7671 §5.2.3); ``bare_key_of_leaf``: that key may be a
    self-signed leaf's own. ``ta_at_depth_0``: a self-signed leaf is its own trust anchor, of which no RFC knows.
    ``anchor_dates``: an anchor that is not self-signed has to be valid itself.

    Paths. ``greedy``: of several presented issuers only the first is tried; ``timely``: the first that is valid.
    ``exact_key_ids``: an issuer's own issuer and serial number have to be those that a certificate tells of the one who
    signed it, if any; ``ends_at_own_name``: above a certificate that names itself as its issuer nobody is looked for.
    ``strong_keys``: no certificate, the leaf's included, may have a key that is refused at OpenSSL's security level 2.
    ``any_purpose``: anyExtendedKeyUsage stands for TLS servers (RFC 5280 §4.2.1.12). CAs that do not say so:
    ``old_roots``, self-signed ones of version 1, which cannot; ``silent_roots``, self-signed ones of any version;
    ``cas_by_key_usage``, those that say no more than that their key may sign certificates. ``web_pki``: PKIX is also to
    satisfy a verifier made for the CA/Browser Forum's rules. ``partial_chains``: PKIX may end at a root that is not
    self-signed.
    """

    supported: frozenset[Combination] | None = None
    agility: bool = True
    strict: bool = False
    skew: timedelta = timedelta(0)
    mandatory: bool = False
    pkix_when_opportunistic: bool = False
    names_under_dane_ee: bool = False
    common_name: bool = False
    broad_wildcards: bool = True
    partial_wildcards: bool = False
    certificate_from_dns: bool = True
    bare_key_from_dns: bool = True
    bare_key_of_leaf: bool = False
    ta_at_depth_0: bool = False
    anchor_dates: bool = True
    greedy: bool = False
    timely: bool = True
    exact_key_ids: bool = False
    ends_at_own_name: bool = False
    strong_keys: bool = False
    any_purpose: bool = True
    old_roots: bool = False
    silent_roots: bool = False
    cas_by_key_usage: bool = False
    web_pki: bool = True
    partial_chains: bool = True


def supporting(*usages: CertificateUsage) -> frozenset[Combination]:
    """Every known combination of these usages."""
    return frozenset(
        Combination(usage, selector, mtype) for usage in usages for selector in (0, 1) for mtype in (0, 1, 2)
    )


RFC: Final = Profile()
"""RFC 7671 to the letter, and what it recommends."""

STRICT: Final = Profile(
    strict=True,
    names_under_dane_ee=True,
    bare_key_from_dns=False,
    greedy=True,
    exact_key_ids=True,
    ends_at_own_name=True,
    strong_keys=True,
    partial_chains=False,
    any_purpose=False,
    broad_wildcards=False,
)
"""Whom a publisher must serve: every client at once. What this one accepts, all clients that honour DANE accept."""

OPENSSL: Final = Profile(
    names_under_dane_ee=True,
    common_name=True,
    bare_key_of_leaf=True,
    anchor_dates=False,
    greedy=True,
    exact_key_ids=True,
    ends_at_own_name=True,
    strong_keys=True,
    partial_chains=False,
    pkix_when_opportunistic=True,
    web_pki=False,
    partial_wildcards=True,
    any_purpose=False,
    broad_wildcards=False,
    old_roots=True,
    cas_by_key_usage=True,
)
"""``SSL_dane_enable(3)`` as it comes, OpenSSL 3.0 at the security level of Debian and others, 2: names are checked
under DANE-EE too; digests are ranked, SHA2-512 first; the application decides which usages it has no use for."""

OPENSSL_NO_EE_NAMES: Final = replace(OPENSSL, names_under_dane_ee=False)
"""OpenSSL with ``DANE_FLAG_NO_DANE_EE_NAMECHECKS``; ``s_client -dane_ee_no_namechecks``."""

POSTFIX: Final = replace(
    OPENSSL_NO_EE_NAMES,
    supported=supporting(CertificateUsage.DANE_TA, CertificateUsage.DANE_EE),
    pkix_when_opportunistic=False,
    partial_wildcards=False,
    strong_keys=False,
)
"""Postfix 3.6 and later, on OpenSSL: usages 2 and 3 alone (``tls_dane.c``), no names under DANE-EE."""

EXIM: Final = Profile(
    supported=supporting(CertificateUsage.DANE_TA, CertificateUsage.DANE_EE),
    agility=False,
    common_name=True,
    ta_at_depth_0=True,
    greedy=True,
    exact_key_ids=True,
    ends_at_own_name=True,
    timely=False,
    web_pki=False,
    any_purpose=False,
    broad_wildcards=False,
    old_roots=True,
    cas_by_key_usage=True,
)
"""Exim on OpenSSL, by its own ``dane-openssl.c`` (4.9x): usages 2 and 3; every digest is tried; a self-signed leaf may
be its own anchor. Learnt from its text alone."""

GNUTLS: Final = Profile(
    agility=False,
    pkix_when_opportunistic=True,
    common_name=True,
    broad_wildcards=False,
    certificate_from_dns=False,
    bare_key_from_dns=False,
    old_roots=True,
    silent_roots=True,
    web_pki=False,
)
"""GnuTLS 3.7, ``libdane`` (``dane_verify_crt(3)``): every digest is tried, and anchors have to be presented. Names, and
PKIX for usages 0 and 1, are its callers' to check, here as ``gnutls_x509_crt_check_hostname(3)`` does."""

LDNS: Final = OPENSSL
"""``ldns-dane`` 1.8: OpenSSL's matching, and names checked for every usage by the program itself."""

PROFILES: Final[dict[str, Profile]] = {
    "rfc": RFC,
    "openssl": OPENSSL,
    "openssl-no-ee-names": OPENSSL_NO_EE_NAMES,
    "gnutls": GNUTLS,
    "postfix": POSTFIX,
    "exim": EXIM,
    "ldns": LDNS,
}
"""By the names under which reports tell of them."""
