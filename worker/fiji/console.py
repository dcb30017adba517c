"""Read FIJI's console line by line. The whole goes to a file; its last lines and errors stay in memory.

Reading continues until FIJI ends, even if the file or the log stream fails. Control sequences that a terminal
would obey are removed (`worker.contract.text`), and every kind of line ending becomes a newline.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO, BinaryIO

from worker.contract.text import shown

TAIL_LINES = 50
#: Longer lines are cut when shown and streamed.
LONGEST_LINE = 4_000
#: The most bytes of a console to keep, so that a script that prints more does not fill the disk.
LARGEST_FILE = 64 * 2**20
MOST_MARKS = 20

#: How FIJI, SciJava, ImageJ and the script languages report errors.
ERROR_MARKS = re.compile(
    r"^\[ERROR\]|^Traceback \(most recent call last\)|Macro Error|^Exception in thread|^Caused by:"
    r"|\bjava\.[\w.]+(?:Exception|Error)\b|OutOfMemoryError|HeadlessException|GC overhead limit"
    r"|is required but unset|Ignoring invalid argument|Macro or script not found|Unknown variable:"
    r"|No space left on device|insufficient memory for the Java|Could not reserve enough space"
    r"|Could not create the Java Virtual Machine|^File not found|A fatal error has been detected by the Java"
)


class Console:
    """Reads a pipe to its end in a thread of its own."""

    def __init__(self, pipe: IO[bytes], file: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self.marks: list[str] = []
        self.disk_full = False
        self.last_output_at = clock()
        self.ended = threading.Event()
        self._clock = clock
        self._pipe = pipe
        self._file = file
        self._sink: Callable[[str], None] | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read, name="console", daemon=True)
        self._thread.start()

    def stream_to(self, sink: Callable[[str], None]) -> None:
        """Pass every line to `sink`, including earlier ones.

        The time without output starts again from zero.
        """
        with self._lock:
            for line in self.tail:
                sink(line)
            self._sink = sink
            self.last_output_at = self._clock()

    def silent_seconds(self) -> float:
        """Return how long nothing has been printed."""
        return self._clock() - self.last_output_at

    def finish(self, seconds: float) -> None:
        """Wait for the end of the pipe, but not for long: a process that outlived FIJI may hold it open."""
        self._thread.join(seconds)

    def _read(self) -> None:
        decoder = io.IncrementalNewlineDecoder(
            codecs.getincrementaldecoder("utf-8")("replace"), translate=True
        )
        rest = ""
        written = 0
        with self._file.open("wb", buffering=0) as file, self._pipe as pipe:
            while chunk := os.read(pipe.fileno(), 65536):
                self.last_output_at = self._clock()
                text = shown(decoder.decode(chunk))
                written += self._keep(file, text.encode()[: LARGEST_FILE - written])
                *lines, rest = (rest + text).split("\n")
                for line in lines:
                    self._take(line)
                rest = rest[-LONGEST_LINE:]
        if rest:
            self._take(rest)
        self.ended.set()

    def _keep(self, file: BinaryIO, chunk: bytes) -> int:
        try:
            return file.write(chunk) if chunk else 0
        except OSError as error:
            self.disk_full = self.disk_full or error.errno == errno.ENOSPC
            return 0

    def _take(self, whole: str) -> None:
        line = whole[:LONGEST_LINE]
        with self._lock:
            self.tail.append(line)
            if len(self.marks) < MOST_MARKS and ERROR_MARKS.search(line):
                self.marks.append(line)
            if self._sink:
                self._sink(line)
