"""A running demo and Chromium, both on this machine."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.support.servers import Server, free_port, launch, temporary_folder, wait_until

# Playwright keeps an event loop in this thread, which Django takes for asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
READY_SECONDS = 200
UNDO_SECONDS = 3
ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
NOT_OURS = (
    "DATABASE_URL",
    "REDIS_URL",
    "BASE_URL",
    "CRM_ORIGIN",
    "CRM_AUTHORITY",
    "DJANGO_SETTINGS_MODULE",
    "FAILPOINTS",
    "DJANGO_ALLOW_ASYNC_UNSAFE",
)


@dataclass(frozen=True, slots=True)
class Demo:
    """The addresses of the running demo."""

    portal: str
    sandbox: str


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """Run `manage.py demo` with its own ports and data."""
    with temporary_folder("osync-b-") as folder:
        ports = {name: str(free_port()) for name in ("PORTAL_PORT", "SANDBOX_PORT", "SMTP_PORT")}
        clean = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
        ours = {"DEMO_DIR": str(folder / "demo"), "UNDO_SECONDS": str(UNDO_SECONDS), **ports}
        ours["MAILS_BEFORE_DIGEST"] = "1000"  # edits of one test must not turn the mail of another test into a digest
        command = [sys.executable, "manage.py", "demo"]
        server = launch(command, url="", log=folder / "output", environment={**clean, **ours})
        try:
            wait_until(lambda: _is_ready(server), seconds=READY_SECONDS, what="the demo is ready")
            yield Demo(*(f"http://127.0.0.1:{ports[name]}" for name in ("PORTAL_PORT", "SANDBOX_PORT")))
        finally:
            server.stop(seconds=20)


def _is_ready(server: Server) -> bool:
    assert server.process.poll() is None, server.output()
    return "Portal ready" in server.output()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Return the system's Chromium; skip the tests without one."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("There is no Chromium on this machine.")
    expect.set_options(timeout=20_000)  # a busy machine answers slowly
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def window(chromium: Browser) -> Iterator[BrowserContext]:
    """Return a browser window with its own cookies."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(20_000)
    yield context
    context.close()


@pytest.fixture
def page(window: BrowserContext) -> Iterator[Page]:
    """Return a tab that fails the test on any script error or CSP violation."""
    complaints: list[str] = []
    tab = window.new_page()
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    yield tab
    assert complaints == []
