"""Container runtimes behind one port: the Docker Engine API, and a simulation."""
