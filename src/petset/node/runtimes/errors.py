"""What a runtime can fail with. Every message is for people: it goes into events and pod statuses as it is."""


class ContainerRuntimeError(Exception):
    """Any failure of a container runtime."""


class RuntimeUnavailable(ContainerRuntimeError):
    """No engine answers, or it stopped answering."""


class ImageNotFound(ContainerRuntimeError):
    """Neither this machine nor the registry has the image."""


class ImagePullFailed(ContainerRuntimeError):
    """The image could not be fetched; the message is the engine's reason."""


class ContainerNotFound(ContainerRuntimeError):
    """No container or sandbox with this id."""


class CreateFailed(ContainerRuntimeError):
    """The engine refused the container or the sandbox. Kubernetes' reason: CreateContainerError."""

    reason = "CreateContainerError"


class StartFailed(ContainerRuntimeError):
    """The container exists but its process could not start. A kubelet shows reason StartError and exit code 128."""

    reason = "StartError"

    def __init__(self, message: str, exit_code: int = 128) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class ExecFailed(ContainerRuntimeError):
    """A command could not be started: 126 when it is not executable, 127 when it does not exist."""

    def __init__(self, message: str, exit_code: int = 126) -> None:
        super().__init__(message)
        self.exit_code = exit_code
