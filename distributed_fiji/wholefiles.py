"""Files that are written completely or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def replacing(target: Path, mode: int = 0o644) -> Iterator[IO[str]]:
    """Yield a file, in UTF-8 and with line ends as they are written, that replaces the target at the end.

    If anything is raised before, the target stays as it was. Raises OSError.
    """
    with tempfile.NamedTemporaryFile(
        "w", dir=target.parent, prefix=f".{target.name}.", delete=False, encoding="utf-8", newline=""
    ) as file:
        unfinished = Path(file.name)
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            unfinished.unlink()
            raise
    unfinished.chmod(mode)
    unfinished.replace(target)
