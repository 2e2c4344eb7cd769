"""The page, in a real browser with a microphone that hears a file: spoken to, corrected, downloaded, looked at."""

from __future__ import annotations

import base64
import io
import re
import socket
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import uvicorn
from chromium import PROGRAM, hearing
from conftest import write_wav
from helpers import sutja, tiny_study
from service import app, model, running
from starlette.applications import Starlette
from starlette.routing import Mount
from strings import string_folder, write_said

import sutja as package
from sutja.dataset import scan
from sutja.predictor import Prediction

synth = pytest.importorskip("sutja.synth")
playwright = pytest.importorskip("playwright.sync_api")
playwright.expect.set_options(timeout=60_000)  # of a machine that is busy; what comes sooner is not waited for
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")

ROOT = Path(__file__).parents[1]
AXE = ROOT / "tests" / "web" / "node_modules" / "axe-core" / "axe.min.js"
ASKED = "**/v1/predict?features=true&explain=true"
RATE = 48_000
HOLD_MS = 2_600  # longer than the microphone's file, so that one whole word is in it
DESKTOP = {"width": 1100, "height": 900}
PHONE = {"width": 390, "height": 844}


@dataclass(frozen=True)
class Word:
    """A synthetic word that the shipped model is sure of, whatever its weights are today."""

    label: str
    waveform: np.ndarray
    prediction: Prediction


@pytest.fixture(scope="module")
def word() -> Word:
    said = []
    for label, text in synth.digit_words("en").items():
        for variant in ("m3", "f2"):
            waveform = synth.synthesise(text, synth.Voice(variant=variant), sample_rate=RATE)
            prediction = model().predict(waveform, sample_rate=RATE)
            if prediction.label == label:
                said.append(Word(label, waveform, prediction))
    return max(said, key=lambda word: word.prediction.probability)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory, word) -> Path:
    """What is spoken and dropped: ``microphone.wav`` (2.2 s, again and again), ``word.wav``, ``noise.flac``."""
    folder = tmp_path_factory.mktemp("소리")
    rng = np.random.default_rng(0)
    spoken = rng.normal(0, 3e-4, round(2.2 * RATE)).astype(np.float32)
    start = round(0.6 * RATE)
    spoken[start : start + len(word.waveform)] += 0.5 * word.waveform
    write_wav(folder / "microphone.wav", spoken, RATE)
    write_wav(folder / "word.wav", word.waveform, RATE)
    with (folder / "noise.flac").open("wb") as file:
        soundfile.write(file, 0.1 * rng.normal(size=16_000), 16_000, format="FLAC")
    write_wav(folder / "silence.wav", np.zeros(RATE, dtype=np.float32), RATE)
    (folder / "text.wav").write_text("no sound", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running() as process:
        yield process.url


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        yield started.chromium


@pytest.fixture(scope="module")
def browser(chromium, sounds) -> Iterator[Any]:
    program = chromium.launch(executable_path=PROGRAM, args=hearing(sounds / "microphone.wav"))
    yield program
    program.close()


class Seen:
    """A page, and what it complained of or asked others for."""

    def __init__(self, browser: Any, url: str, **settings: Any) -> None:
        self.problems: list[str] = []
        self.context = browser.new_context(**{"viewport": DESKTOP, "locale": "en-GB"} | settings)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)  # other tests run beside it
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda request: self._request(request.url, url))
        self.page.goto(url)

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning", "assert"):
            self.problems.append(message.text)

    def _request(self, asked: str, url: str) -> None:
        if not asked.startswith((url, "blob:", "data:")):
            self.problems.append(f"asks for {asked}")

    def text(self, selector: str) -> str:
        found: str = self.page.locator(selector).inner_text()
        return found

    def ready(self) -> Any:
        self.page.wait_for_selector("#hold:enabled")
        return self.page

    def explained(self) -> Any:
        self.page.wait_for_selector("canvas[data-kind=mattered]")
        return self.page

    def hold(self, milliseconds: int = HOLD_MS) -> None:
        """Hold the button while the microphone's file goes by once; the first press only lets the browser ask."""
        self.ready().locator("#hold").hover()
        self.page.mouse.down()
        self.page.wait_for_selector("#hold.on")
        self.page.wait_for_timeout(milliseconds)
        self.page.mouse.up()

    def choose(self, *files: Path) -> None:
        before = self.page.locator("#history li").count()
        self.ready().set_input_files("#file", list(files))
        playwright.expect(self.page.locator("#history li")).to_have_count(before + len(files))
        playwright.expect(self.page.locator("#status")).to_be_empty()  # it is done


