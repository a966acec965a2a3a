"""Master files in the styles that operators and programs write them in, all of the zone example.net.

Each is a dictionary of file names to bytes; ``zone`` is the one to read. ``TOO_MUCH_FOR`` says which readers do not
understand a style, and what of it.
"""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

_BIND_MANUAL: Final = """\
$TTL 2d    ; default TTL for zone
$ORIGIN example.net.
; Start of Authority RR defining the key characteristics of the zone (domain)
@         IN      SOA   ns1.example.net. hostmaster.example.net. (
                                2003080800 ; sn = serial number
                                12h        ; refresh = refresh
                                15m        ; retry = update retry
                                3w         ; expiry = expiry
                                2h         ; min = minimum
                                )
; name server RR for the domain
           IN      NS      ns1.example.net.
; the second name server is external to this zone (domain)
           IN      NS      ns2.example.com.
; mail server RRs for the zone (domain)
        3w IN      MX  10  mail.example.net.
; domain hosts includes NS and MX records defined above plus any others required
ns1        IN      A       192.0.2.1
mail       IN      A       192.0.2.2
joe        IN      A       192.0.2.3
www        IN      A       192.0.2.4
; aliases ftp (ftp server) to an external domain
ftp        IN      CNAME   ftp.example.com.
"""

_NSD_MANUAL: Final = """\
$ORIGIN example.net.
$TTL 86400 ; default time-to-live for this zone

example.net.   IN  SOA     ns.example.net. noc.dns.icann.org. (
        2020080302  ;Serial
        7200        ;Refresh
        3600        ;Retry
        1209600     ;Expire
        3600        ;Negative response caching TTL
)

; The nameserver that are authoritative for this zone.
\t\t\t\tNS\texample.net.

; A and AAAA records for example.net.
\t\t\t\tA\t192.0.2.1
\t\t\t\tAAAA 2001:db8:3::3

; Mail is handled by mx.example.net.
\t\t\t\tMX 10 mx.example.net.
*\t\t\t\tTXT\t"any other name"
mx\t\t300\tAAAA\t::ffff:192.0.2.7
"""

_BIND_OUTPUT: Final = """\
; File written on Mon Nov 23 11:37:19 2026
$ORIGIN .
$TTL 300\t; 5 minutes
example.net\t\tIN SOA\tns1.example.net. host.example.net. (
\t\t\t\t1          ; serial
\t\t\t\t3600       ; refresh (1 hour)
\t\t\t\t900        ; retry (15 minutes)
\t\t\t\t1209600    ; expire (2 weeks)
\t\t\t\t60         ; minimum (1 minute)
\t\t\t\t)
\t\t\tNS\tns1.example.net.
\t\t\tCAA\t0 issue "letsencrypt.org; validationmethods=dns-01"
$ORIGIN example.net.
$TTL 30\t; 30 seconds
_443._tcp.www\t\tTLSA\t3 1 1 (
\t\t\t\t0123456789ABCDEF0123456789ABCDEF0123456789AB
\t\t\t\tCDEF0123456789ABCDEF )
\t\t\tTYPE65280\t\\# 4 ( C0000201 )
$ORIGIN _tcp.example.net.
$TTL 300\t; 5 minutes
_xmpp\t\t\tSRV\t5 0 5222 talk.example.net.
$ORIGIN example.net.
ns1\t\t\tA\t192.0.2.1
talk\t\t\tA\t192.0.2.5
\t\t\tSSHFP\t4 2 (
\t\t\t\t123456789ABCDEF67890123456789ABCDEF678901234
\t\t\t\t56789ABCDEF123456789 )
txt\t\t\tTXT\t( "v=DKIM1; k=rsa; p=" "one; two" "say \\"three\\"" )
"""

_ALIGNED: Final = """\
; ---------------------------------------------------------------
;  example.net                                    caf\xc3\xa9, Z\xc3\xbcrich
; ---------------------------------------------------------------
$TTL    1h
@               IN  SOA     ns1  hostmaster  ( 2016122202 1h 15m 2w 60 )

@               IN  NS      ns1
@               IN  NS      ns2
@               IN  MX      10 mail
@               IN  MX      20 mail.example.org.

ns1             IN  A       192.0.2.1       ; the first
ns2             IN  A       192.0.2.2       ; and the second

mail            IN  A       192.0.2.25
                IN  AAAA    2001:db8::25    ; since 2019
_25._tcp.mail   IN  TLSA    3 1 1 ( 00112233445566778899aabbccddeeff    ; by hand
                                    00112233445566778899aabbccddeeff )

; www             IN  A       192.0.2.79    old
www             IN  A       192.0.2.80
"""

