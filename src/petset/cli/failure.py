"""How a command fails: with one message for people."""


class Failure(Exception):
    """What the user asked for could not be done; the message says why and, where it is known, what helps.

    Without a message the user knows already: it was a Ctrl-C.
    """

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
