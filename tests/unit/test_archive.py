"""FIJI_ARCHIVE and FIJI_SHA256: an archive is taken only as what it was said to be."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import os
import ssl
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.serving import serve

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "worker" / "image" / "archive.py"
OTHER = "0" * 64


def archive(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program as the Makefile does."""
    return subprocess.run(
        [sys.executable, str(PROGRAM), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.fixture
def fiji(tmp_path: Path) -> Path:
    """A zip by the name of FIJI's download."""
    path = tmp_path / "served" / "fiji-stable-linux64-jdk.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("Fiji/jars/ij-1.54p.jar", os.urandom(3000))
    return path


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextlib.contextmanager
def https(folder: Path, at: Path) -> Iterator[tuple[str, str]]:
    """Serve a folder as https://localhost:PORT; yield that address, and the file of whom to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, secret = at / "certificate.pem", at / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, secret)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        serve(server)
        yield f"https://localhost:{server.server_address[1]}", str(pem)
        server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Print nothing."""


def test_a_file_with_its_checksum_is_taken(fiji: Path, tmp_path: Path) -> None:
    done = archive(fiji, sha256_of(fiji).upper(), tmp_path / "fiji.zip")

    assert (done.returncode, done.stdout.strip()) == (0, sha256_of(fiji))
    assert (tmp_path / "fiji.zip").read_bytes() == fiji.read_bytes()


def test_all_that_is_wrong_with_a_request_is_said_at_once(tmp_path: Path) -> None:
    done = archive(tmp_path / "none.zip", "abc", tmp_path / "fiji.zip")

    assert done.returncode == 2
    assert f"FIJI_ARCHIVE is not a file: {tmp_path / 'none.zip'}" in done.stderr
    assert "FIJI_SHA256 is not a SHA-256 (64 hex digits): abc" in done.stderr


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("https://example.org/fiji.zip", "`curl https://example.org/fiji.zip.sha256` prints it"),
        ("/etc/hostname", "`sha256sum /etc/hostname` prints it"),
    ],
)
def test_a_missing_checksum_says_how_to_get_it(address: str, hint: str) -> None:
    done = archive(address, "")

    assert done.returncode == 2
    assert "FIJI_SHA256 is missing" in done.stderr
    assert hint in done.stderr


def test_another_archive_than_the_checksum_says_is_not_taken(fiji: Path, tmp_path: Path) -> None:
    done = archive(fiji, OTHER, tmp_path / "fiji.zip")

    assert done.returncode == 2
    assert f"has the SHA-256 {sha256_of(fiji)}, but FIJI_SHA256 is {OTHER}" in done.stderr
    assert not (tmp_path / "fiji.zip").exists()


def test_what_is_no_zip_and_what_comes_unprotected_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fiji.tar.gz").write_bytes(b"no zip")

    packed = archive(tmp_path / "fiji.tar.gz", sha256_of(tmp_path / "fiji.tar.gz"))
    plain = archive("http://example.org/fiji.zip", OTHER)

    assert packed.returncode == plain.returncode == 2
    assert "FIJI_ARCHIVE is not a zip archive" in packed.stderr
    assert "FIJI_ARCHIVE is an address other than https://" in plain.stderr


def test_a_download_is_held_to_its_checksum_the_server_s_own_for_the_default(
    fiji: Path, tmp_path: Path
) -> None:
    fiji.with_name(f"{fiji.name}.sha256").write_text(f"{sha256_of(fiji)}  {fiji.name}\n")
    target = tmp_path / "fiji.zip"
    with https(fiji.parent, tmp_path) as (server, trusted):
        address = f"{server}/{fiji.name}"
        wrong = archive(address, OTHER, target, SSL_CERT_FILE=trusted)
        assert not target.exists()
        right = archive(address, "published", target, SSL_CERT_FILE=trusted)
        none = archive(f"{server}/other.zip", "published", SSL_CERT_FILE=trusted)

    kept = PROGRAM.parent / ".archives" / f"{sha256_of(fiji)}.zip"
    try:
        assert wrong.returncode == none.returncode == 2
        assert f"FIJI_SHA256 is {OTHER}" in wrong.stderr
        assert "FIJI_IMAGE=fiji/fiji:20220415" in none.stderr
        assert (right.returncode, right.stdout.strip()) == (0, sha256_of(fiji))
        assert f"FIJI_SHA256={sha256_of(fiji)}" in right.stderr
        assert target.read_bytes() == fiji.read_bytes() == kept.read_bytes()
    finally:
        kept.unlink(missing_ok=True)


def test_a_path_is_meant_from_where_make_is_called(tmp_path: Path) -> None:
    for given, meant in (("none.zip", ROOT / "none.zip"), (f"{tmp_path}/none.zip", tmp_path / "none.zip")):
        done = subprocess.run(
            [
                "make",
                "image",
                "NAME=lab/never:1",
                "BASE_IMAGE=scratch",
                "DOCKER=false",
                f"FIJI_ARCHIVE={given}",
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode != 0
        assert f"FIJI_ARCHIVE is not a file: {meant}\n" in done.stderr


def test_make_image_says_what_is_wrong_before_it_builds_anything(tmp_path: Path) -> None:
    both = ["FIJI_ARCHIVE=fiji.zip", "FIJI_IMAGE=fiji/fiji:20220415"]
    command = ["make", "-C", "worker", "build", "NAME=lab/never:1", "BASE_IMAGE=scratch", "DOCKER=false"]
    for variables, words in (
        (both, "Give FIJI_IMAGE or FIJI_ARCHIVE, not both."),
        (["FIJI_ARCHIVE=/none.zip"], "FIJI_ARCHIVE is not a file: /none.zip"),
    ):
        done = subprocess.run(
            [*command, *variables], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode != 0
        assert words in done.stderr