_TABS: Final = """\
@\t60\tIN\tSOA\tns1\thost\t1\t3600\t900\t1209600\t60
\t\tIN\tNS\tns1
ns1\t\tIN\tA\t192.0.2.1
www\t300\tIN\tA\t192.0.2.80
\t\tIN\tAAAA\t2001:db8::80
\tIN\t60\tTXT\tafter\tthe class
mail\tin\t1D\tmx\t5\twww
\ttxt\tTTL-of-the-line-before
"""

_RFC_1035: Final = """\
@   3600 IN  SOA     VENERA      Action\\.domains (
                                 20     ; SERIAL
                                 7200   ; REFRESH
                                 600    ; RETRY
                                 3600000; EXPIRE
                                 60)    ; MINIMUM

        NS      A.ISI.EDU.
        NS      VENERA
        NS      VAXA
        MX      10      VENERA
        MX      20      VAXA

A       A       26.3.0.103

VENERA  A       10.1.0.52
        A       128.9.0.32

VAXA    A       10.2.0.27
        A       128.9.0.33

$INCLUDE ISI-MAILBOXES.TXT
"""

_MAILBOXES: Final = """\
MOE     MX      5 A.ISI.EDU.
LARRY   MX      5 A.ISI.EDU.
CURLEY  MX      5 A.ISI.EDU.
STOOGES MX      5 MOE
        MX      6 LARRY
"""

_ODD: Final = """\
$ttl 5m
@ soa ns1 host 4294967295 3600 900 1209600 60
@ ns ns1
ns1 a 192.0.2.1
a\\.b\\;\\"c\\032d a 192.0.2.2
\\001.\\255 a 192.0.2.3
\\@ a 192.0.2.4
under_score 1W2D3H4M5S aaaa ::
quotes txt "" "a;b" "c d" e\\ f "\\100\\"\\\\" (
 "g" ; why
 ) "h"
long txt "0123456789012345678901234567890123456789012345678901234567890123456789" "x"
naptr naptr 100 10 "u" "E2U+sip" "!^.*$!sip:info@example.net!" .
hinfo hinfo "PC with CPU" Linux
generic TYPE1 \\# 4 C0 00 02 05
generic CLASS1 60 TYPE15 \\# 5 000a016100
generic TYPE65534 \\# 0
loc loc 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
ds ds 60485 5 1 ( 2BB183AF5F22588179A53B0A
                  98631FAD1A292118 )
ds ns ns1
dname dname Other.Example.
rp rp host.mail txt.mail
hip cert PGP 0 0 YWJj
key dnskey 256 3 13 ( oJMRESz5E4gYzS/q6XDrvU1qMPYIjCWzJaOau8XNEZeqCYKD5ar0IRd8
   KqXXFJkqmVfRvMGPmM1x8fGAa2XhSA== )
nsec3param nsec3param 1 0 0 -
www ( a ) ( 192.0.2.9 )
$ORIGIN sub.example.net.
@ a 192.0.2.10
$ORIGIN .
root.example.net a 192.0.2.11
$ORIGIN example.net.
last a 192.0.2.12"""

_HTTPS: Final = """\
$TTL 300
@ SOA ns1 host 1 3600 900 1209600 60
@ NS ns1
ns1 A 192.0.2.1
www HTTPS 1 . alpn="h2,h3" ipv4hint=192.0.2.80
@ HTTPS 0 www
_dns SVCB 2 ns1 alpn=dot port=853 mandatory=alpn
"""

_INCLUDES: Final = {
    "zone": b"$TTL 300\n$INCLUDE soa.inc\n@ NS ns1\n$INCLUDE hosts.all hosts.example.net. ; below\nns1 A 192.0.2.1\n",
    "soa.inc": b"@ SOA ns1 host 7 3600 900 1209600 60\n",
    "hosts.all": b"@ TXT top\na A 192.0.2.11\nb A 192.0.2.12\n$INCLUDE more\n$ORIGIN nowhere.\n",
    "more": b"c A 192.0.2.13\n  TXT more",
}

_GENERATE: Final = """\
$TTL 300
@ SOA ns1 host 1 3600 900 1209600 60
@ NS ns1
ns1 A 192.0.2.1
$GENERATE 1-3 a$ A 192.0.2.$
$GENERATE 1-9/4 b${10,4,d} 60 IN A 192.0.2.${5}
$GENERATE 9-11 c${0,3,x} CNAME ${0,0,n}.nib
$GENERATE 250-270/10 d${0,2,o} CNAME ${0,3,N}.nib
$GENERATE 250-270/10 d${0,5,X} CNAME ${0,7,n}.nib
$GENERATE 1-2 e$ TXT "foo $ bar"
$GENERATE 1-2 f$ TXT "\\"foo $ bar\\""
$GENERATE 1-2 g$ MX "5 m$$x$"
$GENERATE 1-2 h\\$$ IN 60 A 192.0.2.$
$GENERATE 3-4 i${-3} A 192.0.2.1
$GENERATE 1-2 j${-3,5,d}x CNAME a
$GENERATE 256-256 k${0,2,n}.x CNAME a
$GENERATE 0-1 l$ AAAA 2001:db8::$
$GENERATE 1-2 m$ TYPE65280 "\\# 1 0$"
"""

