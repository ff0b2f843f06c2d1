"""The page in a real browser: no sideways scrolling, no errors, no requests, both themes, sorting, paper.

Chromium is driven over its debugging pipe (file descriptors 3 and 4, JSON ended by NUL): no port, no extra library.
"""

import json
import os
import select
import shutil
import subprocess
import time

import pytest

from tarragon.develop.report import write

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.journey,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; apt-get install chromium"),
]
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
)


class Browser:
    """One Chromium, spoken to over its pipe."""

    def __init__(self, folder):
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()

        def wire():
            # The ends may themselves be 3 or 4: move them out of the way first.
            a, b = os.dup(to_read), os.dup(to_write)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.process = subprocess.Popen(
            [CHROMIUM, *FLAGS, f"--user-data-dir={folder}", "about:blank"],
            preexec_fn=wire,
            close_fds=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._buffer, self._n, self.events, self.session = b"", 0, [], None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method, **params):
        self._n += 1
        message = {"id": self._n, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        answer = self._until(lambda m: m.get("id") == self._n)
        assert "error" not in answer, answer
        return answer["result"]

    def open(self, path, *, width=1280, dark=False, media="screen"):
        self.events.clear()
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[theme])
        self.call("Page.navigate", url=path.as_uri())
        self._until(lambda m: m.get("method") == "Page.loadEventFired")

    def run(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=20)
        os.close(self._to)
        os.close(self._from)

    def _until(self, wanted):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            while b"\0" in self._buffer:
                raw, self._buffer = self._buffer.split(b"\0", 1)
                message = json.loads(raw)
                self.events.append(message)
                if wanted(message):
                    return message
            if select.select([self._from], [], [], 1)[0]:
                self._buffer += os.read(self._from, 1 << 16)
        raise TimeoutError("Chromium did not answer within a minute")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    started = Browser(tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


@pytest.fixture(scope="module")
def pages(binary, multiclass, regression, hostile, minimal, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    reports = {
        "binary": binary,
        "multiclass": multiclass,
        "regression": regression,
        "hostile": hostile,
        "minimal": minimal,
    }
    return {name: write(report, folder / name).html for name, report in reports.items()}


# Whatever is wider than the window and not inside a box that scrolls by itself.
SPILL = """[...document.querySelectorAll('body *')].filter(e => {
  if (e.closest('.scroll, .drawing, .skip, details:not([open]) > :not(summary)')) return false;
  return !e.closest('svg') && e.getBoundingClientRect().right > innerWidth + 0.5;
}).map(e => e.tagName + '.' + e.className).slice(0, 5)"""


@pytest.mark.parametrize("name", ["binary", "multiclass", "regression", "hostile", "minimal"])
def test_no_sideways_scrolling_no_errors_no_requests(browser, pages, name):
    for width in (360, 390, 768, 1280):
        browser.open(pages[name], width=width)
        browser.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        assert browser.run("document.documentElement.scrollWidth") <= width, browser.run(SPILL)
        assert browser.run(SPILL) == []
        asked = [
            e["params"]["request"]["url"] for e in browser.events if e.get("method") == "Network.requestWillBeSent"
        ]
        assert asked == [pages[name].as_uri()]
        wrong = [
            e
            for e in browser.events
            if e.get("method") == "Runtime.exceptionThrown"
            or (e.get("method") == "Log.entryAdded" and e["params"]["entry"]["level"] == "error")
        ]
        assert wrong == []
        assert browser.run("window.alerted === undefined")


def test_the_theme_follows_the_system_and_then_the_button(browser, pages):
    ground = "getComputedStyle(document.body).backgroundColor"
    browser.open(pages["binary"])
    light = browser.run(ground)
    browser.run("document.querySelector('[data-theme-toggle]').click()")
    dark = browser.run(ground)
    assert dark != light
    browser.open(pages["binary"], dark=True)
    assert browser.run(ground) == dark
    browser.run("document.querySelector('[data-theme-toggle]').click()")
    assert browser.run(ground) == light


def test_paper_is_white_in_the_dark_and_shows_what_was_folded(browser, pages):
    browser.open(pages["binary"], dark=True)
    browser.run("document.querySelector('[data-theme-toggle]').click()")
    browser.run("document.querySelector('[data-theme-toggle]').click()")
    browser.call(
        "Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}]
    )
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.run("getComputedStyle(document.querySelector('h1')).color") == "rgb(27, 30, 35)"
    assert browser.run("document.querySelector('details table').checkVisibility({contentVisibilityAuto: true})")
    assert browser.run("getComputedStyle(document.querySelector('.rail')).display") == "none"


def test_a_click_on_a_head_sorts_by_value_not_by_text(browser, pages):
    browser.open(pages["binary"])
    size = """[...document.querySelectorAll('#leaderboard table')][0]"""
    at = browser.run(f"[...{size}.querySelectorAll('th')].findIndex(h => h.textContent.trim() === 'size')")
    browser.run(f"{size}.querySelectorAll('thead th')[{at}].querySelector('button').click()")
    order = browser.run(f"[...{size}.tBodies[0].rows].map(r => Number(r.cells[{at}].dataset.order))")
    assert order == sorted(order)
    assert len(set(order)) > 2
    assert browser.run(f"{size}.querySelectorAll('thead th')[{at}].getAttribute('aria-sort')") == "ascending"


def test_it_can_be_read_without_scripts(browser, pages):
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(pages["binary"])
        text = browser.call("Page.captureSnapshot")["data"]
        assert "SHIP" in text
        assert browser.run("document.querySelector('[data-theme-toggle]').hidden") is True
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)


def test_marks_sit_where_their_numbers_say(browser, pages, binary):
    """The drawn dot of each baseline, read back from the screen, is its score on the axis below."""
    browser.open(pages["binary"])
    boxes = browser.run(
        """(() => {
      const middle = e => { const b = e.getBoundingClientRect(); return (b.left + b.right) / 2; };
      const chart = document.querySelector('.banner .rowchart');
      const dots = [...chart.querySelectorAll('circle')].map(middle);
      const ticks = [...chart.querySelectorAll('.under text')].map(t => [parseFloat(t.textContent), middle(t)]);
      return {dots, ticks};
    })()"""
    )
    (a, xa), (b, xb) = boxes["ticks"][0], boxes["ticks"][-1]
    read = [a + (x - xa) / (xb - xa) * (b - a) for x in boxes["dots"]]
    scores = [
        binary.analysis.score.value,
        binary.analysis.interpretability.score.value,
        *(b.score.value for b in binary.analysis.baselines),
    ]
    assert sorted(read) == pytest.approx(sorted(scores), abs=0.004)
