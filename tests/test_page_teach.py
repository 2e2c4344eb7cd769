"""The page for teaching, in a real browser: from empty to live, with a microphone that hears a file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import PROGRAM, hearing
from conftest import write_wav
from service import running

import sutja

synth = pytest.importorskip("sutja.synth")
playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")

AXE = Path(__file__).parent / "web" / "node_modules" / "axe-core" / "axe.min.js"
RATE = 48_000
WORDS = {"lamp": "m3", "open": "f2"}


def said(word: str, variant: str) -> np.ndarray:
    return synth.synthesise(word, synth.Voice(variant=variant), sample_rate=RATE)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory) -> Path:
    """`microphone.wav` says "stop" again and again; the other words are files of three voices."""
    folder = tmp_path_factory.mktemp("words")
    rng = np.random.default_rng(0)
    spoken = rng.normal(0, 3e-4, round(2.0 * RATE)).astype(np.float32)
    stop = said("stop", "m3")
    spoken[20_000 : 20_000 + len(stop)] += 0.5 * stop
    write_wav(folder / "microphone.wav", spoken, RATE)
    for word in WORDS:
        for variant in ("m1", "m3", "f2"):
            write_wav(folder / f"{word}_{variant}.wav", said(word, variant), RATE)
    write_wav(folder / "silence.wav", np.zeros(RATE, dtype=np.float32), RATE)
    return folder


@pytest.fixture(scope="module")
def browser(sounds) -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        program = started.chromium.launch(executable_path=PROGRAM, args=hearing(sounds / "microphone.wav"))
        yield program
        program.close()


@pytest.fixture
def seen(browser, tmp_path) -> Iterator[Any]:
    """The page of an empty service; at the end nothing was complained of."""
    problems: list[str] = []
    with running("--teach", tmp_path / "taught") as process:
        context = browser.new_context(locale="en-GB")
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{process.url}teach")
        yield page
        context.close()
    assert problems == []


def add(page: Any, word: str) -> None:
    page.fill("#word", word)
    page.click("#add button")
    page.wait_for_selector(f"#words > li:has(b:text-is('{word}'))")


def bring(page: Any, word: str, *files: Path) -> None:
    item = page.locator(f"#words > li:has(b:text-is('{word}'))")
    before = item.locator("ul li").count()
    item.locator("input[type=file]").set_input_files(list(files))
    playwright.expect(item.locator("ul li")).to_have_count(before + len(files), timeout=60_000)


def test_from_empty_to_live_in_less_than_three_minutes(seen, sounds, tmp_path):
    started = time.monotonic()
    page = seen
    assert page.locator("#teach").is_disabled()
    page.fill("#speaker", "안나")
    add(page, "stop")
    for take in range(2):  # with the microphone
        page.click("text=Record “stop”")
        stop = page.locator("#words > li:has(b:text-is('stop'))")
        playwright.expect(stop.locator("ul li")).to_have_count(take + 1, timeout=60_000)
    for word in WORDS:
        add(page, word)
        bring(page, word, *(sounds / f"{word}_{variant}.wav" for variant in ("m1", "m3", "f2")))
    page.click("#teach")
    page.wait_for_selector("#result:visible")
    assert page.inner_text("#summary").endswith("% right")
    assert "how a new voice fares is not measured" in page.inner_text("#measured")
    assert any("Everything is one voice" in line for line in page.locator("#advice li").all_inner_texts())
    assert page.locator("#confusions tbody th").all_inner_texts() == ["lamp", "open", "stop"]
    page.click("#use")
    playwright.expect(page.locator("#use")).to_have_attribute("aria-pressed", "true")
    assert time.monotonic() - started < 180
    with page.expect_download() as download:
        page.click("#take-along")
    download.value.save_as(tmp_path / "my_words.zip")
    assert sutja.load(tmp_path / "my_words.zip").labels == ("lamp", "open", "stop")
    page.click("text=Speak to it")
    page.wait_for_selector("#hold:enabled")
    assert page.inner_text("#labels") == "lamp open stop"
    page.click("#to-teaching")
    page.wait_for_selector("#result:visible")
    page.click("#use")
    playwright.expect(page.locator("#use")).to_have_attribute("aria-pressed", "false")


def test_a_take_is_heard_taken_away_and_refused(seen, sounds):
    page = seen
    add(page, "lamp")
    bring(page, "lamp", sounds / "lamp_m1.wav")
    page.click("#words li li button:has-text('Play')")
    page.click("#words li li button:has-text('Remove')")
    playwright.expect(page.locator("#words > li")).to_have_count(0)
    add(page, "lamp")
    page.locator("#words input[type=file]").set_input_files(sounds / "silence.wav")
    page.wait_for_selector("#trouble:visible")
    assert "nothing was heard" in page.inner_text("#trouble")
    assert page.locator("#words li li").count() == 0


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("width", [390, 1280])
def test_everybody_can_use_it_in_both_languages(seen, sounds, language, width):
    page = seen
    page.set_viewport_size({"width": width, "height": 900})
    page.select_option("#language", language)
    for word in WORDS:
        add(page, word)
        bring(page, word, sounds / f"{word}_m1.wav", sounds / f"{word}_f2.wav")
    page.click("#teach")
    page.wait_for_selector("#result:visible")
    assert ("맞힘" if language == "ko" else "right") in page.inner_text("#summary")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if not AXE.exists():
        pytest.skip("axe-core is not installed (npm ci --prefix tests/web)")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")["violations"]
    assert [violation["id"] for violation in found] == []


def test_the_page_of_a_service_that_does_not_teach_offers_nothing(browser):
    with running() as process:
        page = browser.new_page()
        page.goto(process.url)
        page.wait_for_selector("#hold:enabled")
        assert page.locator("#to-teaching").is_hidden()
        assert page.goto(f"{process.url}teach").status == 404
        page.close()
