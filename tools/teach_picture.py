"""Make the picture of the page that teaches anew: `python tools/teach_picture.py [FOLDER]`, docs/images if not said.

A service on loopback, an empty folder of takes: synthetic voices say the words, so that nobody is in the picture.
Needs the extras `serve`, `synth` and `dev`, and Chromium; half a minute.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests"))

from chromium import PROGRAM  # noqa: E402  beside the tests
from conftest import write_wav  # noqa: E402
from service import running  # noqa: E402

from sutja.synth import Voice, synthesise  # noqa: E402

RATE = 48_000
WORDS, VOICES = ("lamp off", "lamp on", "stop"), ("m1", "m3", "f2")
PATIENCE_MS = 120_000
WIDTH, MARGIN = 1000, 16  # pixels


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images"
    with tempfile.TemporaryDirectory() as work, running("--teach", Path(work) / "taught") as service:
        sounds = made_sounds(Path(work))
        with sync_playwright() as started:
            browser = started.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox"])
            page = browser.new_context(locale="en-GB", viewport={"width": WIDTH, "height": 900}).new_page()
            page.set_default_timeout(PATIENCE_MS)
            page.goto(f"{service.url}teach")
            teach(page, sounds)
            page.evaluate("scrollTo(0, 0)")  # boxes are told from what is seen
            seen = page.locator("#result").bounding_box()
            height = seen["y"] + seen["height"] + MARGIN  # what is taken along comes below
            clip = {"x": 0, "y": 0, "width": WIDTH, "height": height}
            page.screenshot(path=folder / "teach.png", full_page=True, clip=clip)
            browser.close()


def made_sounds(folder: Path) -> Path:
    """Say each word in three voices."""
    for word in WORDS:
        for variant in VOICES:
            said = synthesise(word, Voice(variant=variant), sample_rate=RATE)
            write_wav(folder / f"{word}_{variant}.wav", said, RATE)
    return folder


def teach(page: Any, sounds: Path) -> None:
    """Bring the takes, teach, and try two words beside the model from before."""
    page.fill("#speaker", "anna")
    page.fill("#wanted", "3")
    for word in WORDS:
        page.fill("#word", word)
        page.click("#add button")
        item = page.locator(f"#words > li:has(b:text-is('{word}'))")
        item.locator("input[type=file]").set_input_files([sounds / f"{word}_{variant}.wav" for variant in VOICES])
        expect(item.locator("ul li")).to_have_count(len(VOICES), timeout=PATIENCE_MS)
    page.click("#teach")
    page.wait_for_selector("#result:visible")
    page.set_input_files("#try-file", [sounds / "lamp on_f2.wav", sounds / "stop_m1.wav"])
    expect(page.locator("#tries tbody tr")).to_have_count(2, timeout=PATIENCE_MS)


if __name__ == "__main__":
    main()
