"""A headless Chromium and one page in it, by the DevTools protocol over pipes."""

import base64
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def executable():
    """The browser's path, None when there is none."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class Page:
    """A page at an address. What its console says of errors is in `problems`.

    `patience` is in seconds; `processors` is how many the page is told that there are.
    """

    def __init__(self, url, *switches, patience=120, processors=None):
        self._patience = patience
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_browser, from_browser = os.pipe(), os.pipe()
        switches = (
            "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update",
            f"--user-data-dir={self._profile.name}", "--remote-debugging-pipe", *switches,
        )  # fmt: skip
        # It reads at 3 and writes at 4
        command = f'exec "$0" "$@" 3<&{to_browser[0]} 4>&{from_browser[1]}'
        self._process = subprocess.Popen(
            ["bash", "-c", command, executable(), *switches, "about:blank"],
            pass_fds=(to_browser[0], from_browser[1]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser[0])
        os.close(from_browser[1])
        self._write, self._read = to_browser[1], from_browser[0]
        self._answers, self._number, self._session = queue.Queue(), 0, None
        self.problems = []
        threading.Thread(target=self._listen, daemon=True).start()
        targets = self.call("Target.getTargets")["targetInfos"]
        (target,) = [each["targetId"] for each in targets if each["type"] == "page"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "DOM"):
            self.call(f"{domain}.enable")
        if processors:
            self.call("Emulation.setHardwareConcurrencyOverride", hardwareConcurrency=processors)
        self.call("Page.navigate", url=url)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(self._patience)
        os.close(self._write)
        self._profile.cleanup()

    def call(self, method, **parameters):
        """The result of a method of the protocol; RuntimeError when it is an error."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        with open(self._write, "wb", closefd=False) as pipe:
            pipe.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self._answers.get(timeout=self._patience)
            if answer["id"] == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def evaluate(self, expression):
        """The value of a JavaScript expression, or what it promises."""
        found = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in found:
            details = found["exceptionDetails"]
            raise RuntimeError(details.get("exception", {}).get("description", details["text"]))
        return found["result"].get("value")

    def until(self, expression):
        """Wait until a JavaScript expression is true; its value."""
        end = time.monotonic() + self._patience
        while time.monotonic() < end:
            value = self.evaluate(expression)
            if value:
                return value
            time.sleep(0.1)
        raise TimeoutError(f"never true: {expression} ({self.problems})")

    def resize(self, width, height, is_phone=False):
        """Give the window a size in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=2 if is_phone else 1, mobile=is_phone,
        )  # fmt: skip

    def color_scheme(self, name):
        """Prefer light or dark colors."""
        feature = {"name": "prefers-color-scheme", "value": name}
        self.call("Emulation.setEmulatedMedia", features=[feature])

    def choose_files(self, selector, paths):
        """Choose files in an <input type="file">."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path) for path in paths])

    def screenshot(self, path, whole=False):
        """Write a picture (.png), of the `whole` page or of what the window shows."""
        found = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        Path(path).write_bytes(base64.b64decode(found["data"]))

    def _listen(self):
        rest = b""
        while block := os.read(self._read, 1 << 16):
            *messages, rest = (rest + block).split(b"\0")
            for message in map(json.loads, messages):
                if "id" in message:
                    self._answers.put(message)
                else:
                    self._note(message)
        os.close(self._read)

    def _note(self, event):
        details = event["params"]
        if event["method"] == "Runtime.exceptionThrown":
            self.problems.append(str(details["exceptionDetails"]))
        elif event["method"] == "Log.entryAdded" and details["entry"]["level"] == "error":
            self.problems.append(f"{details['entry']['text']} {details['entry'].get('url', '')}")
        elif event["method"] == "Runtime.consoleAPICalled" and details["type"] == "error":
            self.problems.append(" ".join(str(each.get("value")) for each in details["args"]))
