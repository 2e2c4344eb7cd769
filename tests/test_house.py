"""The house stands as it is drawn: imports, rooms, tests, exports. Modules are discovered, not listed."""

from __future__ import annotations

import ast
import fnmatch
import graphlib
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import NUMERIC
from extras import EXTRAS, OPTIONAL, WITHOUT_EXTRAS, without
from helpers import run_python

import sutja
from sutja import errors
from sutja.cli import COMMANDS

SOURCE = Path(sutja.__file__).parent
ROOT = Path(__file__).parents[1]
PLAN = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")


def name_of(path: Path) -> str:
    """`cli.train` for src/sutja/cli/train.py, `cli` for its __init__, `` for the package itself."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {name_of(p): ast.parse(p.read_text(encoding="utf-8"), p) for p in sorted(SOURCE.rglob("*.py"))}
MODULES = [name for name in TREES if name not in ("", "__main__")]
ROWS = re.findall(r"^\| `([\w.]+)` \| (.+) \|$", PLAN, flags=re.MULTILINE)
ORDER = {name: place for place, (name, _) in enumerate(ROWS)}


def folder(module: str) -> str:
    return module.partition(".")[0]


def imports(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Every module of ours that is imported, also inside functions and for types only."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] == "sutja":
                    yield alias.name.partition(".")[2], node
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            package, _, module = (node.module or "").partition(".")
            if package == "sutja":
                for alias in node.names:
                    inner = f"{module}.{alias.name}".lstrip(".")
                    yield (inner if inner in TREES else module), node


def test_modules_were_found():
    assert {"errors", "predictor", "recipe", "cli.train"} <= set(MODULES)
    assert len(ROWS) > 20
    assert len(ORDER) == len(ROWS), "a room stands in the table once"


def test_the_plan_names_every_module_once():
    assert sorted(ORDER) == sorted(MODULES), "write a row into docs/house.md, below all that the module imports"


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down_the_table(module):
    for imported, node in imports(TREES[module]):
        if imported == "":
            continue  # the package itself, for its version
        assert ORDER[imported] < ORDER[module], f"{module}:{node.lineno} imports {imported} from below"


def test_learning_and_reports_do_not_know_each_other():
    for module in MODULES:
        for imported, _ in imports(TREES[module]):
            assert {folder(module), folder(imported)} != {"learn", "reports"}, f"{module} imports {imported}"


def test_a_command_says_which_module_it_calls():
    calls_of = {name: owns for name, owns in ROWS if name.startswith("cli.") and "`sutja " in owns}
    assert {f"cli.{module}" for module in COMMANDS.values()} == set(calls_of)
    for name, owns in calls_of.items():
        called = re.findall(r"`([\w.]+)`", owns.partition(": ")[2])
        assert called, name
        used = {imported for imported, _ in imports(TREES[name])}
        for module in called:
            assert any(f"{i}.".startswith(f"{module}.") for i in used), f"{name} does not use {module}"


def test_no_cycles():
    edges = {module: {i for i, _ in imports(TREES[module])} - {"", module} for module in MODULES}
    # A package is imported with each of its modules; it may import them when it is asked for one, by name.
    order = list(graphlib.TopologicalSorter(edges).static_order())
    assert set(order) == set(MODULES)


def test_the_package_itself_imports_errors_and_no_more():
    eager = {
        imported
        for node in TREES[""].body
        if isinstance(node, ast.ImportFrom | ast.Import)
        for imported, _ in imports(ast.Module([node], []))
    }
    assert eager == {"errors"}


# -- what is needed for what ------------------------------------------------------------------------------------------


def test_the_extras_were_found():
    assert {"torch", "librosa", "pandas", "scipy", "sklearn", "matplotlib", "jinja2"} <= OPTIONAL
    assert OPTIONAL.isdisjoint({"numpy", "onnxruntime", "soundfile", "soxr", "click", "tqdm"})


def test_modules_without_a_mark_need_no_extra():
    marked = {name for name, owns in ROWS if re.search(r"\*\*\([\w, ]+\)\*\*", owns)}
    assert {"learn.networks", "learn.training", "learn.jobs", "learn.to_onnx", "recipe"} <= marked
    plain = [name for name in MODULES if name not in marked]
    assert {"predictor", "evaluation", "features", "bundle", "cli.predict", "cli.train"} <= set(plain)
    program = WITHOUT_EXTRAS + "import importlib\nfor name in sys.argv[1:]: importlib.import_module('sutja.' + name)\n"
    ended = run_python(program, *plain)
    assert ended.returncode == 0, ended.stderr


def test_the_marks_name_extras():
    for _, owns in ROWS:
        for mark in re.findall(r"\*\*\(([\w, ]+)\)\*\*", owns):
            assert set(mark.split(", ")) <= set(EXTRAS)


def test_the_tests_of_numbers_are_there():
    stems = [path.stem for path in (ROOT / "tests").glob("test_*.py")]
    for pattern in NUMERIC:
        assert fnmatch.filter(stems, pattern), f"conftest.NUMERIC: {pattern} is no test file"


def test_tests_that_need_torch_say_so():
    # The newest Python has no small torch: there they are skipped, and a module that cannot be imported is an error.
    program = without({"torch"}) + (
        "import importlib, pytest\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "for name in sys.argv[2:]:\n"
        "    try: importlib.import_module(name)\n"
        "    except pytest.skip.Exception: pass\n"
        "    except ModuleNotFoundError as error: print(f'{name}: {error}')\n"
    )
    folder = ROOT / "tests"
    ended = run_python(program, folder, *(path.stem for path in sorted(folder.glob("test_*.py"))))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "", 'write pytest.importorskip("torch") above the imports of ours'


def test_tests_share_by_helper_modules():
    # A test that imports tests runs their module's work once more, and falls with them.
    for path in sorted((ROOT / "tests").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), path)):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.startswith("test_") for name in names), f"{path.name}:{node.lineno}"


# -- the rooms --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_its_tests(module):
    path = ROOT / "tests" / f"test_{module.replace('.', '_')}.py"
    assert path.exists(), f"write {path.name}"
    assert re.search(r"^(async )?def test_", path.read_text(encoding="utf-8"), flags=re.MULTILINE)


@pytest.mark.parametrize("module", ["", *MODULES])
def test_every_module_says_what_it_owns(module):
    assert ast.get_docstring(TREES[module])


def declares_all(module: str) -> bool:
    names = [ast.unparse(t) for node in TREES[module].body if isinstance(node, ast.Assign) for t in node.targets]
    return "__all__" in names


@pytest.mark.parametrize("module", list(filter(declares_all, ["", *MODULES])))
def test_all_is_what_there_is(module):
    found = importlib.import_module(f"sutja.{module}".rstrip("."))
    assert sorted(set(found.__all__)) == found.__all__
    for name in found.__all__:
        assert getattr(found, name) is not None


def test_the_package_exports_what_users_need():
    assert {"load", "Predictor", "Prediction", "SutjaError"} <= set(sutja.__all__)
    public = {name for name in vars(errors) if name.endswith("Error")}
    assert public <= set(sutja.__all__)
    with pytest.raises(AttributeError, match="module 'sutja' has no attribute 'predict'"):
        sutja.predict  # noqa: B018


# -- the faults of others ---------------------------------------------------------------------------------------------


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@pytest.mark.parametrize("module", ["", *MODULES])
def test_errors_are_caught_and_raised_by_name(module):
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"bare except in line {node.lineno}"
            wide = ast.unparse(node.type) in ("Exception", "BaseException")
            assert not wide or any(isinstance(inner, ast.Raise) for inner in ast.walk(node)), (
                f"line {node.lineno} swallows everything"
            )
        if isinstance(node, ast.Raise) and node.exc is not None:
            assert not re.match(r"(Base)?Exception\b", ast.unparse(node.exc)), f"line {node.lineno}"


@pytest.mark.parametrize("module", ["", *MODULES])
def test_the_library_is_silent_and_draws_from_generators(module):
    for name, node in calls(TREES[module]):
        if folder(module) != "cli":
            assert name not in ("print", "click.echo", "sys.exit"), f"line {node.lineno}"
        assert not re.match(r"(np|numpy)\.random\.(?!default_rng|SeedSequence|Generator|PCG64)", name), (
            f"line {node.lineno}"
        )
        assert not re.match(r"random\.", name), f"line {node.lineno}"
        assert (
            not name.endswith("strip")
            or name.split(".")[-1] == "strip"
            or not any(
                isinstance(a, ast.Constant) and str(a.value).startswith(".") and len(str(a.value)) > 2
                for a in node.args
            )
        ), f"line {node.lineno}: strips characters, not a suffix"


@pytest.mark.parametrize("module", ["", *MODULES])
def test_no_pickle(module):
    for node in ast.walk(TREES[module]):
        names = [a.name for a in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        source = [getattr(node, "module", None) or ""] if isinstance(node, ast.ImportFrom) else []
        assert not {n.partition(".")[0] for n in names + source} & {"pickle", "dill", "joblib", "cloudpickle", "shelve"}
    for name, node in calls(TREES[module]):
        assert name not in ("torch.load", "torch.save", "eval", "exec"), f"line {node.lineno}"
        for keyword in node.keywords:
            assert keyword.arg != "allow_pickle" or ast.unparse(keyword.value) == "False", f"line {node.lineno}"
