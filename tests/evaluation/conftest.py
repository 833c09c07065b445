"""A headless Chromium, driven through the pipe of its own DevTools protocol: no driver, no further package."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "chromium-headless-shell")
TIMEOUT = 60  # seconds; a busy machine starts a browser slowly
# Chromium reads commands from file 3 and writes to file 4.
PIPES = "import os; from sys import argv as a; os.dup2(int(a[1]), 3); os.dup2(int(a[2]), 4); os.execvp(a[3], a[3:])"
YES = 10**9  # the number of the command that answers a question of the page


class Browser:
    """One page. `click` and `key` are real mouse and key events of the browser's own input."""

    def __init__(self, program: str, folder: Path):
        import fcntl  # not on Windows

        pipes = [*os.pipe(), *os.pipe()]
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in pipes]  # not 3 or 4, which would be in the way
        for end in pipes:
            os.close(end)
        read_commands, self._commands, self._messages, write_messages = ends
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        options += ["--remote-debugging-pipe", f"--user-data-dir={folder / 'profile'}", "about:blank"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", PIPES, str(read_commands), str(write_messages), program, *options],
            pass_fds=(read_commands, write_messages),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_commands)
        os.close(write_messages)
        self._number, self._received, self._session = 0, b"", None
        self.downloads = folder / "downloads"
        self.downloads.mkdir()
        pages = self.call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in pages if target["type"] == "page")
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads))
        self._session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        self.call("Page.enable")

    def call(self, method: str, **parameters):
        """Give the browser a command and wait for its answer."""
        self._number += 1
        self._send(self._number, method, parameters)
        while True:
            answer = self._next_message()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            if answer.get("method") == "Page.javascriptDialogOpening":
                self._send(YES, "Page.handleJavaScriptDialog", {"accept": True})

    def _send(self, number: int, method: str, parameters: dict) -> None:
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")

    def _next_message(self) -> dict:
        end = time.monotonic() + TIMEOUT
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._messages], [], [], max(0.0, end - time.monotonic()))
            part = os.read(self._messages, 1 << 16) if ready else b""
            assert part, "Chromium does not answer"
            self._received += part
        message, self._received = self._received.split(b"\0", 1)
        return json.loads(message)

    def open(self, path: Path) -> None:
        """Open a file and wait until it is there."""
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.wait(f"location.href == {path.resolve().as_uri()!r} && document.readyState == 'complete'")

    def value(self, script: str):
        """The value of a JavaScript expression in the page."""
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def wait(self, script: str) -> None:
        """Wait until a JavaScript expression is true."""
        end = time.monotonic() + TIMEOUT
        while not self.value(script):
            assert time.monotonic() < end, f"never true: {script}"
            time.sleep(0.05)

    def text(self, selector: str) -> str:
        """What an element shows; "" if it is hidden."""
        # innerText of an element that is not drawn is its whole text.
        script = "(e => e.checkVisibility() ? e.innerText : '')(document.querySelector({}))"
        return self.value(script.replace("{}", repr(selector)))

    def click(self, selector: str) -> None:
        """Press and release the mouse in the middle of an element."""
        script = f"(r => [r.x + r.width / 2, r.y + r.height / 2])(document.querySelector({selector!r}).{{}})"
        self.value(f"document.querySelector({selector!r}).scrollIntoView({{block: 'center'}})")
        x, y = self.value(script.format("getBoundingClientRect()"))
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def key(self, name: str) -> None:
        """Press and release a key; a single character is also typed."""
        text = {"text": name} if len(name) == 1 else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=name, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=name)

    def downloaded(self) -> Path:
        """The one file that was saved; it is moved away, so that the next is alone again."""
        end = time.monotonic() + TIMEOUT
        while not (files := [file for file in self.downloads.iterdir() if file.suffix == ".json"]):
            assert time.monotonic() < end, "nothing was saved"
            time.sleep(0.05)
        [file] = files
        return file.rename(self.downloads.parent / file.name)

    def close(self) -> None:
        os.close(self._commands)  # Chromium ends with its pipe
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._messages)


@pytest.fixture
def browser(tmp_path):
    """A headless Chromium; the test is skipped where there is none."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None or sys.platform == "win32":
        pytest.skip("no Chromium here")
    made = Browser(program, tmp_path)
    yield made
    made.close()
