"""Serve in a thread, and end without a wait."""

from __future__ import annotations

import socketserver
import threading

#: How often a server looks whether it should end. With Python's half a second, each `shutdown` takes as long.
LOOK_SECONDS = 0.05


def serve(server: socketserver.BaseServer) -> None:
    """Let a server answer until its `shutdown`."""
    threading.Thread(target=server.serve_forever, args=(LOOK_SECONDS,), daemon=True).start()