@pytest.fixture
def open_page(browser, url) -> Iterator[Any]:
    """Open the page; at the end it must have been quiet and have asked nobody else."""
    opened: list[Seen] = []

    def open_it(address: str = url, **settings: Any) -> Seen:
        opened.append(Seen(browser, address, **settings))
        return opened[-1]

    yield open_it
    for seen in opened:
        seen.context.close()
        assert seen.problems == []


def shown(page: Any) -> dict[str, str]:
    """What stands beside each label's bar."""
    labels, shares = (page.locator(f"#bars tbody {kind}").all_inner_texts() for kind in ("th", ".n"))
    return dict(zip(labels, shares, strict=True))


def percents(prediction: Prediction) -> dict[str, str]:
    return {label: f"{100 * p:.1f} %" for label, p in prediction.probabilities.items()}


ASK = """async (content) => {
    const { predict } = await import("/static/service.js");
    const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
    return (await predict(bytes, { explain: false })).prediction.probabilities;
}"""


def filled(page: Any, kind: str) -> bool:
    """Whether something was drawn on a canvas: more than one colour."""
    script = """(canvas) => new Set(new Uint32Array(
        canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size > 5"""
    return bool(page.locator(f"canvas[data-kind={kind}]").evaluate(script))


# -- speaking ---------------------------------------------------------------------------------------------------------


def test_hold_speak_and_see_the_digit(open_page, word):
    seen = open_page()
    with seen.page.expect_response(ASKED) as answered:
        seen.hold()
    seen.explained()
    assert seen.text("#said") == word.label
    assert "% sure" in seen.text("#sure")
    assert seen.text("tr.best th") == word.label
    assert seen.text("#history .heard b") == word.label
    assert filled(seen.page, "seen-mel")
    assert filled(seen.page, "mattered")
    sent = answered.value.request.post_data_buffer
    with soundfile.SoundFile(io.BytesIO(sent)) as file:
        assert file.samplerate == seen.page.evaluate("new AudioContext().sampleRate")  # the microphone's own
        assert (file.channels, file.subtype) == (1, "PCM_16")
        assert len(file) < 1.5 * file.samplerate  # the pauses around the word are not sent
    assert shown(seen.page) == percents(model().predict(sent))


def test_the_keyboard_alone_will_do(open_page, word):
    seen = open_page()
    page = seen.ready()
    page.keyboard.press("Space")  # a short press starts
    page.wait_for_selector("#hold.on")
    assert seen.text("#hold-text") == "Speak, then press again"
    page.wait_for_timeout(HOLD_MS)
    page.keyboard.press("Space")
    seen.explained()
    assert seen.text("#said") == word.label
    page.focus("#hold")
    page.keyboard.down("Enter")
    page.wait_for_selector("#hold.on")
    page.wait_for_timeout(HOLD_MS)
    page.keyboard.up("Enter")
    page.wait_for_selector("#history li:nth-child(2)")
    assert page.locator("#history .heard b").all_inner_texts() == [word.label] * 2
    page.focus("#speaker")
    page.keyboard.press("Space")  # writes a space there
    assert page.locator("#hold.on").count() == 0


def test_a_screen_readers_press_starts_and_stops(open_page):
    seen = open_page()
    page = seen.ready()
    page.locator("#hold").evaluate("(button) => button.click()")
    page.wait_for_selector("#hold.on")
    page.wait_for_timeout(HOLD_MS)
    page.locator("#hold").evaluate("(button) => button.click()")
    page.wait_for_selector("#history li")


