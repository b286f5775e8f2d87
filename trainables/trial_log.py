"""log.jsonl of a trial: what its processes said while it ran, for people. No number of a study depends on it."""

import logging
import os
import socket
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from typing_extensions import override

from trainables.line_file import LineFile
from trainables.records import LOG, LogLine, now
from trainables.storage import Folder

_OURS = "trainables"


def log_name(worker: int) -> str:
    """The log of a worker: each has its own, since machines cannot append to one file.

    >>> log_name(0), log_name(1)
    ('log.jsonl', 'log-1.jsonl')
    """
    return LOG.replace(".", f"-{worker}.") if worker else LOG


def is_log(name: str) -> bool:
    """Whether a file of a trial is one of its logs."""
    stem, _, suffix = LOG.partition(".")
    return name.startswith(stem) and name.endswith(f".{suffix}")


def where_to_read_on(folder: Folder) -> str:
    """What stands behind the error of a trial: where its log is; nothing if it has none."""
    return f" (log: {(folder / LOG).location})" if folder.exists(LOG) else ""


@contextmanager
def logged(folder: Folder, worker: int) -> Iterator[None]:
    """Keeps what is said in this process, warnings included, and the traceback of what ends the block."""
    ours, root = logging.getLogger(_OURS), logging.getLogger()
    handler, level = _Handler(folder, worker), ours.level
    root.addHandler(handler)
    ours.setLevel(logging.INFO)
    logging.captureWarnings(True)
    try:
        yield
    except Exception:
        ours.exception("the trial failed")
        raise
    finally:
        logging.captureWarnings(False)
        ours.setLevel(level)
        root.removeHandler(handler)


class _Handler(logging.Handler):
    """Writes records as lines. What cannot be written is lost: a full disk is somebody else's to tell."""

    def __init__(self, folder: Folder, worker: int) -> None:
        super().__init__(logging.INFO)
        self._worker, self._file = worker, None
        with suppress(OSError):
            self._file = LineFile(folder, log_name(worker))

    @override
    def emit(self, record: logging.LogRecord) -> None:
        if self._file is None or (record.levelno < logging.WARNING and not record.name.startswith(_OURS)):
            return
        try:
            self._file.append(self._line(record).model_dump_json().encode())
        except OSError:
            return
        # Whatever a library says wrongly must not end a training.
        except Exception:
            self.handleError(record)

    def _line(self, record: logging.LogRecord) -> LogLine:
        return LogLine(
            time=now(),
            level=record.levelname.lower(),
            logger=record.name,
            message=record.getMessage(),
            host=socket.gethostname(),
            process=os.getpid(),
            worker=self._worker,
            traceback="".join(traceback.format_exception(*record.exc_info)) if record.exc_info else None,
        )
