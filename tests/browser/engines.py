"""Three engines behind one small interface: Chromium, Firefox and WebKit."""

import json
import os
import shutil
import subprocess
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import websocket
from playwright.sync_api import Error, Page
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.webkitgtk.service import Service

FIREFOXES = ("firefox-esr", "firefox")
FIREFOX_SETTINGS = {
    "app.normandy.enabled": False,
    "app.update.auto": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "remote.prefs.recommended": True,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "ui.prefersReducedMotion": 1,
}


class FirefoxError(Exception):
    """Firefox refused a command."""


FAILURES = (Error, FirefoxError, WebDriverException)
"""What `Window.run` raises, for one, while another page is being loaded."""


DRAW = """async () => {
for (let frames = 0; frames < 2; frames++) await new Promise(requestAnimationFrame); }"""
SCROLL_TO = f"""async selector => {{ const found = document.querySelector(selector);
found.scrollIntoView({{behavior: "instant", block: "center"}});
await ({DRAW})();
return found; }}"""
"""A click lands on what Firefox drew last."""


class Window(Protocol):
    """A window of one user, who shares no cookies with another."""

    problems: list[str]
    """The errors of its console, where the engine tells."""

    def open(self, url: str) -> None:
        """Open an address; return once the page is loaded."""

    def run(self, function: str, *values: Any) -> Any:
        """Call a JavaScript function with these JSON values; return what it returns."""

    def click(self, selector: str) -> None:
        """Click the middle of an element with the mouse."""

    def type(self, text: str) -> None:
        """Press the keys of this text, one after the other."""

    def back(self) -> None:
        """Go back in the history."""

    def forward(self) -> None:
        """Go forward in the history."""

    def reload(self) -> None:
        """Load the page again."""

    def close(self) -> None:
        """Close the window."""