def test_listening_all_the_time_tells_each_word(open_page, word):
    seen = open_page()
    seen.ready().click("#listen")
    seen.page.wait_for_selector("#words span:nth-child(2)")
    seen.page.wait_for_selector("#level:visible")
    assert "dB" in seen.text("#level-text")
    seen.page.click("#listen")
    seen.page.wait_for_selector("#listen[aria-pressed=false]")
    assert word.label in seen.text("#words").split()
    spoken = seen.page.locator("#history li", has_text=word.label).first
    spoken.get_by_role("button", name="Show").click()  # what mattered is asked for when it is wanted
    seen.explained()
    assert seen.text("#said") == word.label


@pytest.mark.parametrize(
    ("name", "told"), [("NotAllowedError", "Allow it beside the address"), ("NotFoundError", "No microphone was found")]
)
def test_without_a_microphone_it_says_so(open_page, name, told):
    seen = open_page()
    seen.ready().evaluate(
        """(name) => {
            navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", name));
        }""",
        name,
    )
    seen.page.click("#hold")
    seen.page.wait_for_selector("#trouble:visible")
    assert told in seen.text("#trouble")


# -- one upload a word ------------------------------------------------------------------------------------------------


def uploads(page: Any) -> list[str]:
    """What is sent to be heard, from now on."""
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    return sent


def test_a_word_is_sent_once(open_page, word):
    seen = open_page()
    sent = uploads(seen.ready())
    seen.hold()
    seen.explained()
    seen.page.get_by_role("button", name="Show").click()  # all is known of it
    playwright.expect(seen.page.locator("#status")).to_be_empty()
    assert len(sent) == 1
    assert seen.text("#said") == word.label


def test_a_word_of_the_stream_is_sent_once_more_when_it_is_looked_at(open_page):
    seen = open_page()
    page = seen.ready()
    sent = uploads(page)
    page.click("#listen")
    page.wait_for_selector("#words span")
    page.click("#listen")
    page.wait_for_selector("#listen[aria-pressed=false]")
    assert sent == []
    for _ in range(2):
        page.get_by_role("button", name="Show").last.click()
        seen.explained()
    assert len(sent) == 1


def test_the_answer_is_shown_before_what_mattered_is_known(open_page, sounds, word):
    """Here the service never comes to the second line: it is held back on the way."""
    seen = open_page()
    seen.ready().evaluate(
        """() => {
            const ask = window.fetch;
            window.fetch = async (...given) => {
                const response = await ask(...given);
                if (response.headers.get("content-type") !== "application/x-ndjson") return response;
                const [first] = (await response.text()).split("\\n");
                const line = new TextEncoder().encode(first + "\\n");
                return new Response(new ReadableStream({ start: (stream) => stream.enqueue(line) }), response);
            };
        }"""
    )
    seen.page.set_input_files("#file", sounds / "word.wav")
    seen.page.wait_for_selector("canvas[data-kind=seen-mel]")
    assert seen.text("#said") == word.label
    assert seen.text("#status") == "Looking for what mattered…"
    assert seen.page.locator("canvas[data-kind=mattered]").count() == 0
    assert seen.page.locator("#play-part").is_disabled()


def with_card(page: Any, **changes: Any) -> None:
    """Let the service say other things of its model."""

    def answer(route: Any) -> None:
        route.fulfill(json=route.fetch().json() | changes)

    page.route("**/model", answer)
    page.reload()


def test_a_service_that_cannot_explain_is_not_asked_to(open_page, sounds, word):
    seen = open_page()
    with_card(seen.page, can_explain=False, language="ko")
    sent = uploads(seen.page)
    seen.choose(sounds / "word.wav")
    assert seen.text("#said") == word.label
    assert [address.partition("?")[2] for address in sent] == ["features=true&explain=false"]
    assert filled(seen.page, "seen-mel")
    assert seen.page.locator("canvas[data-kind=mattered]").count() == 0
    assert seen.page.locator("#play-part").is_hidden()
    assert seen.text("#why-title") == "What the network saw"
    seen.page.select_option("#language", "ko")
    assert seen.text("#why-title") == "신경망이 본 것"
    assert seen.page.locator("#labels").get_attribute("lang") == "ko"


