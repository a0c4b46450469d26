"""Parts of a HorizontalPodAutoscaler that are more than a field: metrics, scaling rules, what one line shows. Pure."""
