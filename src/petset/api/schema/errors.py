"""What goes wrong while decoding."""


class DecodeError(ValueError):
    """A document that cannot be an object of the wanted type.

    `path` is the offending field, like `spec.containers[0].image`, empty when the whole document is meant.
    `message` says what is wrong in the words Kubernetes' clients know.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


class TimeError(ValueError):
    """A text stands where a time should."""


class BytesError(ValueError):
    """A text stands where base64 should."""
