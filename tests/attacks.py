"""Files that a program with the right checksums and the wrong contents would write: strategies and what uses them."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

DEEP: Any = []
for _ in range(200):
    DEEP = [DEEP]
NASTY: list[Any] = [
    None, True, False, 0, 1, -1, 7, 2**31, 2**63, 10**30, -(10**30), 0.5, -0.5, 1e-300, 1e308, -1e308,
    float("nan"), float("inf"), float("-inf"), "", " ", "7", "a\0b", "\ud800", "../x", "../../../etc/passwd",
    "/etc/passwd", "C:\\x", "members/../../x", "NaN", "x" * 5_000, "two\nlines", [], {}, [[]], [None], {"": None},
    [1, 2, 3], ["a", "a"], {"a": {"b": []}}, [float("nan"), 1.0], DEEP,
]  # fmt: skip


def nodes(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the path of every value."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from nodes(inner, (*path, key))


@st.composite
def changed(draw: Any, value: Any) -> Any:
    """Change one to three values of a table: another kind, gone, twice, larger, under another name."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        places = list(nodes(value))
        if not places:
            break
        *above, key = draw(st.sampled_from(places))
        holder = value
        for step in above:
            holder = holder[step]
        _change(holder, key, draw(st.sampled_from(["replace", "drop", "twice", "scale", "rename"])), draw)
    return value


def _change(holder: Any, key: Any, how: str, draw: Any) -> None:
    old = holder[key]
    if how == "drop":
        del holder[key]
    elif how == "twice" and isinstance(holder, list):
        holder.append(copy.deepcopy(old))
    elif how == "twice" and isinstance(old, list):
        holder[key] = old + old
    elif how == "scale" and isinstance(old, int | float) and not isinstance(old, bool):
        holder[key] = old * draw(st.sampled_from([-1, 0, 2, 1000, 10**9, 1e-6]))
    elif how == "rename" and isinstance(holder, dict):
        holder[draw(st.sampled_from(["", "a\0b", "x" * 300, "../x", "accuracy"]))] = holder.pop(key)
    else:
        holder[key] = copy.deepcopy(draw(st.sampled_from(NASTY)))


def signed(manifest: dict[str, Any]) -> bytes:
    """Write the settings of a model with their right checksum."""
    manifest = {name: value for name, value in manifest.items() if name != "sha256"}
    content = json.dumps(manifest, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")
    whole = {**manifest, "sha256": hashlib.sha256(content).hexdigest()}
    return json.dumps(whole, ensure_ascii=True).encode()


# -- runs -------------------------------------------------------------------------------------------------------------


@st.composite
def changed_run(draw: Any, run: Path, folder: Path) -> Path:
    """Copy a run and change one of its files."""
    if folder.exists():
        shutil.rmtree(folder)
    shutil.copytree(run, folder)
    name = draw(st.sampled_from(["metrics.json", "config.json", "history.csv", "submission.csv", "out_of_fold.npz"]))
    path = folder / name
    if name.endswith(".json"):
        path.write_text(json.dumps(draw(changed(json.loads(path.read_text(encoding="utf-8"))))), encoding="utf-8")
    elif name.endswith(".csv"):
        _change_table(path, draw)
    else:
        _change_arrays(path, draw)
    return folder


def _change_table(path: Path, draw: Any) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    cells = [line.split(",") for line in lines]
    row = draw(st.integers(0, len(cells) - 1))
    column = draw(st.integers(0, len(cells[row]) - 1))
    new = draw(st.sampled_from(["", "x", "-1", "1e999", "nan", "0.5", "a\0b", '"', "9" * 400, "a,b", "\ud800"]))
    cells[row][column] = new
    text = "\n".join(",".join(line) for line in cells[: draw(st.integers(0, len(cells)))] or cells)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))


ARRAYS = st.sampled_from([
    lambda old: old[:0], lambda old: old[:1], lambda old: old.T, lambda old: old[None],
    lambda old: np.concatenate([old, old]), lambda old: np.array(7), lambda old: np.array(["a"] * len(old)),
    lambda old: np.zeros(old.shape, dtype=np.complex64), lambda old: np.zeros(old.shape, dtype=np.int8),
    lambda old: np.full(old.shape, np.nan, dtype=np.float32), lambda old: np.full(old.shape, -1, dtype=np.float32),
    lambda old: np.full(old.shape, 1e30, dtype=np.float32), lambda old: np.zeros(old.shape, dtype=np.float32),
    lambda old: np.full(old.shape, "a\0b"), lambda old: np.full(old.shape, "\ud800"), lambda old: None,
    lambda old: np.array([b"x"] * len(old)), lambda old: np.zeros(old.shape, dtype="M8[s]"),
])  # fmt: skip


