"""downwardAPI: fields of the pod itself as files. Pure."""

from petset.api.types import DownwardAPIProjection, DownwardAPIVolumeSource, Pod
from petset.node.downward import Placement, field_value, resource_value
from petset.node.volumes.payload import Defaults, File, Payload


def collect(
    pod: Pod, source: DownwardAPIVolumeSource | DownwardAPIProjection, placement: Placement, defaults: Defaults
) -> Payload:
    """The files. Raises FieldError for a field that does not exist."""
    files: dict[str, File] = {}
    for item in source.items:
        if item.field_ref is not None:
            text = field_value(pod, item.field_ref.field_path, placement)
        elif item.resource_field_ref is not None:
            text = resource_value(pod, item.resource_field_ref, None, placement)
        else:
            continue
        files[item.path] = defaults.file(text.encode(), item.mode, item.user)
    return files
