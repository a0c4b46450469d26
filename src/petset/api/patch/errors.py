"""What can be wrong with a patch: the words of a refusal, not its HTTP code, which is the server's to choose."""


class PatchError(ValueError):
    """The patch cannot be carried out; the message says why."""


class MalformedPatch(PatchError):
    """The patch itself is no patch of its type, whatever it is applied to (400)."""


class InapplicablePatch(PatchError):
    """The patch is well formed and does not fit this object (422)."""