STYLES: Final[dict[str, dict[str, bytes]]] = {
    "BIND's manual": {"zone": _BIND_MANUAL.encode()},
    "NSD's manual": {"zone": _NSD_MANUAL.encode()},
    "BIND's output": {"zone": _BIND_OUTPUT.encode()},
    "aligned by hand": {"zone": _ALIGNED.encode("latin-1")},
    "aligned by hand, on Windows": {"zone": _ALIGNED.replace("\n", "\r\n").encode("latin-1")},
    "tabs": {"zone": _TABS.encode()},
    "tabs, on Windows": {"zone": _TABS.replace("\n", "\r\n").encode()},
    "RFC 1035": {"zone": _RFC_1035.encode(), "ISI-MAILBOXES.TXT": _MAILBOXES.encode()},
    "odd": {"zone": _ODD.encode()},
    "service bindings": {"zone": _HTTPS.encode()},
    "included files": _INCLUDES,
    "generated": {"zone": _GENERATE.encode()},
}

_NO_INCLUDES: Final = "ldns follows no $INCLUDE"
_NO_LAST_TTL: Final = "NSD has a TTL of its own for records without one, not that of the record before"

TOO_MUCH_FOR: Final[dict[str, dict[str, str]]] = {
    "BIND": {},
    "NSD": {
        "tabs": _NO_LAST_TTL,
        "tabs, on Windows": _NO_LAST_TTL,
        "generated": "NSD knows no $GENERATE",
    },
    "ldns": {
        "RFC 1035": _NO_INCLUDES,
        "included files": _NO_INCLUDES,
        "odd": "ldns knows $TTL in capitals only",
        "tabs": "ldns wants the TTL before the class",
        "tabs, on Windows": "ldns wants the TTL before the class",
        "generated": "ldns knows no $GENERATE",
    },
}


_gaps = st.sampled_from([" ", "\t", "  \t "])
_owner_words = st.sampled_from(["@", "a", "b.c", "example.net.", "*.w", "a\\.b", "B", ""])
_ttl_words = st.sampled_from(["", "5", "1h", "1h30M"])
_class_words = st.sampled_from(["", "IN", "in"])
_data_words = st.sampled_from(
    [
        ["A", "192.0.2.1"],
        ["a", "192.0.2.2"],
        ["AAAA", "(", "2001:db8::1", ")"],
        ["MX", "10", "(\n", "mail", ")"],
        ["TXT", '"a ; b"', "c\\;d", "( ; why (\n", '"e"', "\n)"],
        ["TYPE1", "\\#", "4", "c0000203"],
        ["TLSA", "3 1 0", "(\nab", ";cd\n", "cd)"],
        ["SRV", "0", "0", "443", "a"],
    ]
)
_ends = st.sampled_from(["", " ", " ; remark", " ;>>> \xe9"])


@st.composite
def _entry_lines(draw: st.DrawFn) -> str:
    words = [*draw(st.permutations([draw(_ttl_words), draw(_class_words)])), *draw(_data_words)]
    gap = draw(_gaps)
    return draw(_owner_words) + gap + gap.join(word for word in words if word) + draw(_ends) + "\n"


_other_lines = st.sampled_from(
    [
        "\n",
        "  \t\n",
        "; remark\n",
        "$ORIGIN example.net.\n",
        "$ORIGIN sub\n",
        "$TTL 7\n",
        "$GENERATE 1-3 g$ A 192.0.2.$\n",
    ]
)
_soa_lines = st.sampled_from(
    [
        "@ SOA ns host 2016122202 1 2 3 4\n",
        "@\t5\tIN\tSOA\tns\thost ( 0001 ; serial 1\n 1h 2h\n\n3 4 ; end\n)\n",
        "example.net. IN 7 SOA (ns\nhost\n4294967295\n1 2 3 4) ; 4294967295\n",
    ]
)


@st.composite
def files(draw: st.DrawFn) -> str:
    """Files made up of lines in all styles, with Unix or Windows line ends, and without NS records."""
    text = draw(_soa_lines) + "".join(draw(st.lists(_entry_lines() | _other_lines, max_size=8)))
    if draw(st.booleans()):
        text = text.removesuffix("\n")
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text
