"""The sandbox as a process, and its HTTP server."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
import trustme

from dataverse_sandbox.config import EMPTY_WORLD
from dataverse_sandbox.server import SandboxServer
from dataverse_sandbox.tests.caller import Sandbox, plain_session

ROOT = Path(__file__).parents[2]


@contextmanager
def process(data: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a sandbox and return it with its address; stop it if it still runs."""
    command = [sys.executable, "-m", "dataverse_sandbox", "--port", "0", "--data", str(data), *more]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        ready = child.stdout.readline()
        yield child, ready.removeprefix("Sandbox ready: ").strip()
    finally:
        child.terminate()
        child.communicate(timeout=10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_process_announces_readiness_and_stops_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with process(tmp_path / "data.sqlite3", "--empty") as (child, url), plain_session() as session:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
        assert session.get(f"{url}/healthz").json() == {"status": "ok"}

        child.send_signal(number)
        assert child.wait(timeout=10) == 0
        _, complaints = child.communicate()
    assert complaints == ""


def test_tls_option_serves_https(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    seen = []
    for _ in range(2):
        with (
            process(tmp_path / "data.sqlite3", "--empty", "--tls", str(folder)) as (_, url),
            plain_session() as session,
        ):
            session.verify = str(folder / "certificate.pem")
            assert url.startswith("https://127.0.0.1:")
            assert session.get(f"{url}/healthz").json() == {"status": "ok"}
            document = f"{url}/11111111-1111-1111-1111-111111111111/v2.0/.well-known/openid-configuration"
            assert session.get(document).json()["token_endpoint"].startswith(url)
        seen.append((folder / "certificate.pem").read_bytes())

    assert seen[0] == seen[1]
    assert (folder / "key.pem").stat().st_mode & 0o777 == 0o600


def test_tls_uses_given_certificate_files(tmp_path: Path) -> None:
    authority = trustme.CA()
    given = authority.issue_cert("127.0.0.1")
    certificate, key, ca = (tmp_path / name for name in ("certificate.pem", "key.pem", "ca.pem"))
    given.cert_chain_pems[0].write_to_path(str(certificate))
    given.private_key_pem.write_to_path(str(key))
    authority.cert_pem.write_to_path(str(ca))
    options = ["--empty", "--tls-certificate", str(certificate), "--tls-key", str(key)]

    with process(tmp_path / "data.sqlite3", *options) as (_, url), plain_session() as session:
        session.verify = str(ca)
        assert session.get(f"{url}/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--tls-certificate", "gone.pem"], "Give --tls-certificate and --tls-key"),
        (["--tls-certificate", "gone.pem", "--tls-key", "gone.pem"], "cannot be used"),
    ],
)
def test_invalid_tls_options_are_refused(tmp_path: Path, options: list[str], words: str) -> None:
    with process(tmp_path / "data.sqlite3", "--empty", *options) as (child, _):
        _, complaints = child.communicate(timeout=30)

    assert child.returncode not in (0, None)
    assert words in complaints


def test_restart_keeps_data_and_tokens(tmp_path: Path) -> None:
    data = tmp_path / "data.sqlite3"
    with process(data) as (_, url), plain_session() as session:
        session.post(f"{url}/sandbox/form", json={"contact": _a_contact(session, url), "changes": {"jobtitle": "Kept"}})
        token = session.post(f"{url}/sandbox/token", json={"user": "Jonas Weber"}).json()["access_token"]
        keys = session.get(f"{url}/11111111-1111-1111-1111-111111111111/discovery/v2.0/keys").json()
        ledger = session.get(f"{url}/sandbox/ledger").json()

    with process(data) as (_, url), plain_session() as session:
        headers = {"Authorization": f"Bearer {token}"}
        found = session.get(f"{url}/api/data/v9.2/contacts?$filter=jobtitle eq 'Kept'", headers=headers)
        assert len(found.json()["value"]) == 1
        assert session.get(f"{url}/sandbox/ledger").json() == ledger
        assert session.get(f"{url}/11111111-1111-1111-1111-111111111111/discovery/v2.0/keys").json() == keys


def _a_contact(session: requests.Session, url: str) -> str:
    page = session.get(f"{url}/outlook/").text
    match = re.search(r"/outlook/([0-9a-f-]{36})", page)
    assert match is not None
    return match[1]


def test_committed_rows_survive_killed_process(tmp_path: Path) -> None:
    data = tmp_path / "data.sqlite3"
    with process(data) as (child, url), plain_session() as session:
        session.post(
            f"{url}/sandbox/outlook", json={"contact": _a_contact(session, url), "changes": {"jobtitle": "New"}}
        )
        child.kill()
        child.wait(timeout=10)

    with process(data) as (_, url), plain_session() as session:
        assert len(session.get(f"{url}/sandbox/ledger").json()) == 4


def test_port_in_use_is_reported(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "dataverse_sandbox", "--port", str(port), "--data", str(tmp_path / "data")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 1
    assert f"cannot listen on port {port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_connection_is_kept_alive(sandbox: Sandbox) -> None:
    with socket.create_connection(("127.0.0.1", sandbox.server.port), timeout=5) as connection:
        for _ in range(3):
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"200 OK" in connection.recv(4_096)


def test_chunked_body_is_read(sandbox: Sandbox) -> None:
    answer = sandbox.session.post(f"{sandbox.url}/sandbox/token", data=iter([b'{"user": ', b'"Jonas Weber"}']))

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "framing", ["Content-Length: -1\r\n\r\n", "Content-Length: x\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nzz\r\n"]
)
def test_body_with_invalid_framing_is_refused(sandbox: Sandbox, framing: str) -> None:
    with socket.create_connection(("127.0.0.1", sandbox.server.port), timeout=5) as connection:
        connection.sendall(f"POST /api/data/v9.2/contacts HTTP/1.1\r\nHost: x\r\n{framing}".encode())

        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_stopping_releases_held_requests(tmp_path: Path) -> None:
    with SandboxServer(tmp_path / "data.sqlite3", world=EMPTY_WORLD) as server:
        running = Sandbox(server).sign_in()
        running.fault(path="WhoAmI", hold="after_commit")
        with pytest.raises(requests.ReadTimeout):
            running.session.get(running.api + "WhoAmI", timeout=0.2)
    with pytest.raises(requests.ConnectionError):
        running.get("WhoAmI")
    running.session.close()
