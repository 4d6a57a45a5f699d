"""Lambda layers: their functions read as data, and carried out on what stands for tensors; nothing of the file runs."""
