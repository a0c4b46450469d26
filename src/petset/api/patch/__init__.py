"""The patch algorithms, one a file: JSON patch, merge patch, strategic merge patch, server-side apply.

Plain JSON trees in (never changed), trees out; a result may share its unchanged parts with the tree it came from.
"""