def _change_arrays(path: Path, draw: Any) -> None:
    with np.load(path) as file:
        arrays = dict(file)
    name = draw(st.sampled_from(sorted(arrays)))
    arrays[name] = draw(ARRAYS)(arrays[name])
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})


def use_model(folder: Path, waveform: Any) -> None:
    """Everything that a model is used for; what it raises is an error of the family, at load."""
    from sutja.errors import AudioError, BundleError
    from sutja.predictor import Predictor

    try:
        predictor = Predictor.load(folder)
    except BundleError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return
    try:
        found = predictor.examine(waveform)
    except AudioError:
        return
    json.dumps([found.prediction.probabilities, dict(predictor.bundle.about)], allow_nan=False).encode()


def use_run(folder: Path) -> None:
    """Read all of a run, and draw its report."""
    from sutja.errors import RunError
    from sutja.reports.run import write_report

    try:
        write_report(folder)
    except RunError as error:
        assert "\n" not in str(error)  # noqa: PT017
    read_run(folder)


def read_run(folder: Path) -> None:
    """Read all of a run, and look for what is worth a listen."""
    from sutja import runs
    from sutja.errors import RunError
    from sutja.reports.review import doubtful_labels, unrecognised

    run, found = runs.RunFolder(folder), None
    of_run = (runs.read_settings, runs.read_metrics, runs.read_baseline, runs.read_history, runs.read_submission)
    for read in (*of_run, runs.read_out_of_fold):
        try:
            found = read(run)
        except RunError as error:
            assert "\n" not in str(error)  # noqa: PT017
            assert str(folder) in str(error)  # noqa: PT017
            found = None
    if isinstance(found, runs.OutOfFold):
        doubtful_labels(found.targets, found.probabilities)
        unrecognised(found.targets, found.probabilities, found.members)
        assert found.unknown_labels is not None


def small_run(folder: Path) -> Path:
    """Write a finished run of two words by its own writers, without training."""
    from sutja import runs
    from sutja.calibration import Refusal, ReliabilityBin
    from sutja.clips import Clip
    from sutja.metrics import Share
    from sutja.runs import ENSEMBLE, JudgedRows, LastEpoch, MemberScores, Metrics, RunFolder

    run, labels = RunFolder(folder), ["0", "1"]
    share = Share(6, 0.75, (0.5, 0.9))
    scores = MemberScores(
        0.75, (0.5, 0.9), "Wilson over clips", 12, 0.1, [[5, 1], [2, 4]], dict.fromkeys(labels, share), {"s": share},
        {"sex": {"female": share}}, [ReliabilityBin(12, 0.8, 0.75)], fold_accuracy=[1.0, 0.5],
    )  # fmt: skip
    curve = {"thresholds": [0.5, 0.6], "false_accepts": [0.1, 0.05], "false_rejects": [0.05, 0.1]}
    refusal = Refusal(0.03, 0.1, 0.05, {"clip": share}, curve)
    members, last = {ENSEMBLE: scores}, {ENSEMBLE: LastEpoch(1.0, 0.5)}
    metrics = Metrics("clips", 12, labels, members, last_epoch=last, notes=["a note"], seconds=1.5, refusal=refusal)
    clips = [Clip(folder / f"{i}.wav", f"{i}.wav", labels[i % 2], f"s{i % 3}") for i in range(12)]
    rows = np.tile(np.array([[0.9, 0.1], [0.2, 0.8]], dtype=np.float32), (6, 1))
    runs.write_out_of_fold(run, JudgedRows(clips, np.arange(12) % 2, labels, {ENSEMBLE: rows}), None)
    runs.write_history(run, [(ENSEMBLE, 1, epoch, 2.0, 0.5, 2.1, 0.4, 3.5, int(epoch == 2)) for epoch in (1, 2)])
    runs.write_submission(run, [("a.wav", "1")])
    settings = {
        "config": {"preset": "fast", "refusal": {"false_accept_rate": 0.03}, "train": {"epochs": 2}},
        "protocol": "clips", "seed": 929, "fingerprint": "ab" * 16, "versions": {"torch": "2"}, "command": "sutja",
        "data": {"roots": ["/data"], "layout": "csv", "n_clips": 12, "n_labels": 2, "n_speakers": 3},
    }  # fmt: skip
    runs.write_json(run.settings, settings)
    runs.write_metrics(run, metrics)
    return folder
