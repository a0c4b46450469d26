"""Events do not stay: one that has not occurred for an hour is deleted, as by kube-apiserver's `--event-ttl`.

    plan        until when an event stays; pure
    controller  one timer for all events, and the deletions

Of every event only its name and its time are kept in memory: there are many of them.
"""