class Chromium:
    """A window of Chromium, by Playwright."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []  # `open_browser` checks them
        self.click, self.type, self.close = page.click, page.keyboard.type, page.close
        self.open, self.reload = page.goto, page.reload
        self.back, self.forward = page.go_back, page.go_forward

    def run(self, function: str, *values: Any) -> Any:
        return self.page.evaluate(f"values => ({function})(...values)", list(values))


class Firefox:
    """Firefox, without a window on the screen, by WebDriver BiDi."""

    def __init__(self, profile: Path) -> None:
        path = next(filter(None, map(shutil.which, FIREFOXES)))
        lines = [
            f"user_pref({json.dumps(name)}, {json.dumps(value)});\n"
            for name, value in FIREFOX_SETTINGS.items()
        ]
        (profile / "user.js").write_text("".join(lines), encoding="utf-8")
        options = ["--headless", "--no-remote", "--remote-debugging-port=0", "--profile"]
        self.process = subprocess.Popen(
            [path, *options, str(profile)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        found = profile / "WebDriverBiDiServer.json"
        wait_until(lambda: found.exists() and found.read_text().endswith("}"), seconds=60)
        port = json.loads(found.read_text())["ws_port"]
        address = f"ws://127.0.0.1:{port}/session"
        self.socket = websocket.create_connection(address, timeout=60, suppress_origin=True)
        self.problems: dict[str | None, list[str]] = defaultdict(list)
        self.number = 0
        self.send("session.new", capabilities={})
        self.send("session.subscribe", events=["log.entryAdded"])

    def send(self, method: str, **params: Any) -> dict:
        """Send a command; return its result, and note the errors that come before it."""
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv())
            if message["type"] == "event":
                self._note(message["params"])
            elif message["id"] == self.number:
                if message["type"] == "error":
                    raise FirefoxError(method, message["error"], message["message"])
                return message["result"]

    def _note(self, entry: dict) -> None:
        if entry["level"] == "error":
            self.problems[entry["source"].get("context")].append(entry["text"])

    def new_window(self) -> "FirefoxWindow":
        """Open a window for a new user."""
        return FirefoxWindow(self)

    def close(self) -> None:
        """End the browser."""
        self.socket.close()
        self.process.terminate()
        self.process.wait(timeout=30)


class FirefoxWindow:
    """A window of Firefox."""

    def __init__(self, firefox: Firefox) -> None:
        self.firefox = firefox
        self.user = firefox.send("browser.createUserContext")["userContext"]
        made = firefox.send("browsingContext.create", type="window", userContext=self.user)
        self.context = made["context"]
        self.problems = firefox.problems[self.context]

    def _send(self, method: str, **params: Any) -> dict:
        return self.firefox.send(method, context=self.context, **params)

    def _call(self, function: str, values: str) -> dict:
        done = self.firefox.send(
            "script.callFunction",
            functionDeclaration=function,
            arguments=[{"type": "string", "value": values}],
            awaitPromise=True,
            target={"context": self.context},
        )
        if done["type"] == "exception":
            raise FirefoxError(done["exceptionDetails"]["text"])
        return done["result"]

    def open(self, url: str) -> None:
        self._send("browsingContext.navigate", url=url, wait="complete")

    def run(self, function: str, *values: Any) -> Any:
        called = f"values => JSON.stringify(({function})(...JSON.parse(values)) ?? null)"
        return json.loads(self._call(called, json.dumps(values))["value"])

    def click(self, selector: str) -> None:
        self._send("browsingContext.activate")
        node = self._call(SCROLL_TO, selector)
        origin = {"type": "element", "element": {"sharedId": node["sharedId"]}}
        move = {"type": "pointerMove", "x": 0, "y": 0, "origin": origin}
        press = [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        self._perform({"type": "pointer", "id": "mouse", "actions": [move, *press]})

    def type(self, text: str) -> None:
        keys = [
            {"type": kind, "value": {"\n": "\ue007"}.get(key, key)}
            for key in text
            for kind in ("keyDown", "keyUp")
        ]
        self._perform({"type": "key", "id": "keyboard", "actions": keys})
        self._call(DRAW, "")  # Firefox scrolls to what was typed when it draws the next frame

    def _perform(self, actions: dict) -> None:
        self._send("input.performActions", actions=[actions])

    def back(self) -> None:
        self._send("browsingContext.traverseHistory", delta=-1)

    def forward(self) -> None:
        self._send("browsingContext.traverseHistory", delta=1)

    def reload(self) -> None:
        self._send("browsingContext.reload", wait="complete")

    def close(self) -> None:
        self.firefox.send("browser.removeUserContext", userContext=self.user)


class WebKit:
    """WebKitGTK's browser on a screen of its own, by Selenium."""

    def __init__(self) -> None:
        read, write = os.pipe()
        self.screen = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x1024x24", "-nolisten", "tcp"],
            pass_fds=[write],
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as display:
            self.display = f":{display.readline().strip()}"

    def new_window(self) -> "WebKitWindow":
        """Open a window for a new user."""
        return WebKitWindow(self.display)

    def close(self) -> None:
        """End the screen."""
        self.screen.terminate()
        self.screen.wait(timeout=30)


class WebKitWindow:
    """A window of WebKitGTK's browser, which is a process of its own."""

    def __init__(self, display: str) -> None:
        service = Service(shutil.which("WebKitWebDriver"), env={**os.environ, "DISPLAY": display})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of Selenium, about itself
            self.driver = webdriver.WebKitGTK(service=service)
        self.problems: list[str] = []  # WebKit's driver does not tell
        self.open, self.reload, self.close = (
            self.driver.get,
            self.driver.refresh,
            self.driver.quit,
        )
        self.back, self.forward = self.driver.back, self.driver.forward

    def run(self, function: str, *values: Any) -> Any:
        return self.driver.execute_script(f"return ({function})(...arguments)", *values)

    def click(self, selector: str) -> None:
        self.driver.find_element(By.CSS_SELECTOR, selector).click()

    def type(self, text: str) -> None:
        ActionChains(self.driver, duration=0).send_keys(text.replace("\n", "\ue007")).perform()


def wait_until(condition: Callable[[], Any], seconds: int = 15) -> None:
    """Wait until `condition` is true."""
    for _ in range(seconds * 20):
        if condition():
            return
        time.sleep(0.05)
    raise TimeoutError(condition)
