"""The StatefulSet controller: observe, plan, act."""
