"""The agent that runs pods in real containers. It uses the client port only."""
