"""How volumes fail. The messages are those that people know from the kubelet's FailedMount events."""


class VolumeNotReady(Exception):
    """A volume is not there yet; the message says which and why. Worth a FailedMount event and another try."""


class SetUpFailed(Exception):
    """One source's reason, without the volume's name."""
