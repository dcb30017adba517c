"""setup looks at the script: what FIJI could not run is refused, and what is mended is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.cli.conftest import BUCKET, Account, Command, configure
from tests.cli.test_bad_input import refused
from tests.serving import serve

PAGE = b"\n\n  <!DOCTYPE html>\n<html><head><title>GitHub</title></head></html>\n"
GOOD = b'print("hello");\n'

WRONG = [
    ("script.ijm", PAGE, "it is a web page, not a script"),
    (
        "script.py",
        b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
        "S3's response AccessDenied",
    ),
    ("script.ijm", b"404: Not Found", "it is a server's answer, '404: Not Found'"),
    ("script.js", b'{"message": "Not Found", "status": "404"}', "it is a JSON document"),
    (
        "script.ijm",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n",
        "a Git LFS pointer",
    ),
    ("script.ijm", b"```\nprint(1);\n```\n", "Markdown"),
    ("script.ijm", b"", "it is empty"),
    ("script.ijm", b"\xef\xbb\xbf \r\n", "it is empty"),
    ("script.ijm", GOOD.decode().encode("utf-16"), "it is saved as UTF-16; save it as UTF-8"),
    ("script.ijm", GOOD.decode().encode("utf-32"), "it is saved as UTF-32; save it as UTF-8"),
    ("script.ijm", GOOD.decode().encode("utf-16-be"), "it is UTF-16, UTF-32 or a binary file"),
    ("script.ijm", b"II*\0\x08\0\0\0" + bytes(range(256)) * 4, "it is a binary file"),
    ("script.ijm", b"{\\rtf1\\ansi print}", "a word-processor document"),
    (
        "script.ijm",
        b'a = "/*";\n// /* b\n/* c */ print(1);\n/* open\n',
        "starts with /* in line 4 is never closed",
    ),
    ("script", GOOD, "'script' has no extension, which tells FIJI the language; extensions: .ijm, "),
    ("script.docx", GOOD, "no script language has the extension .docx; extensions: .ijm, "),
]


@pytest.mark.parametrize(("name", "content", "words"), WRONG, ids=[f"{n} {w[:30]}" for n, _, w in WRONG])
def test_what_is_no_script_makes_nothing(
    account: Account, command: Command, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    configure(tmp_path, APP_NAME="NoScript", SCRIPT_DOWNLOAD_URL=name)
    (tmp_path / name).write_bytes(content)

    ended = refused(account, command, "setup")

    assert f"SCRIPT_DOWNLOAD_URL = {name!r}: " in ended.err
    assert words in " ".join(ended.err.split())


ADDRESSES = [
    (
        "https://github.com/some/one/blob/main/macros/count.ijm",
        "The script itself is at https://raw.githubusercontent.com/some/one/main/macros/count.ijm",
    ),
    (
        "https://gitlab.com/some/one/-/blob/main/count.ijm",
        "The script itself is at https://gitlab.com/some/one/-/raw/main/count.ijm",
    ),
    (f"s3://{BUCKET}/", "it does not name an object"),
    (f"s3://{BUCKET}", "it does not name an object"),
    ("s3:///script.ijm", "it does not name an object"),
    (f"S3://{BUCKET}/missing.ijm", "this object does not exist"),
    ("http://example.org/script.ijm", "workers fetch scripts from https:// and s3:// only"),
    ("ftp://example.org/script.ijm", "workers fetch scripts from https:// and s3:// only"),
    ("https:///script.ijm", "it does not name a server"),
    ("https://example.org/download?name=script.ijm", "'download' has no extension"),
]


@pytest.mark.parametrize(("address", "words"), ADDRESSES, ids=[address for address, _ in ADDRESSES])
def test_an_address_that_leads_to_no_script_makes_nothing(
    account: Account, command: Command, tmp_path: Path, address: str, words: str
) -> None:
    configure(tmp_path, APP_NAME="NoScript", SCRIPT_DOWNLOAD_URL=address)

    assert words in " ".join(refused(account, command, "setup").err.split())


@pytest.fixture
def server() -> Iterator[str]:
    """A web server with a page at /page.ijm and a script at /my script.ijm that refuses all else; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = {"/page.ijm": PAGE, "/my%20script.ijm": GOOD}.get(self.path)
            self.send_response(200 if found else 403)
            self.end_headers()
            self.wfile.write(found or b"no")

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serve(made)
    yield f"http://127.0.0.1:{made.server_address[1]}"
    made.shutdown()


