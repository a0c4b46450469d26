"""A pod's volumes on this machine: one module per source, and `Volumes`, which brings them up and takes them down.

What must not live here: making PersistentVolumes (a controller does), and where in a container a volume appears
(`petset.node.specs`).

Invariants: mounting and unmounting may be repeated, also after a crash at any moment; nothing here ever deletes or
overwrites what is in a PersistentVolume or on a hostPath; a reader of a ConfigMap's or Secret's volume sees either all
of the old or all of the new content.
"""

from petset.node.volumes.errors import VolumeNotReady
from petset.node.volumes.volumes import Volumes, VolumeSettings

__all__ = ["VolumeNotReady", "VolumeSettings", "Volumes"]
