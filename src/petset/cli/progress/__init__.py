"""What a person sees while pods start and end: what happened, what is missing and why, and the table of pods.

`narration`, `missing`, `waits` and `overview` are pure; `display` prints; `following` feeds them from a server's
watches.
"""
