"""A process that runs cases until it is told to stop: one number a line in, one JSON object a line out.

With ``alone`` as second argument, every command is a process of its own, as a user starts it.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import traceback
from dataclasses import asdict
from pathlib import Path

MEMORY = 3 << 29  # a whole process: libraries and fifty cases before take their part of 1.5 GB


def main() -> None:
    """Reads numbers of cases from standard input."""
    from tests.fuzz.cases import Case, make, run_alone, run_within

    runner = run_alone if "alone" in sys.argv[2:] else run_within
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    out, seed = sys.stdout, int(sys.argv[1])
    for line in sys.stdin:
        number = int(line)
        with tempfile.TemporaryDirectory() as folder:
            try:
                case = make(number, seed, Path(folder), runner)
            except BaseException:
                case = Case(number, "?", "?", f"an exception came out: {traceback.format_exc()[-1500:]}")
        print(json.dumps(asdict(case)), file=out, flush=True)


if __name__ == "__main__":
    main()
