"""The API server without its transport: what a request means, from its decoded form to the bytes of its answer.

`pipeline.ApiServer` has the verbs; `local.LocalClient` is the `Client` port over it, and `petset.httpd` its HTTP face.
What must not live here: HTTP itself, the name of a kind outside the tables of `admission` and `subresources`, and any
task that runs by itself.

Invariants: an object is encoded once, when it is written, and gets, lists and watches share those bytes; nothing is
awaited between reading the newest state of an object and deciding a write against it.
"""
