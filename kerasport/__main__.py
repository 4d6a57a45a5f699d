"""``python -m kerasport``."""

from kerasport.cli import main

main()