def test_a_kind_that_the_service_does_not_decode_is_decoded_here(open_page, sounds, word):
    seen = open_page()
    with_card(seen.page, suffixes=[".flac"])
    with seen.page.expect_response(ASKED) as answered:
        seen.choose(sounds / "word.wav")
    with soundfile.SoundFile(io.BytesIO(answered.value.request.post_data_buffer)) as file:
        assert (file.samplerate, file.subtype) == (48_000, "PCM_16")
    assert seen.text("#said") == word.label
    assert seen.page.locator("#file").get_attribute("accept") == "audio/*,.flac"


# -- below a prefix ---------------------------------------------------------------------------------------------------


@pytest.fixture
def below() -> Iterator[str]:
    """The service as a part of another one, at /sutja/."""
    outer = Starlette(routes=[Mount("/sutja", app())])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(outer, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/sutja/"
        server.should_exit = True
        thread.join(30)


def test_below_a_prefix_it_hears_shows_remembers_and_hands_over(open_page, below, sounds, word, tmp_path):
    """`Seen` finds fault with every request for what is not below the prefix."""
    seen = open_page(below)
    seen.hold()
    seen.explained()
    assert seen.text("#said") == word.label
    assert filled(seen.page, "mattered")
    seen.choose(sounds / "noise.flac")
    page = seen.page
    with page.expect_download() as download:
        page.click("#download")
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "mine")
    assert [clip.label for clip in scan(tmp_path / "mine").clips] == [word.label, None]
    page.click("#listen")
    page.wait_for_selector("#words span")
    page.click("#listen")
    page.wait_for_selector("#listen[aria-pressed=false]")
    page.click("footer a")
    assert page.url == f"{below}docs"
    assert page.get_by_text("openapi.json").evaluate("(link) => link.href") == f"{below}openapi.json"
    seen.context.close()


def test_without_its_slash_and_by_its_files_name_it_is_the_same_page(open_page, below):
    for address in (below.removesuffix("/"), f"{below}static/index.html#token=abc"):
        seen = open_page(address)
        seen.ready()
        assert seen.page.url.partition("#")[0] == below
        assert seen.page.evaluate("location.hash") == ("#token=abc" if "#" in address else "")
        assert [problem for problem in seen.problems if not problem.startswith(f"asks for {below}")] == []
        seen.problems.clear()
        seen.context.close()


# -- files ------------------------------------------------------------------------------------------------------------


def test_a_chosen_file_gets_pythons_answer(open_page, sounds, word):
    seen = open_page()
    with seen.page.expect_response(ASKED) as answered:
        seen.choose(sounds / "word.wav")
    assert seen.text("#said") == word.label
    content = (sounds / "word.wav").read_bytes()
    assert answered.value.request.post_data_buffer == content  # as it is
    expected = model().predict(content)
    assert shown(seen.page) == percents(expected)
    told = seen.page.evaluate(ASK, base64.b64encode(content).decode())
    assert told == pytest.approx(expected.probabilities, abs=1e-6)


def test_dropped_noise_is_plainly_refused(open_page, sounds):
    assert model().predict(sounds / "noise.flac").rejected
    seen = open_page()
    content = base64.b64encode((sounds / "noise.flac").read_bytes()).decode()
    seen.ready().evaluate(
        """(content) => {
            const transfer = new DataTransfer();
            const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
            transfer.items.add(new File([bytes], "noise.flac"));
            for (const type of ["dragover", "drop"]) {
                document.body.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true }));
            }
        }""",
        content,
    )
    seen.explained()
    assert seen.text("#said") == "Not a digit"
    assert seen.text("#sure").startswith("Nearest was ")
    assert seen.page.locator("#history .labels [aria-pressed=true]").inner_text() == "none of these"
    assert seen.page.locator("#veil").is_hidden()


