"""The pod specification, shared by Pod and by the templates that make pods: defaults and validation, pure."""
