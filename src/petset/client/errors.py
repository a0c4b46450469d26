"""What can be wrong before a server is asked: the configuration and the credentials it names."""


class ConfigError(Exception):
    """The configuration cannot be used; the message says which part and why."""
