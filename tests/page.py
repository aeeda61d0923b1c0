"""What tests in a browser wait for."""

import time


def until(page, holds: str) -> None:
    """Wait until something holds. (The page forbids eval, by which Playwright does it.)"""
    end = time.monotonic() + 60
    while not page.evaluate(holds):
        assert time.monotonic() < end, holds
        page.wait_for_timeout(50)


def seek(page, to_s: float) -> None:
    """Go to a time, as with the slider, but between its whole seconds too. (While the page takes
    another file, the time of the audio element is not heeded.)"""
    page.evaluate(
        """(to_s) => {
            const slider = document.querySelector("#position");
            slider.step = "any";
            slider.value = to_s;
            slider.dispatchEvent(new Event("input"));
        }""",
        to_s,
    )
