"""Lambda layers, whose functions are read and never run."""
