"""petset: Kubernetes StatefulSets on one machine, without a Kubernetes cluster."""

__version__ = "0.1.0"
