"""Certificates from a CA: resumable issuers, and the solvers that place their challenges.

``acme`` an ACME CA (RFC 8555), one step at a time · ``account`` its account, kept on disk · ``transport`` its HTTPS ·
``received`` checks what came · ``renewal`` the CA's renewal information (RFC 9773) ·
``webroot`` http-01 responses under a web server's root.
"""
