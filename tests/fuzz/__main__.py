"""``python -m tests.fuzz``: runs many cases in processes that may crash, and tells what went wrong."""

from __future__ import annotations

import argparse
import json
import os
import select
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

SECONDS = 10
_START = 60


def main() -> int:
    """Prints what was found by mutation; exits with 1 where anything went wrong."""
    options = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Mutated files through every command.")
    options.add_argument("--count", type=int, default=20_000, help="cases")
    options.add_argument("--first", type=int, default=0, help="the number of the first case")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    arguments = options.parse_args()
    numbers = range(arguments.first, arguments.first + arguments.count)
    started, done, codes, faults = time.monotonic(), Counter[str](), Counter[int](), list[dict[str, Any]]()
    with ThreadPoolExecutor(arguments.processes) as pool:
        shares = [numbers[start :: arguments.processes] for start in range(arguments.processes)]
        for case in _merged(pool, shares, arguments.seed):
            done[case["way"]] += 1
            codes.update(case["codes"])
            if case["fault"]:
                faults.append(case)
                print(f"{case['number']} {case['way']} {case['source']}: {case['fault']}", flush=True)
    for way, count in sorted(done.items()):
        print(f"{way:20} {count:6}  {sum(case['way'] == way for case in faults)} wrong")
    print(f"{sum(done.values())} cases in {time.monotonic() - started:.0f} s; exit codes {dict(sorted(codes.items()))}")
    return 1 if faults else 0


def _merged(pool: ThreadPoolExecutor, shares: list[range], seed: int) -> Iterator[dict[str, Any]]:
    from queue import Queue

    found: Queue[dict[str, Any] | None] = Queue()

    def run(share: range) -> None:
        try:
            for case in cases(share, seed):
                found.put(case)
        finally:
            found.put(None)

    for share in shares:
        pool.submit(run, share)
    left = len(shares)
    while left:
        case = found.get()
        if case is None:
            left -= 1
        else:
            yield case


def cases(numbers: range, seed: int) -> Iterator[dict[str, Any]]:
    """Runs cases one after another; where the process hangs or dies, the case is run as a user runs it."""
    worker: subprocess.Popen[str] | None = None
    for number in numbers:
        fresh = worker is None or worker.poll() is not None
        if fresh:
            worker = _start(seed)
        assert worker is not None
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(f"{number}\n")
        worker.stdin.flush()
        ready, _, _ = select.select([worker.stdout], [], [], SECONDS + (_START if fresh else 0))
        line = worker.stdout.readline() if ready else ""
        if line:
            yield json.loads(line)
            continue
        _end(worker)
        yield _alone(number, seed)  # a library has crashed or stalled: what does a user see?
    if worker is not None:
        _end(worker)


def _end(worker: subprocess.Popen[str]) -> None:
    worker.kill()
    worker.communicate()


def _alone(number: int, seed: int) -> dict[str, Any]:
    worker = _start(seed, "alone")
    out, _ = worker.communicate(f"{number}\n")
    return dict(json.loads(out))


def _start(seed: int, *how: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.fuzz.worker", str(seed), *how]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env=environment)


if __name__ == "__main__":
    sys.exit(main())
