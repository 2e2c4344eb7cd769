"""The page for teaching, in a real browser: from empty to live, with a microphone that hears a file."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
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


def ran(program: list[str], code: str, folder: Path) -> str:
    """What a piece of code says that the page gives to copy."""
    ended = subprocess.run(program, check=False, capture_output=True, text=True, cwd=folder, input=code)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def is_drawn(page: Any, canvas: str) -> bool:
    """Whether a canvas shows more than one colour."""
    return page.locator(canvas).first.evaluate(
        """(canvas) => new Set(new Uint32Array(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
          .data.buffer)).size > 10"""
    )


def drawn(page: Any, canvas: str) -> None:
    """Wait until it does."""
    until = time.monotonic() + 30
    while not is_drawn(page, canvas):
        assert time.monotonic() < until, canvas
        time.sleep(0.05)


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
    page.click("#try")  # with the microphone, which says "stop"
    rows = page.locator("#tries tbody tr")
    playwright.expect(rows).to_have_count(1, timeout=60_000)
    assert page.locator("#tries tbody td").last.inner_text().startswith("stop ")
    playwright.expect(page.locator("#try")).to_have_attribute("aria-pressed", "false")
    page.set_input_files("#try-file", sounds / "open_m1.wav")
    playwright.expect(rows).to_have_count(2)
    assert rows.first.locator("td").last.inner_text().startswith("open ")
    assert page.locator("#tries thead th").all_inner_texts() == ["recording", "the first model", "what is taught now"]
    assert page.locator("#words > li li").count() == 8  # and none of it is kept
    rows.first.locator("button").click()
    page.set_input_files("#try-file", sounds / "silence.wav")
    page.wait_for_selector("#trouble:visible")
    page.click("#use")
    playwright.expect(page.locator("#use")).to_have_attribute("aria-pressed", "true")
    assert time.monotonic() - started < 180
    page.click("#teach")  # and the same recordings are judged again
    playwright.expect(page.locator("#tries thead th").nth(1)).to_have_text("what was taught before")
    assert rows.count() == 2
    for kind in ("zip", "onnx"):
        with page.expect_download() as download:
            page.click(f"#take-{kind}")
        download.value.save_as(tmp_path / f"my_words.{kind}")
    assert sutja.load(tmp_path / "my_words.zip").labels == ("lamp", "open", "stop")
    assert "waveform" in {each.name for each in onnxruntime.InferenceSession(tmp_path / "my_words.onnx").get_inputs()}
    shutil.copy(sounds / "open_m1.wav", tmp_path / "recording.wav")
    programs = {"Python": [sys.executable, "-"], "curl": ["sh"], "JavaScript": ["node", "--input-type=module", "-"]}
    for name, program in programs.items():
        if all(map(shutil.which, (program[0], *(["curl"] if name == "curl" else [])))):
            told = ran(program, page.inner_text(f"[data-code={name}]"), tmp_path)
            assert (json.loads(told)["label"] if name == "curl" else told.strip()) == "open", name
    page.click("text=Speak to it")
    page.wait_for_selector("#hold:enabled")
    assert page.inner_text("#labels") == "lamp open stop"
    page.click("#to-teaching")
    page.wait_for_selector("#result:visible")
    page.click("#use")
    playwright.expect(page.locator("#use")).to_have_attribute("aria-pressed", "false")


def test_hands_free_the_detector_cuts_take_after_take(seen):
    page = seen
    assert page.locator("#hands-free").is_disabled()
    add(page, "stop")
    page.fill("#wanted", "3")
    page.click("#hands-free")
    page.wait_for_selector("#level:visible")
    assert page.get_attribute("#hands-free", "aria-pressed") == "true"
    takes = page.locator("#words > li li")
    playwright.expect(takes).to_have_count(3, timeout=60_000)
    playwright.expect(page.locator("#hands-free")).to_have_attribute("aria-pressed", "false")
    assert page.locator("#recording").is_hidden()
    assert page.inner_text("#trouble") == ""
    for seconds in re.findall(r"me, ([\d.]+) s", " ".join(takes.all_inner_texts())):
        assert 0.2 < float(seconds) < 1.2  # one word with its margins, of the 2 s between them
    drawn(page, "canvas.look")
    page.click("#hands-free")
    playwright.expect(page.locator("#status")).to_have_text("You have as many takes of every word as you wanted.")


def test_recording_is_stopped_with_the_button(seen):
    page = seen
    add(page, "stop")
    page.click("#hands-free")
    page.wait_for_selector("#recording:visible")
    page.click("#hands-free")
    playwright.expect(page.locator("#hands-free")).to_have_attribute("aria-pressed", "false")
    assert page.locator("#recording").is_hidden()
    assert page.locator("#words li li").count() == 0


def test_a_tab_that_is_closed_in_the_middle_leaves_all_whole(seen):
    page = seen
    add(page, "stop")
    page.fill("#wanted", "50")
    page.click("#hands-free")
    playwright.expect(page.locator("#words > li li")).to_have_count(1, timeout=60_000)
    other = page.context.new_page()  # it is recorded in the first one meanwhile
    other.goto(page.url)
    other.wait_for_selector("#words > li li")
    page.close()
    other.reload()
    other.wait_for_selector("#words > li li")
    n_takes = other.locator("#words > li li").count()
    other.click("text=Record “stop”")
    playwright.expect(other.locator("#words > li li")).to_have_count(n_takes + 1, timeout=60_000)
    other.close()


def test_what_somebody_else_took_away_is_said_and_gone(seen, sounds):
    page = seen
    add(page, "lamp")
    bring(page, "lamp", sounds / "lamp_m1.wav", sounds / "lamp_f2.wav")
    other = page.context.new_page()
    other.goto(page.url)
    other.locator("#words li li button:has-text('Remove')").first.click()
    playwright.expect(other.locator("#words li li")).to_have_count(1)
    other.close()
    page.locator("#words li li button:has-text('Remove')").first.click()
    page.wait_for_selector("#trouble:visible")
    assert "is not there" in page.inner_text("#trouble")
    playwright.expect(page.locator("#words li li")).to_have_count(1)


def test_the_focus_stays_where_it_was(seen, sounds):
    page = seen
    add(page, "lamp")
    bring(page, "lamp", sounds / "lamp_m1.wav", sounds / "lamp_f2.wav")
    for left, focused in ((1, "remove lamp 0"), (0, "word")):
        page.locator("#words li li button:has-text('Remove')").first.focus()
        page.keyboard.press("Enter")
        playwright.expect(page.locator("#words li li")).to_have_count(left)
        assert page.evaluate("document.activeElement.dataset.key ?? document.activeElement.id") == focused


def test_what_was_heard_wrongly_is_kept_as_a_take(seen, sounds):
    page = seen
    add(page, "불 켜")
    bring(page, "불 켜", sounds / "lamp_m1.wav")
    page.click("text=Speak to it")
    page.wait_for_selector("#keeping:visible")
    assert "keeps what you teach it" in page.inner_text("#privacy")
    page.set_input_files("#file", sounds / "lamp_f2.wav")
    page.wait_for_selector("#history li")
    choose(page, "1")
    assert page.locator("#history small:has-text('kept')").count() == 0  # nobody asked for it
    page.check("#keep")
    choose(page, "불 켜")
    page.wait_for_selector("text=kept as a take of 불 켜")
    choose(page, "2")
    page.wait_for_selector("text=kept as a take of 2")
    assert kept(page) == {"불 켜": 1, "2": 1}
    choose(page, "none of these")
    playwright.expect(page.locator("#history small:has-text('kept')")).to_have_count(0)
    until = time.monotonic() + 20
    while kept(page) != {"불 켜": 1}:
        assert time.monotonic() < until
    page.set_input_files("#file", sounds / "silence.wav")


def choose(page: Any, label: str) -> None:
    page.locator("#history li").first.locator(f".labels button:text-is('{label}')").click()


def kept(page: Any) -> dict[str, int]:
    found = page.evaluate("fetch('v1/teach').then((answer) => answer.json())")
    return {word["label"]: word["n_takes"] for word in found["words"]}


@pytest.mark.parametrize("width", [390, 1280])
def test_two_hundred_words_with_spaces(seen, sounds, width):
    page = seen
    labels = [f"불 켜 {n}번 방에서 지금" for n in range(200)]
    takes = [
        {"name": f"{n}/a_{take}.wav", "label": label, "speaker": "안나 킴", "seconds": 0.5, "peak_dbfs": -6.0}
        for n, label in enumerate(labels)
        for take in range(3)
    ]
    matrix = [[3 if i == j else 0 for j in range(200)] for i in range(200)]
    matrix[7][9], matrix[7][7] = 2, 1
    words = [{"label": label, "n_takes": 3, "speakers": ["안나 킴"]} for label in labels]
    text = {"en": "Everything is one voice.", "ko": "모두 한 목소리입니다."}
    taught = {
        "labels": labels, "protocol": "clips", "n_clips": 600, "n_speakers": 1, "accuracy": 0.99, "interval95": None,
        "confusion_matrix": matrix, "refused": 0.05, "others_taken": 0.01,
        "confused": [{"name": f"7/a_{take}.wav", "label": labels[7], "heard": labels[9]} for take in (0, 1, 9)],
        "advice": [{"kind": "one_voice", "text": text}],
    }  # fmt: skip
    answer = {"takes": takes, "words": words, "taught": taught, "in_use": "first"}
    page.route("**/v1/teach", lambda route: route.fulfill(json=answer))
    page.route("**/v1/teach/takes/**", lambda route: route.fulfill(path=sounds / "lamp_m1.wav"))
    page.set_viewport_size({"width": width, "height": 900})
    page.reload()
    playwright.expect(page.locator("#words > li")).to_have_count(200)
    page.wait_for_selector("#result:visible")
    heads = [labels[7], labels[9]]
    assert page.locator("#confusions tbody th").all_inner_texts() == heads
    assert "198 words" in page.inner_text("#confusions caption")
    assert (
        page.locator("#confused small").all_inner_texts() == [f"{labels[7]}, taken for {labels[9]}"] * 2
    )  # one is gone
    page.locator("#confused button").first.click()
    drawn(page, "#confused canvas")
    assert page.locator("#trouble").is_hidden()
    drawn(page, "canvas.look")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


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
    page.set_input_files("#try-file", [sounds / f"{word}_m3.wav" for word in WORDS])
    playwright.expect(page.locator("#tries tbody tr")).to_have_count(2, timeout=60_000)
    assert ("처음 모델" if language == "ko" else "the first model") in page.inner_text("#tries")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for theme in ("light", "dark"):
        page.select_option("#theme", theme)
        assert violations(page) == []
    page.locator("#words li li button").first.scroll_into_view_if_needed()
    page.click("#hands-free")
    page.wait_for_selector("#recording:visible")
    assert violations(page) == []
    page.click("#hands-free")
    page.click("header a")
    page.wait_for_selector("#keeping:visible")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []


def violations(page: Any) -> list[str]:
    """What axe-core says against the page, where it is installed."""
    if not AXE.exists():
        return []
    page.evaluate(AXE.read_text(encoding="utf-8"))
    return [violation["id"] for violation in page.evaluate("axe.run()")["violations"]]


def test_the_page_of_a_service_that_does_not_teach_offers_nothing(browser):
    with running() as process:
        page = browser.new_page()
        page.goto(process.url)
        page.wait_for_selector("#hold:enabled")
        assert page.locator("#to-teaching").is_hidden()
        assert page.goto(f"{process.url}teach").status == 404
        page.close()
