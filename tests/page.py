"""What tests in a browser wait for."""

import time


def until(page, holds: str) -> None:
    """Wait until something holds. (The page forbids eval, by which Playwright does it.)"""
    end = time.monotonic() + 60
    while not page.evaluate(holds):
        assert time.monotonic() < end, holds
        page.wait_for_timeout(50)


def seek(page, to_s: float) -> None:
    """Go to a time once the page has a file to go in: it may be taking another one."""
    audio = "document.querySelector('audio')"
    until(page, f"{audio}.readyState > 0 && ({audio}.currentTime = {to_s}, true)")