def test_what_is_no_recording_gets_the_services_sentence(open_page, sounds):
    seen = open_page()
    seen.ready().set_input_files("#file", sounds / "text.wav")
    seen.page.wait_for_selector("#trouble:visible")
    assert "cannot be decoded" in seen.text("#trouble")
    seen.problems[:] = [told for told in seen.problems if "422" not in told]  # the browser's own note of the status
    seen.choose(sounds / "word.wav")
    assert seen.page.locator("#trouble").is_hidden()


def test_a_file_that_fails_takes_the_old_answer_away_and_is_named(open_page, sounds):
    seen = open_page()
    seen.ready().set_input_files("#file", sounds / "word.wav")
    seen.page.wait_for_selector("#bars-box:visible")
    seen.page.set_input_files("#file", [sounds / "text.wav", sounds / "silence.wav"])
    playwright.expect(seen.page.locator("#trouble")).to_contain_text("silence.wav")
    assert seen.text("#trouble").startswith("text.wav: ")
    assert "every sample is zero" in seen.text("#trouble")
    assert seen.text("#said") == "Nothing yet"
    assert seen.page.locator("#bars-box").is_hidden()
    assert seen.page.locator("#why").is_hidden()
    assert seen.page.locator("#history li").count() == 1
    seen.problems[:] = [told for told in seen.problems if "422" not in told]


def test_in_korean_a_refusal_is_korean(open_page, sounds):
    seen = open_page(locale="ko-KR")
    seen.ready().set_input_files("#file", [sounds / "text.wav", sounds / "silence.wav", sounds / "word.wav"])
    seen.page.wait_for_selector("#bars-box:visible")  # the last one has an answer, the troubles stay
    told = seen.text("#trouble").splitlines()
    assert [line.partition(": ")[0] for line in told] == ["text.wav", "silence.wav"]
    assert "해독할 수 없습니다" in told[0]
    assert "아무 소리도" in told[1]
    assert not re.search("[a-z]{7}", told[1].partition(": ")[2])
    seen.problems[:] = [told for told in seen.problems if "422" not in told]


def test_only_what_mattered_is_played(open_page, sounds):
    seen = open_page()
    seen.choose(sounds / "word.wav")
    page = seen.explained()
    page.evaluate(
        """() => {
            window.played = [];
            const start = AudioBufferSourceNode.prototype.start;
            AudioBufferSourceNode.prototype.start = function (when, offset, duration) {
                window.played.push([offset, offset + duration]);
                return start.call(this, when, offset, duration);
            };
        }"""
    )
    page.click("#play-part")
    segments = page.evaluate("window.played")
    expected = package.explain(model(), sounds / "word.wav").segments
    assert np.array(segments) == pytest.approx(np.array(expected), abs=1e-6)
    page.evaluate("() => { window.played = []; }")
    page.click("#play-all")
    (whole,) = page.evaluate("window.played")
    assert whole == pytest.approx([0, soundfile.info(sounds / "word.wav").duration], abs=1e-3)


@pytest.mark.corpus
def test_the_page_says_of_real_recordings_what_python_says(open_page, corpora):
    clips = [clip.path for clip in scan(corpora / "fsdd").clips][::30]
    assert len(clips) == 100
    page = open_page().ready()
    for path in clips:
        told = page.evaluate(ASK, base64.b64encode(path.read_bytes()).decode())
        assert told == pytest.approx(model().predict(path).probabilities, abs=1e-6)


# -- history ----------------------------------------------------------------------------------------------------------


def test_history_is_corrected_and_downloaded_as_a_data_set(open_page, sounds, word, tmp_path):
    seen = open_page()
    seen.hold()
    seen.explained()
    seen.page.fill("#speaker", 'Kim, "J"')
    seen.choose(sounds / "word.wav", sounds / "noise.flac")
    page = seen.page
    wrong = "0" if word.label != "0" else "1"
    page.locator("#history li").nth(2).get_by_role("button", name=wrong, exact=True).click()
    assert f"corrected to {wrong}" in page.locator("#history li").nth(2).inner_text()
    page.locator("#history li").nth(1).get_by_role("button", name="Remove").click()
    with page.expect_download() as download:
        page.click("#download")
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "mine")
    result = sutja("data", "info", tmp_path / "mine")
    assert result.exit_code == 0, result.output
    assert "audiofolder" in result.output
    found = scan(tmp_path / "mine")
    assert [(clip.label, clip.speaker) for clip in found.clips] == [(wrong, "me"), (None, 'Kim, "J"')]
    spoken, noise = (clip.path for clip in found.clips)
    assert noise.read_bytes() == (sounds / "noise.flac").read_bytes()
    with soundfile.SoundFile(spoken) as file:
        assert file.samplerate == page.evaluate("new AudioContext().sampleRate")


