"""Overlapping work: each stage of a pipeline runs in its own thread, a bounded number of items ahead."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from contextvars import copy_context
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event, Semaphore, Thread
from typing import Any, TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")
_PATIENCE = 1.0  # seconds for a thread to end; one that reads from a pipe may wait for ever


@dataclass(frozen=True)
class _End:
    """The last thing that a stage hands on: that all is done, or why not."""

    error: BaseException | None


def stage(
    function: Callable[[Given], Made], items: Generator[Given, None, None], depth: int
) -> Generator[Made, None, None]:
    """A function of each item, in order.

    An error in the function or in what gives the items is raised where the results are taken; closing the generator
    ends its thread, and those of the stages before it.

    Args:
        function: Runs in the stage's thread.
        items: Are taken in the stage's thread, and closed there.
        depth: How many results may wait to be taken.
    """
    ready: SimpleQueue[Made | _End] = SimpleQueue()
    free, stopped = Semaphore(depth), Event()

    def work() -> None:
        error: BaseException | None = None
        try:
            with closing(items):
                for item in items:
                    free.acquire()
                    if stopped.is_set():
                        return
                    ready.put(function(item))
        except BaseException as raised:  # it is raised again where the results are taken
            error = raised
        finally:
            ready.put(_End(error))

    thread = Thread(target=copy_context().run, args=(work,), daemon=True)
    thread.start()
    try:
        yield from _taken(ready, free)
    finally:
        stopped.set()
        free.release()
        thread.join(_PATIENCE)


def _taken(ready: SimpleQueue[Any], free: Semaphore) -> Iterable[Any]:
    """What is ready, until the end."""
    while not isinstance(item := ready.get(), _End):
        free.release()
        yield item
        del item  # nothing is held while the next one is waited for
    if item.error is not None:
        raise item.error
