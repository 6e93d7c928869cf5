"""`python -m dataverse_sandbox --port 8001 --data FILE`: the sandbox as a process of its own."""

from __future__ import annotations

import argparse
import signal
import ssl
import sys
import threading
from dataclasses import replace
from pathlib import Path

from dataverse_sandbox import tls
from dataverse_sandbox.app import create_app
from dataverse_sandbox.config import DEMO_WORLD, EMPTY_WORLD, Config
from dataverse_sandbox.mail.smtp import SmtpServer
from dataverse_sandbox.server import Server


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dataverse_sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: loopback only)")
    parser.add_argument("--port", type=int, default=8001, help="0 picks a free one")
    parser.add_argument("--smtp-port", type=int, default=0, help="take mails by SMTP here; 0: do not")
    parser.add_argument("--data", type=Path, required=True, help="the SQLite file; made when it is missing")
    parser.add_argument("--empty", action="store_true", help="start a new file with the fixed people only")
    parser.add_argument("--users", type=int, default=DEMO_WORLD.users, help="people in a new file")
    parser.add_argument("--synchronous", choices=("OFF", "NORMAL", "FULL"), default="NORMAL")
    parser.add_argument("--tls", type=Path, metavar="FOLDER", help="speak https; the certificate is made there once")
    parser.add_argument("--tls-certificate", type=Path, metavar="FILE", help="speak https with this certificate")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="the certificate's key")
    arguments = parser.parse_args()
    if bool(arguments.tls_certificate) is not bool(arguments.tls_key) or (arguments.tls and arguments.tls_certificate):
        parser.error("Give --tls-certificate and --tls-key, or --tls alone.")
    return arguments


def _tls(arguments: argparse.Namespace) -> ssl.SSLContext | None:
    """Return the TLS options of the command line. Raises OSError if the files cannot be used."""
    if arguments.tls:
        return tls.context(*tls.provide(arguments.tls, host=arguments.host))
    if arguments.tls_key:
        return tls.context(arguments.tls_certificate, arguments.tls_key)
    return None


def _post(server: Server, arguments: argparse.Namespace) -> SmtpServer | None:
    if not arguments.smtp_port:
        return None
    application = server.application
    post = SmtpServer(application.mailbox, application.faults, port=arguments.smtp_port, host=arguments.host)
    post.start()
    return post


def main() -> int:
    """Serve until SIGTERM or SIGINT. Return 0 after a clean stop, 1 if the port or the certificate cannot be used."""
    arguments = _arguments()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    try:
        secure = _tls(arguments)
    except OSError as error:
        sys.stderr.write(f"The certificate or its key cannot be used: {error}.\n")
        return 1
    world = EMPTY_WORLD if arguments.empty else replace(DEMO_WORLD, users=arguments.users)
    application = create_app(Config(arguments.data, world=world, synchronous=arguments.synchronous))
    try:
        server = Server(arguments.host, arguments.port, application, tls=secure)
    except OSError as error:
        sys.stderr.write(f"The sandbox cannot listen on port {arguments.port}: {error.strerror}.\n")
        return 1
    try:
        post = _post(server, arguments)
    except OSError as error:
        sys.stderr.write(f"The sandbox cannot take mails on port {arguments.smtp_port}: {error.strerror}.\n")
        return 1
    threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    sys.stdout.write(f"Sandbox ready: http{'s' if secure else ''}://{arguments.host}:{server.port}\n")
    sys.stdout.flush()
    stopping.wait()
    if post is not None:
        post.stop()
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
