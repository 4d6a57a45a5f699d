"""Mutated files through every command: whatever a file holds, the answer is a sentence and a documented exit code."""
