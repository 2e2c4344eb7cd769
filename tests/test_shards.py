"""Shards: each is done whole or not at all, and what is beside the results says what is to be done."""

from __future__ import annotations

import csv
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from batches import clips, small_model

from sutja import isolated, shards
from sutja.bundle import digest
from sutja.errors import RunError
from sutja.shards import Asked, Part

LABELS = tuple("abcd")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    yield str(small_model(tmp_path_factory.mktemp("model")))
    isolated.dismiss()


def draw(tmp_path, names, size=2, form="csv", model="", key="out"):
    asked = Asked(("@list.txt",), None, digest(model) if model else "", size, form)
    return shards.draw(str(tmp_path / key), asked, iter(names), LABELS, str(tmp_path))


def test_a_list_is_drawn_once(tmp_path):
    names = ["1.wav", "2.wav", "3.wav", "x.tar", "4.wav"]
    manifest = draw(tmp_path, names)
    out = str(tmp_path / "out")
    assert manifest.sizes == (2, 1, None, 1)
    assert manifest.tars == {"2": "x.tar"}
    assert manifest.list_sha256 == shards.list_digest(iter(names))
    assert manifest.witness is None
    assert shards.read_manifest(out) == manifest
    assert draw(tmp_path, names[:1]) == manifest  # another who came later does what the first one drew
    assert [path.name for path in (tmp_path / "out.parts").iterdir()] == [manifest.key]
    jobs = list(shards.jobs(out, manifest, "m", [0, 2]))
    assert [(str(job), job.n_recordings, job.tar) for job in jobs] == [
        ("shard 1 of 4", 2, None),
        ("shard 3 of 4", None, "x.tar"),
    ]


def test_what_is_no_manifest_of_ours(tmp_path):
    out = tmp_path / "out"
    assert shards.read_manifest(str(out)) is None
    place = Path(shards.manifest_place(str(out)))
    place.write_text("{}", encoding="utf-8")
    with pytest.raises(RunError, match="is no manifest of ours; choose another name"):
        shards.read_manifest(str(out))
    place.write_text(json.dumps({"format": 99}), encoding="utf-8")
    with pytest.raises(RunError, match="is of a newer sutja"):
        shards.read_manifest(str(out))


def test_parts_are_known_by_their_names(tmp_path):
    manifest = draw(tmp_path, ["1.wav", "2.wav", "3.wav"])
    out = str(tmp_path / "out")
    folder = Path(shards.parts_place(out, manifest.key))
    for name in ("part-000001.n1.e1.csv", "part-000001.n1.e0.csv", "part-000000.n2.e0.csv.draft"):
        (folder / name).write_bytes(b"")
    assert shards.done(out, manifest) == {1: Part(1, 1, 0, "part-000001.n1.e0.csv")}


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_shards_are_worked_off_and_put_together(tmp_path, model, form, monkeypatch):
    if form == "parquet":
        pytest.importorskip("pyarrow")
        monkeypatch.setattr(shards, "ROWS_TOGETHER", 2)
        monkeypatch.setattr(shards, "ROWS_OF_A_GROUP", 3)
    monkeypatch.setattr(shards, "STEP_EVERY", 2)
    names = [path.name for path in clips(tmp_path, 6)]
    names.insert(4, "none.wav")
    manifest = draw(tmp_path, names, 3, form, model)
    out, steps = str(tmp_path / "out"), []
    assert manifest.witness == str(tmp_path / "000.wav")
    jobs = list(shards.jobs(out, manifest, model, range(3)))
    parts = [shards.work_off(job, lambda: steps.append(1)) for job in reversed(jobs)][::-1]
    assert shards.done(out, manifest) == dict(enumerate(parts))
    assert [(part.n_rows, part.n_failed) for part in parts] == [(3, 0), (3, 1), (1, 0)]
    assert len(steps) == 2
    shards.gather(out, manifest, parts)
    if form == "csv":
        with Path(out).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    elif form == "jsonl":
        rows = [json.loads(line) for line in Path(out).read_text(encoding="utf-8").splitlines()]
    else:
        import pyarrow.parquet

        assert pyarrow.parquet.ParquetFile(out).metadata.num_row_groups == 3
        rows = pyarrow.parquet.read_table(out).to_pylist()
    assert [row["path"] for row in rows] == names
    assert [bool(row.get("error")) for row in rows] == [name == "none.wav" for name in names]
    shards.finish(out, replace(manifest, finished={"n_rows": 7}))
    assert not Path(f"{out}.parts").exists()
    assert shards.read_manifest(out).finished == {"n_rows": 7}


def test_nothing_is_something_too(tmp_path):
    pytest.importorskip("pyarrow")
    import pyarrow.parquet

    manifest = draw(tmp_path, [], form="parquet")
    shards.gather(str(tmp_path / "out"), manifest, [])
    assert pyarrow.parquet.read_table(tmp_path / "out").num_rows == 0


def test_a_worker_that_would_answer_otherwise_does_nothing(tmp_path, model):
    clips(tmp_path, 1)
    manifest = draw(tmp_path, ["000.wav"], model=model)
    (job,) = shards.jobs(str(tmp_path / "out"), manifest, model, [0])
    with pytest.raises(RunError, match="this worker cannot see it; expected paths that all workers share"):
        shards.work_off(replace(job, witness="/none/000.wav"), lambda: None)
    with pytest.raises(RunError, match="is another model on this worker"):
        shards.work_off(replace(job, model_digest="0"), lambda: None)
    assert shards.done(str(tmp_path / "out"), manifest) == {}


def test_a_disk_of_this_machine_that_is_full(tmp_path, model, monkeypatch):
    clips(tmp_path, 1)
    manifest = draw(tmp_path, ["000.wav"], model=model)
    (job,) = shards.jobs(str(tmp_path / "out"), manifest, model, [0])

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(RunError, match=r"cannot be written \(No space left on device\); make room, or set TMPDIR"):
        shards.work_off(job, lambda: None)
