"""A metadata service (IMDSv2) that answers as it is told: codes, silence, nonsense, the spot notice."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NOTICE, SILENCE, NONSENSE = 200, 0, 1
#: The worker keeps 20 s of a notice for leaving.
NOTICE_SECONDS = 21
SILENT_SECONDS = 30


class MetadataService:
    """Answers each question for the spot notice with the next of `answers`; the last stays.

    `begin`: before this holds, the machine is not marked. `token`: the code that requests for a token get.
    `asked`: how often the notice was asked for; `given_at`: when it was first given (time.monotonic).
    """

    def __init__(
        self, answers: Sequence[int], token: int = 200, begin: Callable[[], bool] = lambda: True
    ) -> None:
        self.asked = 0
        self.given_at: float | None = None
        self._answers = list(answers)
        self._token = token
        self._begin = begin
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def next_answer(self) -> tuple[int, str]:
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

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                self.answer(service._token, "token")

            def do_GET(self) -> None:
                if self.path.endswith("spot/instance-action"):
                    self.answer(*service.next_answer())
                else:
                    self.answer(200, f"i-of-{self.path.rsplit('/', 1)[-1]}")

            def answer(self, code: int, text: str) -> None:
                # Who asked may have given up long ago.
                with contextlib.suppress(OSError):
                    self.send_response(code)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
