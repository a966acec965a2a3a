"""Where certificates come from: resumable issuers, and the solvers that place their challenges.

``acme`` an ACME CA (RFC 8555), one step at a time · ``registration`` our account there · ``account`` kept on disk ·
``transport`` its HTTPS · ``caa`` whether the zone lets it issue · ``chains`` which of them is taken · ``received``
checks what came · ``renewal`` the CA's renewal information (RFC 9773).
``watch`` another client's directory · ``selfsigned`` the key itself · ``command`` a program.
``webroot`` and ``standalone`` http-01 responses · ``seen`` whether a CA would find them.
"""
