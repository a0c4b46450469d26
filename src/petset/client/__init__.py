"""The port through which everybody but the server reads and writes the cluster, and what stands on it.

interface is the port; http (over transport) and pod_streams implement it for any Kubernetes, found through kubeconfig;
informer keeps live copies (reflector decides how it stays connected, cache holds the objects); recorder writes Events.
What must not live here: rules of a kind, and anything of the server's side.
"""
