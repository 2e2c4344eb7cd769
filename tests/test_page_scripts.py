"""The page's scripts without a browser: their types, their parts under Node, and what they share with other files."""

from __future__ import annotations

import html.parser
import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from service import model

from sutja import foreign
from sutja.audio import KNOWN_SUFFIXES, SUFFIXES
from sutja.server import answers
from sutja.server.settings import Limits
from sutja.texts import PARTICLES, particle

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "src" / "sutja" / "page"
WEB = ROOT / "tests" / "web"
TSC = WEB / "node_modules" / "typescript" / "bin" / "tsc"
NODE = shutil.which("node")
SCRIPTS = sorted(PAGE.glob("*.js"))
ENDLESS = {"input", "link", "meta", "br"}  # elements of HTML that have no end

needs_node = pytest.mark.skipif(NODE is None, reason="no node: the page's scripts are not tested")


class Elements(html.parser.HTMLParser):
    """The elements of the page: tag, attributes, the text right inside."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._open: list[list[str]] = []
        self.feed((PAGE / page).read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), []))
        if tag not in ENDLESS:
            self._open.append(self.found[-1][2])

    def handle_endtag(self, tag: str) -> None:
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1].append(data)


ELEMENTS, TEACHING = Elements("index.html").found, Elements("teach.html").found
TEACHERS = [PAGE / f"{name}.js" for name in ("teach", "lesson", "recording", "pictures", "result", "trying")]
SHARED = [PAGE / f"{name}.js" for name in ("page", "switches")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The scripts as Node takes them: a package that says that they are modules."""
    here = tmp_path_factory.mktemp("scripts")
    shutil.copytree(PAGE, here / "page")
    shutil.copytree(WEB / "unit", here / "unit")
    (here / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    return here


def node(folder: Path, *arguments: object, **environment: str) -> str:
    """What Node writes."""
    command = [NODE, *map(str, arguments)]
    ended = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=folder, env={**os.environ, **environment}
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def texts(folder) -> dict[str, dict[str, str]]:
    program = "import('./page/text.js').then(({ TEXTS }) => console.log(JSON.stringify(TEXTS)))"
    found: dict[str, dict[str, str]] = json.loads(node(folder, "-e", program))
    return found


# -- types ------------------------------------------------------------------------------------------------------------


@needs_node
@pytest.mark.skipif(not TSC.exists(), reason="TypeScript is not installed: npm ci --prefix tests/web")
def test_typescript_finds_no_fault():
    ended = subprocess.run([NODE, TSC, "-p", WEB], check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout


@needs_node
@pytest.mark.skipif(not TSC.exists(), reason="TypeScript is not installed: npm ci --prefix tests/web")
def test_typescript_would_find_one(tmp_path):
    """It looks at what the comments say: a test of the test above."""
    wrong = tmp_path / "wrong.js"
    wrong.write_text('/** @param {number} n */\nconst twice = (n) => 2 * n;\ntwice("two");\n', encoding="utf-8")
    options = ["--noEmit", "--allowJs", "--checkJs", "--strict"]
    ended = subprocess.run([NODE, TSC, *options, wrong], check=False, capture_output=True, text=True)
    assert "TS2345" in ended.stdout


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_editors_check_types_too(path):
    assert path.read_text(encoding="utf-8").startswith("// @ts-check\n// ")


# -- parts under Node -------------------------------------------------------------------------------------------------


@needs_node
def test_zip_and_sound(folder, tmp_path):
    written = tmp_path / "written.zip"
    tests = sorted((folder / "unit").glob("*.test.mjs"))
    assert len(tests) == 3
    told = node(folder, "--test", *tests, ZIP=str(written))
    assert re.search(r"pass [1-9]", told), told
    with zipfile.ZipFile(written) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["clips/0001.wav", "숫자/빈 것.txt"]
        assert archive.read("clips/0001.wav") == bytes((i * 31) % 251 for i in range(70_000))
        assert archive.infolist()[0].date_time == (2024, 2, 29, 23, 59, 58)


# -- one thing said in two places -------------------------------------------------------------------------------------

SAID = (
    "0 1 2 3 4 5 6 7 8 9 10 40 0.5 mel MFCC ensemble CNN PCM URL R L fold epoch batch clip file name seven zero nine "
    "stop one three web speaker train king 단어 화자 인식 서울 집 강 ‘일’ '이' (칠) 음량(dBFS) 7! 4. 12.5\u00a0% web! é"
)
WORDS = SAID.split(" ")


@needs_node
def test_particles_are_those_of_python(folder):
    """Two homes of one rule: what the page puts behind a word is what reports and messages put there."""
    program = (
        "import('./page/particles.js').then(({ PARTICLES, particle }) => console.log(JSON.stringify([PARTICLES, "
        "Object.keys(PARTICLES).map((pair) => JSON.parse(process.env.WORDS).map((word) => particle(word, pair)))])))"
    )
    pairs, chosen = json.loads(node(folder, "-e", program, WORDS=json.dumps([*WORDS, ""])))
    assert {pair: tuple(both) for pair, both in pairs.items()} == PARTICLES
    assert chosen == [[particle(word, pair) for word in [*WORDS, ""]] for pair in pairs]


@needs_node
def test_korean_particles_are_chosen_and_not_made_by_machine(folder, texts):
    for key, text in texts["ko"].items():
        assert not re.search(r"\(이\)|\(가\)|은\(는\)|을\(를\)|\(으\)로", text), key
        for pair in re.findall(r"\{\w+:([^}]+)\}", text):
            assert pair in PARTICLES, key
    program = (
        "globalThis.document = { documentElement: {}, querySelectorAll: () => [] };"
        "import('./page/text.js').then(({ say, speak }) => { speak('ko'); console.log(['4', '7', 'stop'].map((label) =>"
        " say('mattered', { label })).join('|')); })"
    )
    assert node(folder, "-e", program).strip() == "4라고 판단한 근거|7이라고 판단한 근거|stop이라고 판단한 근거"


@needs_node
@pytest.mark.parametrize(
    ("elements", "n_labelled", "title_key"),
    [(ELEMENTS, 3, "title"), (TEACHING, 3, "teach_title")],
    ids=["speak", "teach"],
)
def test_the_page_says_in_english_what_the_texts_say(texts, elements, n_labelled, title_key):
    """A page stands in English until its scripts are there: both must say the same."""
    marked = [(attributes, "".join(inside).strip()) for _, attributes, inside in elements if "data-text" in attributes]
    assert len(marked) > 10
    assert {attributes["data-text"]: said for attributes, said in marked} == {
        attributes["data-text"]: texts["en"][attributes["data-text"]] for attributes, _ in marked
    }
    labelled = [attributes for _, attributes, _ in elements if "data-label" in attributes]
    assert len(labelled) == n_labelled
    for attributes in labelled:
        assert attributes["aria-label"] == texts["en"][attributes["data-label"]].replace("{seconds}", "0.00")
    (title,) = ["".join(inside) for tag, _, inside in elements if tag == "title"]
    assert title == texts["en"][title_key]


@needs_node
def test_every_text_is_said(texts):
    said = " ".join(path.read_text(encoding="utf-8") for path in [*SCRIPTS, *PAGE.glob("*.html")])
    assert [key for key in texts["en"] if not re.search(rf"""["']{key}["']""", said)] == []


@pytest.mark.parametrize(
    ("elements", "told_by", "scripts"),
    [(ELEMENTS, "page.js", [path for path in SCRIPTS if path not in TEACHERS]), (TEACHING, "lesson.js", TEACHERS)],
    ids=["speak", "teach"],
)
def test_the_elements_are_those_of_the_page(elements, told_by, scripts):
    """Scripts name elements by their ids; page.js, or lesson.js, says of what kind each is."""
    text = (PAGE / told_by).read_text(encoding="utf-8")
    kinds = dict(re.findall(r'"?([\w-]+)"?: HTML(\w*)Element', text))
    tags = {attributes["id"]: tag for tag, attributes, _ in elements if attributes.get("id")}
    of_kind = {"OList": "ol", "UList": "ul", "": ""}
    for name, kind in kinds.items():
        assert name in tags, f"no element of the page has the id {name}"
        assert tags[name] == of_kind.get(kind, kind.lower()) or kind == "", name
    used = {name for path in scripts for name in re.findall(r'byId\("([\w-]+)"\)', path.read_text(encoding="utf-8"))}
    assert used <= set(kinds)


def test_what_both_pages_share_finds_its_elements_in_both():
    shared = " ".join(path.read_text(encoding="utf-8") for path in SHARED)
    used = set(re.findall(r'byId\("([\w-]+)"\)', shared))
    assert {"status", "level-bar", "speaker"} <= used
    for elements in (ELEMENTS, TEACHING):
        assert used <= {attributes.get("id") for _, attributes, _ in elements}


def test_the_kinds_of_files_have_one_home():
    """`audio` lists them, GET /model tells them, the page asks: no list in the page itself."""
    card = answers.model_card(model(), "digits-en", Limits())
    assert card["suffixes"] == list(KNOWN_SUFFIXES if foreign.is_installed() else SUFFIXES)
    (chooser,) = [attributes for tag, attributes, _ in ELEMENTS if tag == "input" and attributes["type"] == "file"]
    assert chooser["accept"] == "audio/*"
    assert "suffixes" in (PAGE / "app.js").read_text(encoding="utf-8")
    others = set(SUFFIXES) - {".wav"}  # in which it sends what is spoken
    for path in [*SCRIPTS, PAGE / "index.html"]:
        assert not [kind for kind in others if f'{kind}"' in path.read_text(encoding="utf-8")], path.name


# -- where it stands --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*SCRIPTS, PAGE / "index.html", PAGE / "style.css"], ids=lambda path: path.name)
def test_every_address_is_relative(path):
    text = path.read_text(encoding="utf-8")
    addresses = re.findall(r"""(?:from|import\(|href=|src=|url\(|ask\(|new URL\()\s*["'`]([^"'`]+)["'`]""", text)
    assert [address for address in addresses if address.startswith("/") or "://" in address] == []
    if path.name in ("app.js", "service.js", "index.html"):
        assert addresses
