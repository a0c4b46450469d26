"""ServiceAccount tokens: how they are asked for, made, and recognized again.

`claims` says what stands in a token and is pure; `signing` has the key and is the only module that knows cryptography;
`tokens` gives and checks tokens against the stored objects; `openid` tells others how to check them.
What must not live here: client certificates and HTTP headers (see `petset.httpd`), and what an identity may do.

Invariants: a token, or a part of one, is never written to a log; a token is good for no longer than the objects that it
is bound to.
"""
