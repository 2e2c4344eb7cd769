"""Every line of docs/tables.md is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers import sounds, table
from made_tables import wav_bytes, write_parquet, write_table

from sutja.columns import NAMES
from sutja.dataset import scan
from sutja.errors import DatasetError

PAGE = (Path(__file__).parents[1] / "docs" / "tables.md").read_text(encoding="utf-8")


def lines(heading: str) -> list[list[list[str]]]:
    """The table below a heading: of each row's cells, what stands in code."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+) \|$", section, flags=re.M)
    return [[re.findall(r"`([^`]+)`", cell) or [cell] for cell in row.split(" | ")] for row in rows[1:]]


def of(heading: str) -> pytest.MarkDecorator:
    rows = lines(heading)
    assert rows
    return pytest.mark.parametrize("row", rows, ids=[" ".join(row[0]) for row in rows])


@of("Kinds of file")
def test_kinds_of_file(tmp_path, row):
    for package in {"xlsx": ["openpyxl"], "parquet": ["pyarrow"]}.get(row[0][0].rpartition(".")[2], []):
        pytest.importorskip(package)
    sounds(tmp_path, "a.wav", "b.wav")
    path = write_table(tmp_path / row[0][0], ("path", "command"), [("a.wav", "하나"), ("b.wav", "둘")])
    if path.suffix == ".xls":
        with pytest.raises(DatasetError, match=r"Excel 2003 or older; save it as \.xlsx or as CSV"):
            scan(path)
        return
    for place in (path, tmp_path):
        assert [(clip.name, clip.label) for clip in scan(place).clips] == [("a.wav", "하나"), ("b.wav", "둘")]


@of("Encodings")
def test_encodings(tmp_path, row):
    (encoding,), (label,) = row
    sounds(tmp_path, "a.wav")
    path = write_table(tmp_path / "list.csv", ("file_name", "label"), [("a.wav", label)], encoding)
    dataset = scan(path)
    assert dataset.labels == (label,)
    assert encoding.removesuffix("-sig") in dataset.columns[0] or encoding.startswith("utf-8")


def test_columns(tmp_path):
    rows = {role[0]: names for role, names in lines("Columns")}
    assert rows == {role: list(names) for role, names in NAMES.items()}
    sounds(tmp_path, "a.wav")
    for file in rows["file"]:
        for label in rows["label"]:
            for speaker in rows["speaker"]:
                path = write_table(tmp_path / "l.csv", (file, label.upper(), f" {speaker}"), [("a.wav", "7", "anna")])
                assert [(c.name, c.label, c.speaker) for c in scan(path).clips] == [("a.wav", "7", "anna")]


@of("Stretches of long recordings")
def test_stretches(tmp_path, row):
    (columns,), (values,), (seconds,) = row
    sounds(tmp_path, "a.wav")
    separator = ";" if ";" in columns else ","
    path = table(
        tmp_path / "l.csv", f"path{separator}text{separator}{columns}", f"a.wav{separator}7{separator}{values}"
    )
    (clip,) = scan(path).clips
    start, end = map(float, seconds.split(" to "))
    assert clip.span == pytest.approx((start, end))
    assert (clip.source.path, clip.name) == (tmp_path / "a.wav", f"a.wav ({seconds} s)")


@of("In folders")
def test_folders(tmp_path, row):
    files, (layout,) = row
    recordings = [name for name in files if name.endswith(".wav")]
    sounds(tmp_path, *recordings)
    for name in sorted(set(files) - set(recordings)):
        write_list(tmp_path / name, [tmp_path / each for each in recordings])
    dataset = scan(tmp_path)
    n_stored = sum(name.endswith(".parquet") for name in files)
    assert dataset.layout == layout
    assert {clip.path for clip in dataset.clips} >= {tmp_path / name for name in recordings}
    assert len(dataset.clips) == len(recordings) + n_stored
    assert all(clip.label == "7" for clip in dataset.clips)


def write_list(path: Path, recordings: list[Path]) -> None:
    """Write the list of a part, of a folder's recordings, or of all that there are."""
    if path.suffix == ".parquet":
        pytest.importorskip("pyarrow")
        write_parquet(path, {"audio": [{"bytes": wav_bytes(400), "path": "a.wav"}], "label": ["7"]})
    elif path.with_suffix(".wav").exists():
        table(path, "0.01\t0.05\t7")
    else:
        part = {"train": 0, "part-00000": 0, "test": 1, "dev": 1, "part-00001": 1}.get(path.stem)
        beside = [r for r in recordings if r.is_relative_to(path.parent)] or recordings
        chosen = beside if part is None else recordings[part : part + 1]
        base = path.parent if all(r.is_relative_to(path.parent) for r in chosen) else path.parents[1]
        names = [r.relative_to(base).as_posix() if part is None else r.name for r in chosen]
        write_table(path, ("file_name", "label"), [(name, "7") for name in names])


@of("What is refused")
def test_what_is_refused(tmp_path, row):
    rows, (message,) = row
    sounds(tmp_path, "a.wav")
    with pytest.raises(DatasetError, match=re.escape(message)):
        scan(table(tmp_path / "list.csv", *rows))
