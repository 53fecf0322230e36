"""Threads for files, and in each of them threads for parts, which all end at the first error."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

Item = TypeVar("Item")


class Crew:
    """Runs one split, verification, push or pull in threads, which all end at the first error."""

    def __init__(self) -> None:
        self._error: BaseException | None = None

    def run(self, work: Callable[[Item], object], items: Iterable[Item], threads: int) -> None:
        """Do the work on each item; take the next item only when a thread is free for it.

        Raises the first error of the whole crew, which should name what it is about; the other
        threads then end after their items.
        """
        with ThreadPoolExecutor(threads) as pool:
            running: set[Future[object]] = set()
            try:
                for item in items:
                    running.add(pool.submit(work, item))
                    if len(running) == threads:
                        running = self._settle(running)
                while running:
                    running = self._settle(running)
            except BaseException as error:
                self._error = self._error or error
                raise self._error from None

    def check(self) -> None:
        """Raise the crew's error if it has one; long work calls this, to end with the others'."""
        if self._error is not None:
            raise self._error

    def _settle(self, running: set[Future[object]]) -> set[Future[object]]:
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
        self.check()
        return running
