"""Lambda layers: their functions are read as data and traced with symbolic tensors; nothing in the file runs."""
