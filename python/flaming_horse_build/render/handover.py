"""Things handed from one thread to another, so that a failure of either never leaves the other waiting."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
SECONDS_BETWEEN_LOOKS = 1.0


class Handover(Generic[T]):
    """A short queue from one thread that puts to one that iterates. Either may end it at any time."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._complete = self._abandoned = False

    def put(self, item: T, taken: Callable[[], bool]) -> bool:
        """Wait for room and put an item there; False if nobody will take it any more.

        `taken` tells whether the other thread lives: after a fork it does not.
        """
        with self._changed:
            while len(self._items) >= self._size and not self._abandoned:
                if not self._changed.wait(SECONDS_BETWEEN_LOOKS) and not taken():
                    return False
            if self._abandoned:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True

    def complete(self) -> None:
        """Say that nothing more comes."""
        with self._changed:
            self._complete = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """End it at once: what was put and not taken is dropped."""
        with self._changed:
            self._abandoned = True
            self._items.clear()
            self._changed.notify_all()

    @property
    def abandoned(self) -> bool:
        """Whether one of the threads has ended it."""
        return self._abandoned

    def __iter__(self) -> Iterator[T]:
        """Take items until nothing more comes."""
        while True:
            with self._changed:
                while not (self._items or self._complete or self._abandoned):
                    self._changed.wait()
                if not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item
