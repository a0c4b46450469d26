"""The patch algorithms, one a file: JSON patch, merge patch, strategic merge patch, server-side apply. Trees in, trees out."""