def test_removing_all_leaves_nothing_to_download(open_page, sounds):
    seen = open_page()
    seen.choose(sounds / "word.wav")
    seen.page.get_by_role("button", name="Remove").click()
    assert seen.page.locator("#history li").count() == 0
    assert seen.page.locator("#download").is_disabled()


# -- other models, closed doors ---------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def study(tmp_path_factory) -> Path:
    return tiny_study(tmp_path_factory)


def test_each_member_of_an_ensemble_has_its_bars_and_its_picture(open_page, study):
    clip = study / "clips" / "1_03_0.wav"
    with running("--model", study / "run") as process:
        seen = open_page(process.url)
        seen.choose(clip)
        page = seen.explained()
        assert page.locator("#bars thead th").all_inner_texts() == ["Word", "mel", "mfcc", "together"]
        examined = package.load(study / "run").examine(clip)
        columns = [*examined.members.values(), examined.prediction.probabilities]
        expected = [f"{100 * column[label]:.1f} %" for label in examined.prediction.probabilities for column in columns]
        assert page.locator("#bars tbody .n").all_inner_texts() == expected
        for kind in ("seen-mel", "seen-mfcc", "mattered"):
            assert filled(page, kind)
        seen.context.close()


def test_a_service_with_a_token_asks_for_it(open_page, sounds, word):
    with running("--token", "sesame-open-sesame") as process:
        seen = open_page(process.url)
        seen.page.wait_for_selector("#door:visible")
        seen.page.fill("#token", "sesame-open-sesame")
        seen.page.keyboard.press("Enter")
        seen.choose(sounds / "word.wav")
        assert seen.text("#said") == word.label
        seen.page.click("#listen")
        seen.page.wait_for_selector("#words span")
        seen.page.click("#listen")
        seen.problems[:] = [told for told in seen.problems if "401" not in told]
        seen.context.close()


def test_a_service_that_is_gone_is_told_of(open_page, sounds):
    with running() as process:
        seen = open_page(process.url)
        seen.ready()
    seen.page.set_input_files("#file", sounds / "word.wav")
    seen.page.wait_for_selector("#trouble:visible")
    assert "does not answer" in seen.text("#trouble")
    seen.problems.clear()  # the browser's own note


# -- languages, looks, access -----------------------------------------------------------------------------------------


def test_english_and_korean_say_the_same_things(open_page):
    seen = open_page(locale="ko-KR")
    page = seen.ready()
    texts = page.evaluate("import('/static/text.js').then(({ TEXTS }) => TEXTS)")
    assert list(texts["en"]) == list(texts["ko"])
    for key, english in texts["en"].items():
        places = {part.partition("}")[0] for part in english.split("{")[1:]}
        korean = texts["ko"][key].split("{")[1:]
        assert {part.partition("}")[0].partition(":")[0] for part in korean} == places, key  # {label:으로로}
    assert page.evaluate("document.documentElement.lang") == "ko"
    assert seen.text("#hold-text") == texts["ko"]["hold"]
    page.select_option("#language", "en")
    assert seen.text("#hold-text") == texts["en"]["hold"]
    page.reload()  # remembered
    assert page.evaluate("document.documentElement.lang") == "en"


def test_light_and_dark_follow_the_system_or_the_switch(open_page):
    seen = open_page(color_scheme="dark")
    page = seen.ready()
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(paper)
    page.select_option("#theme", "light")
    light = page.evaluate(paper)
    assert dark != light
    page.reload()
    assert page.evaluate(paper) == light
    page.emulate_media(color_scheme="light")
    page.select_option("#theme", "dark")
    assert page.evaluate(paper) == dark


