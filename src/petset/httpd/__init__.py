"""The HTTP face of the API server: TLS, routes, watch streams, exec and log channels."""
