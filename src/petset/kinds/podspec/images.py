"""References to container images, as far as defaulting has to understand them."""


def is_latest(image: str) -> bool:
    """Whether a reference means a tag that moves: `latest`, or none at all."""
    if not image or "@" in image:
        return False
    tag = image.rpartition("/")[2].partition(":")[2]
    return tag in {"", "latest"}


def pull_policy(image: str | None) -> str:
    """The imagePullPolicy a container gets that names none."""
    return "Always" if is_latest(image or "") else "IfNotPresent"
