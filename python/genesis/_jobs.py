"""Waits for the engine's jobs: hands their events to callbacks on the waiting thread, and their log lines to logging."""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Callable

from . import _core

logger = logging.getLogger("genesis")

# How often a waiting thread looks up from the engine: an interrupt is noticed within this time.
_POLL_SECONDS = 0.1
# How long a stopped job may take to end before the thread that waited for it goes on without it.
_STOP_SECONDS = 0.7

_started = threading.Lock()
_is_started = False


def start() -> None:
    """Makes the engine log to Python's logging, once a process."""
    global _is_started
    with _started:
        if not _is_started:
            _is_started = True
            _core.start_logging(logging.DEBUG)
            # Threads of the engine must be over before the interpreter and its libraries go.
            atexit.register(_core.join_abandoned)


def pass_on_log() -> None:
    for level, text in _core.take_log_lines():
        logger.log(level, "%s", text)


def wait(job: _core.Job, handle: Callable[[_core._Event], None]) -> bytes | None:
    """The job's outcome. An exception of `handle`, or an interrupt, stops the job and goes on to the caller."""
    try:
        while not job.is_over:
            for event in job.poll(_POLL_SECONDS):
                handle(event)
            pass_on_log()
    except BaseException:
        job.stop()
        job.wait(_STOP_SECONDS)
        pass_on_log()
        raise
    pass_on_log()
    return job.outcome()
