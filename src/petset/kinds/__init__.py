"""What each kind means: defaults, create and update rules, status reset, printer columns; one file a kind, pure."""
