"""A metadata service (IMDSv2) with prescribed answers: codes, silence, nonsense, the spot notice."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone

from tests.faults.serving import Answer, Serving

NOTICE, SILENCE, NONSENSE = 200, 0, 1
#: The worker keeps 20 s of a notice for leaving.
NOTICE_SECONDS = 21
SILENT_SECONDS = 30


class MetadataService(Serving):
    """Answers each request for the spot notice with the next of `answers`; the last one repeats.

    `begin`: until this is true, the machine is not marked. `token`: the code for requests for a token.
    `asked`: how often the notice was requested. `given_at`: when it was first given (time.monotonic).
    """

    def __init__(
        self, answers: Sequence[int], token: int = 200, begin: Callable[[], bool] = lambda: True
    ) -> None:
        self.asked = 0
        self.given_at: float | None = None
        self._answers = list(answers)
        self._token = token
        self._begin = begin
        super().__init__()

    def answer(self, path: str, method: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if method == "PUT":
            code, text = self._token, "token"
        elif path.endswith("spot/instance-action"):
            code, text = self._next_answer()
        else:
            code, text = 200, f"i-of-{path.rsplit('/', 1)[-1]}"
        return code, {}, text.encode()

    def _next_answer(self) -> tuple[int, str]:
        """Return the code and text of the next answer about the notice, after its silence."""
        self.asked += 1
        if not self._begin():
            return 404, ""
        what = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if what == SILENCE:
            time.sleep(SILENT_SECONDS)
            return 503, ""
        if what == NONSENSE:
            return 200, "<html>not what you asked for</html>"
        if what == NOTICE and self.given_at is None:
            self.given_at = time.monotonic()
        when = datetime.now(timezone.utc) + timedelta(seconds=NOTICE_SECONDS)
        return what, f'{{"action": "terminate", "time": "{when:%Y-%m-%dT%H:%M:%SZ}"}}'
