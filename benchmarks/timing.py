"""Two or more things timed in turns, so that what slows the machine for a while slows all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def medians(*actions: Callable[[], object], repeats: int) -> list[float]:
    """Median processor seconds of each action, of all its threads together; the first round does not count."""
    times: list[list[float]] = [[] for _ in actions]
    for repeat in range(repeats + 1):
        for action, found in zip(actions, times, strict=True):
            begun = time.process_time()
            action()
            if repeat:
                found.append(time.process_time() - begun)
    return [statistics.median(found) for found in times]