def test_on_a_phone_nothing_sticks_out_and_a_tap_speaks(open_page, word):
    seen = open_page(viewport=PHONE, has_touch=True, is_mobile=True)
    page = seen.ready()
    page.tap("#hold")
    page.wait_for_selector("#hold.on")
    page.wait_for_timeout(HOLD_MS)
    page.tap("#hold")
    seen.explained()
    assert seen.text("#said") == word.label
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    small = page.evaluate(
        """[...document.querySelectorAll("button, select, input:not([type=file])")]
        .filter((e) => e.offsetParent && e.getBoundingClientRect().height < 36).map((e) => e.outerHTML)"""
    )
    assert small == []  # a finger finds them


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: npm ci --prefix tests/web")
@pytest.mark.parametrize("look", [{"color_scheme": "light"}, {"color_scheme": "dark", "locale": "ko-KR"}])
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_axe_finds_no_fault(open_page, sounds, look, size):
    seen = open_page(viewport=size, **look)
    seen.choose(sounds / "word.wav", sounds / "noise.flac")
    page = seen.explained()
    page.locator("#history .labels button").nth(3).click()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
    assert [(fault["id"], fault["impact"], [n["html"] for n in fault["nodes"]]) for fault in found] == []


def test_nothing_of_the_page_is_inline_or_elsewhere():
    static = ROOT / "src" / "sutja" / "page"
    html = (static / "index.html").read_text(encoding="utf-8")
    for hidden in ("<style", " style=", " onclick=", " onload=", "javascript:"):
        assert hidden not in html
    for path in static.iterdir():
        text = (
            path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "").replace("http://localhost", "")
        )
        assert "http://" not in text, path
        assert "https://" not in text, path


# -- several words in a row --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tones(tmp_path_factory) -> Path:
    """What is spoken and dropped: `microphone.wav` says "abba" again and again, `two.wav` two strings."""
    folder = tmp_path_factory.mktemp("tones")
    write_said(folder / "microphone.wav", "abba", pause=0.8, rate=RATE)
    write_said(folder / "two.wav", "abba", "cd")
    write_said(folder / "silence.wav")
    string_folder(folder / "model")
    return folder


@pytest.fixture(scope="module")
def strings_url(tones) -> Iterator[str]:
    with running("--model", tones / "model") as process:
        yield process.url


@pytest.fixture(scope="module")
def row_browser(chromium, tones) -> Iterator[Any]:
    program = chromium.launch(executable_path=PROGRAM, args=hearing(tones / "microphone.wav"))
    yield program
    program.close()


@pytest.fixture
def open_strings(row_browser, strings_url) -> Iterator[Any]:
    opened: list[Seen] = []

    def open_it(**settings: Any) -> Seen:
        opened.append(Seen(row_browser, strings_url, **settings))
        opened[-1].ready().check("#in-a-row")
        return opened[-1]

    yield open_it
    for seen in opened:
        seen.context.close()
        assert seen.problems == []


def buttons(seen: Seen) -> list[str]:
    return [text.strip() for text in seen.page.locator("#strings button").all_inner_texts()]


def test_a_string_grows_while_it_is_spoken_and_each_word_can_be_heard(open_strings):
    seen = open_strings()
    seen.page.evaluate(
        """globalThis.grown = [];
        new MutationObserver(() => grown.push(document.querySelector("#said").textContent))
            .observe(document.querySelector("#said"), { childList: true, characterData: true, subtree: true });"""
    )
    seen.page.click("#listen")
    seen.page.wait_for_selector("#strings li:nth-child(3) small")
    seen.page.click("#listen")
    grown = seen.page.evaluate("grown")
    assert any(text.endswith("…") and 1 < len(text) < 6 for text in grown)
    assert "abba" in grown
    spoken = seen.page.locator("#strings li").nth(1)  # the first may have been cut by the beginning
    assert [text.strip() for text in spoken.locator("button").all_inner_texts()] == list("abba")
    assert "sure" in spoken.locator("small").inner_text()
    seen.page.evaluate(
        """() => {
            globalThis.played = [];
            const start = AudioBufferSourceNode.prototype.start;
            AudioBufferSourceNode.prototype.start = function (...given) {
                played.push(this.buffer.duration);
                start.apply(this, given);
            };
        }"""
    )
    spoken.locator("button").nth(1).click()
    while not (played := seen.page.evaluate("played")):
        seen.page.wait_for_timeout(50)
    assert len(played) == 1
    assert 0.25 < played[0] < 0.6


