"""The port through which everybody but the server reads and writes the cluster, and its HTTP implementation."""