def test_a_script_on_a_server_is_fetched_and_looked_at(
    account: Account, command: Command, tmp_path: Path, server: str
) -> None:
    configure(tmp_path, APP_NAME="Server", SCRIPT_DOWNLOAD_URL=f"{server}/page.ijm")
    assert "it is a web page" in refused(account, command, "setup").err

    configure(tmp_path, APP_NAME="Server", SCRIPT_DOWNLOAD_URL=f"{server}/private.ijm")
    unseen = command("setup")
    assert unseen.code == 0
    assert "it could not be checked from here (the server returned 403)" in " ".join(unseen.err.split())

    configure(tmp_path, APP_NAME="Server", SCRIPT_DOWNLOAD_URL=f"{server}/my script.ijm")
    good = command("setup")
    assert (good.code, "looked at" in good.err) == (0, False), good.said


def test_what_is_mended_in_a_script_is_named_with_its_line(command: Command, tmp_path: Path) -> None:
    configure(tmp_path, APP_NAME="Mended", SCRIPT_DOWNLOAD_URL="SCRIPT.IJM")
    (tmp_path / "SCRIPT.IJM").write_bytes('print("a");\rprint("5 µm");\r'.encode("latin-1"))
    latin = command("setup")
    (tmp_path / "SCRIPT.IJM").write_bytes(b'\xef\xbb\xbfprint("a");\r\nprint("\xef\xbf\xbd");')
    lost = command("setup")

    assert latin.code == lost.code == 0
    said = " ".join(latin.err.split())
    assert 'SCRIPT.IJM: it is not UTF-8 (line 2: print("5 µm");) and is read as Latin-1' in said
    assert "line 2 contains U+FFFD" in lost.err


def test_a_script_that_needs_a_display_and_may_have_none_is_named(command: Command, tmp_path: Path) -> None:
    (tmp_path / "rois.ijm").write_text('roiManager("Add");\n', encoding="utf-8")
    said = {}
    for mode in ("headless", "auto"):
        configure(tmp_path, APP_NAME=f"Rois{mode}", SCRIPT_DOWNLOAD_URL="rois.ijm", DISPLAY_MODE=mode)
        ended = command("setup")
        assert ended.code == 0
        said[mode] = " ".join(ended.err.split())

    assert "it uses the ROI Manager, which fails without a display" in said["headless"]
    assert "display" not in said["auto"]


def test_folders_of_another_machine_are_named_by_setup_and_by_submit_job(
    command: Command, tmp_path: Path
) -> None:
    text = '// C:/old/\ndir = "C:\\\\Users\\\\me\\\\in\\\\";\nopen(dir + "a.tif");\n'
    (tmp_path / "fixed.ijm").write_text(text, encoding="utf-8")
    configure(tmp_path, APP_NAME="Fixed", SCRIPT_DOWNLOAD_URL="fixed.ijm")
    told = "line 2: 'C:\\Users\\me\\in\\' is on another machine"
    cure = '"paths": {"C:/Users/me/in": "input"}'
    ended = command("setup")
    said = " ".join(ended.err.split())
    assert ended.code == 0 and told in said and cure in said, ended
    job = {"output_file_location": "out", "groups": [{"Well": "A01"}]}
    paths: dict[str, str]
    for paths, code in (({}, 0), ({"C:/Users": "input"}, 0), ({"C:/Users": "results"}, 2)):
        (tmp_path / "job.json").write_text(json.dumps({**job, "paths": paths}), encoding="utf-8")
        ended = command("submitJob", str(tmp_path / "job.json"))
        assert ended.code == code, ended
        assert (told in " ".join(ended.err.split())) == (not paths), ended
    assert "paths: 'C:/Users' leads to 'results'" in ended.err
