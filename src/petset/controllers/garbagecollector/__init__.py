"""Deletes what its owners leave behind: background, foreground and orphan deletion by owner references.

    model       the graph of who owns whom, and what one decision looks at and says
    plan        what becomes of one object; pure
    controller  events to objects, and the writes

The graph only says whom to look at. What is deleted, or changed, is deleted in the very state it was seen in: every
deletion carries uid and resourceVersion, and an owner counts as gone only when the server has said so. Everything can
be rebuilt from the objects themselves, so a restart loses nothing. The work for one change grows with the object's
owners and dependents, not with the cluster.
"""