def test_a_file_is_transcribed(open_strings, tones):
    seen = open_strings()
    seen.page.set_input_files("#file", tones / "two.wav")
    seen.page.wait_for_selector("#strings li:nth-child(2)")
    assert buttons(seen) == list("abbacd")
    assert seen.text("#said") == "abbacd"
    seen.page.set_input_files("#file", tones / "silence.wav")
    playwright.expect(seen.page.locator("#said")).to_have_text("No words")
    assert buttons(seen) == list("abbacd")  # what was heard before can still be played
    seen.page.uncheck("#in-a-row")
    seen.page.set_input_files("#file", tones / "two.wav")
    seen.page.wait_for_selector("#history li")


def strings_of(seen: Seen) -> list[str]:
    return seen.page.evaluate(
        """[...document.querySelectorAll("#strings li")]
        .map((line) => [...line.querySelectorAll("button")].map((b) => b.textContent.trim()).join(""))"""
    )


def test_a_length_and_a_list_can_be_told(open_strings, tones):
    seen = open_strings()
    seen.page.fill("#string-length", "2")
    seen.page.set_input_files("#file", tones / "two.wav")
    seen.page.wait_for_selector("#strings li:nth-child(3)")
    assert strings_of(seen) == ["ab", "ba", "cd"]
    seen.page.fill("#only-these", "ab, cd")
    seen.page.set_input_files("#file", tones / "two.wav")
    playwright.expect(seen.page.locator("#trouble")).to_contain_text("a length and a list of strings; expected one")
    seen.problems[:] = [told for told in seen.problems if "422" not in told]
    seen.page.fill("#string-length", "")
    seen.page.fill("#only-these", "abba, cd")
    seen.page.click("#listen")
    seen.page.wait_for_selector("#strings li:nth-child(5) small")
    seen.page.click("#listen")
    assert strings_of(seen)[4] == "abba"
    seen.page.uncheck("#in-a-row")
    assert not seen.page.is_visible("#which-strings")


def test_holding_sends_the_whole_recording(open_strings):
    seen = open_strings(locale="ko-KR")
    seen.page.select_option("#language", "ko")
    seen.hold(3_000)
    seen.page.wait_for_selector("#strings li small")
    assert "확신" in seen.text("#strings li:first-child small")
    assert set(buttons(seen)) <= set("abcd?")


def test_a_recording_that_cannot_be_transcribed_is_told(open_strings, sounds):
    seen = open_strings()
    seen.page.set_input_files("#file", sounds / "text.wav")
    seen.page.wait_for_selector("#trouble:visible")
    assert "cannot be decoded" in seen.text("#trouble")
    assert seen.text("#said") == "Nothing yet"
    seen.problems.clear()  # Chromium notes every refusal


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: npm ci --prefix tests/web")
@pytest.mark.parametrize("look", [{"color_scheme": "light"}, {"color_scheme": "dark", "locale": "ko-KR"}])
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_axe_finds_no_fault_in_strings(open_strings, tones, look, size):
    seen = open_strings(viewport=size, **look)
    seen.page.set_input_files("#file", tones / "two.wav")
    seen.page.wait_for_selector("#strings li:nth-child(2)")
    seen.page.evaluate(AXE.read_text(encoding="utf-8"))
    found = seen.page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
    assert [(fault["id"], fault["impact"], [n["html"] for n in fault["nodes"]]) for fault in found] == []
    width = seen.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]
