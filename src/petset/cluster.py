"""The composition root: builds and wires every part of petset; holds no logic."""
