"""The docs are true about the house: links, paths and names lead somewhere, records have their form."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import sutja

ROOT = Path(__file__).parents[1]
FOLDERS = ("docs", "docs/decisions", "bench", "notebooks")
PAGES = sorted([*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).glob("*.md"))])
TEXTS = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in PAGES}
RECORD_HEAD = re.compile(
    r"# .+\n\n- \*\*Date\*\*: (\d{4}-\d\d-\d\d)\b.*\n"
    r"- \*\*Status\*\*: .+\n(?:  .+\n)*- \*\*Commits?\*\*: `[0-9a-f]{7,}`"
)
RECORDS = {name: text for name, text in TEXTS.items() if re.match(r"docs/decisions/\d", name)}
SOURCE = Path(sutja.__file__).parent

# A path from the root of the repository; `tests/test_<module>.py` and `.../*.json` say a form, not a file.
PATH = re.compile(r"(?<![\w./$~-])((?:src|docs|bench|tests|tools|notebooks)/[\w./-]*\w)(?![\w*<{]|[./-]+[*<{])")
NAME = re.compile(r"\bsutja((?:\.[a-zA-Z_]\w*)+)")


def without_fences(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)


def anchor(heading: str) -> str:
    """The name that a heading has in an address."""
    words = re.sub(r"[`*]|\]\([^)]*\)|\[", "", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


def anchors(text: str) -> set[str]:
    return {anchor(heading) for heading in re.findall(r"^#+ (.+)$", without_fences(text), flags=re.M)}


def names_of(module: Path) -> set[str]:
    """What a module defines or imports at its top, and the modules of a package."""
    found = {path.stem for path in module.parent.iterdir()} if module.name == "__init__.py" else set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Name | ast.Constant):
            found.add(str(node.id if isinstance(node, ast.Name) else node.value))
    return found


def exists(dotted: list[str]) -> bool:
    """Whether `sutja.learn.training.fit` is a module, or something that the module before it has."""
    place = SOURCE
    for depth, name in enumerate(dotted):
        if (place / name).is_dir():
            place = place / name
        else:
            file = place / f"{name}.py"
            if file.exists():
                return depth + 1 == len(dotted) or dotted[depth + 1] in names_of(file)
            return name in names_of(place / "__init__.py")
    return True


def test_pages_were_found():
    assert {"README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/house.md", "docs/decisions/README.md"} <= set(TEXTS)
    assert len(RECORDS) > 10


@pytest.mark.parametrize("name", TEXTS)
def test_links_lead_somewhere(name):
    links = re.findall(r"\]\(([^)\s]+)\)|\b(?:src|href)=\"([^\"]+)\"", without_fences(TEXTS[name]))
    for link in [first or second for first, second in links]:
        if link in ("...", "") or re.match(r"\w+:", link):
            continue
        target, _, heading = link.partition("#")
        path = (ROOT / name).parent / target if target else ROOT / name
        assert path.exists(), link
        if heading:
            assert heading in anchors(path.read_text(encoding="utf-8")), link


@pytest.mark.parametrize("name", TEXTS)
def test_paths_are_there(name):
    for path in PATH.findall(TEXTS[name]):
        assert (ROOT / path).exists(), f"{name} speaks of {path}"


@pytest.mark.parametrize("name", TEXTS)
def test_modules_are_there(name):
    for dotted in NAME.findall(TEXTS[name]):
        if dotted != ".service":  # docs/sutja.service
            assert exists(dotted[1:].split(".")), f"{name} speaks of sutja{dotted}"


def test_what_is_not_there_is_found():
    assert PATH.findall("`src/sutja/nowhere.py`, docs/a.md. tests/test_<module>.py bench/results/*.json x/docs/y") == [
        "src/sutja/nowhere.py",
        "docs/a.md",
    ]
    assert exists(["learn", "training", "fit"])
    assert exists(["load"])
    assert not exists(["crossval"])
    assert not exists(["learn", "training", "no_such_function"])
    assert anchors("# `load.py`\n\n## What mattered: whether it [names](x.md) it\n") == {
        "loadpy",
        "what-mattered-whether-it-names-it",
    }


def test_the_readme_is_one_screen_of_claim_and_a_hundred_lines():
    lines = TEXTS["README.md"].splitlines()
    assert len(lines) <= 100
    first = "\n".join(lines[:15])
    assert "docs/images/page.png" in first
    assert "docs/numbers.md" in first
    commands = [line for line in lines if line.startswith("sutja ")]
    assert len(commands) == 5
    assert {"make demo", "make test"} <= {line.partition("#")[0].strip() for line in lines}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_has_its_form_and_stands_in_the_index(name):
    text = RECORDS[name]
    date = Path(name).name[:10]
    head = RECORD_HEAD.match(text)
    assert head, "begins with its title, date, status and commits, as docs/decisions/README.md shows"
    assert head[1] == date
    assert re.findall(r"^## (\w+)", text, flags=re.M) == ["Question", "Trials", "Decision"]
    assert re.search(r"^\|---", text, flags=re.M), "trials stand in a table"
    rows = re.findall(rf"^\| {date} \| \[.+\]\({Path(name).name}\) \| .+ \|$", TEXTS["docs/decisions/README.md"], re.M)
    assert len(rows) == 1


def test_the_index_is_in_the_order_of_time():
    dates = re.findall(r"^\| (\d{4}-\d\d-\d\d) \|", TEXTS["docs/decisions/README.md"], flags=re.M)
    assert len(dates) == len(RECORDS)
    assert dates == sorted(dates)


def test_the_changelog_has_this_version_and_its_form():
    text = TEXTS["CHANGELOG.md"]
    versions = re.findall(r"^## (\d+\.\d+\.\d+)(?: \(unreleased\)| - \d{4}-\d\d-\d\d)?$", text, flags=re.M)
    assert versions[0] == sutja.__version__
    assert len(versions) == len(re.findall(r"^## ", text, flags=re.M))
    assert set(re.findall(r"^### (.+)$", text, flags=re.M)) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed"}
    assert f"| {sutja.__version__.rpartition('.')[0]}.x | yes |" in TEXTS["SECURITY.md"]
