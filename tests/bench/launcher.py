"""Runs one command and prints what it cost as JSON: its status, seconds, CPU seconds and peak bytes.

A process of its own, as small as a Python can be: on Linux, a child's peak memory starts with that of the process that
started it. (https://man7.org/linux/man-pages/man2/getrusage.2.html)

    python -I -S launcher.py LOG COMMAND ...
"""

from __future__ import annotations

import json
import os
import sys
import time


def main() -> None:
    """Runs the command with its output in the file LOG."""
    log, *command = sys.argv[1:]
    actions = [
        (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    start = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - start
    unit = 1 if sys.platform == "darwin" else 1024
    print(
        json.dumps(
            {
                "status": os.waitstatus_to_exitcode(status),
                "seconds": seconds,
                "cpu": usage.ru_utime + usage.ru_stime,
                "peak_bytes": usage.ru_maxrss * unit,
            }
        )
    )


if __name__ == "__main__":
    main()
