"""Every recording of a list has one row, in its order, however often the work was cut off and whoever did it."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest
from batches import clips, object_store, small_model

import sutja.batch
from sutja import files, isolated, shards
from sutja.batch import Summary, form_of, predict_all
from sutja.engine import Serial
from sutja.errors import ConfigError, RunError
from sutja.outcomes import record_of
from sutja.predictor import Predictor


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    yield small_model(tmp_path_factory.mktemp("model"))
    isolated.dismiss()


def rows(path) -> list[dict]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def by_hand(model, paths) -> list[dict]:
    predictor = Predictor.load(model)
    return [record_of(path, predictor.predict(path)) for path in paths]


class Cut:
    """An engine that does so many jobs and then fails, as a killed scheduler does."""

    n_workers = 1

    def __init__(self, n_jobs: int) -> None:
        self.n_jobs = n_jobs

    def check_sees(self, folder):
        pass

    def map(self, function, jobs, on_step=lambda: None):
        for n, job in enumerate(jobs):
            if n == self.n_jobs:
                raise RunError("the scheduler went away")
            yield function(job, on_step)


def test_one_row_each_whatever_the_shards_and_however_often_it_was_cut_off(model, tmp_path):
    paths = clips(tmp_path / "takes", 7)
    expected, told = by_hand(model, paths), []
    summary = predict_all([str(tmp_path / "takes")], tmp_path / "a.jsonl", model=model, shard_size=3)
    assert summary == Summary(str(tmp_path / "a.jsonl"), 7, 0, 0, is_whole=True)
    assert rows(tmp_path / "a.jsonl") == expected
    out = tmp_path / "b.jsonl"
    asked = {"model": model, "shard_size": 2, "on_part": lambda *counts: told.append(counts)}
    for n_before in (0, 2):
        with pytest.raises(
            RunError, match=r"the scheduler went away; what was done is kept in .*: go on with --resume"
        ):
            predict_all([str(tmp_path / "takes")], out, engine=Cut(1), resume=n_before > 0, **asked)
        assert not out.exists()
    assert told == [(0, 7), (2, 7), (2, 7), (4, 7)]
    with pytest.raises(RunError, match="was begun already; go on with --resume, or choose another name"):
        predict_all([str(tmp_path / "takes")], out, **asked)
    clips(tmp_path / "takes", 9)  # what comes later is for another run
    asked.pop("shard_size")
    summary = predict_all([str(tmp_path / "takes")], out, resume=True, engine=Serial(), **asked)
    assert summary == Summary(str(out), 7, 0, 4, is_whole=True)
    assert [row["path"] for row in rows(out)] == [record["path"] for record in expected]
    assert sorted(path.name for path in tmp_path.glob("b.jsonl*")) == ["b.jsonl", "b.jsonl.manifest.json"]


def test_what_is_finished_is_not_done_again(model, tmp_path):
    sources, out = [str(clips(tmp_path, 1)[0])], tmp_path / "a.jsonl"
    predict_all(sources, out, model=model)
    before = out.stat().st_mtime_ns
    with pytest.raises(RunError, match="is there already, whole; take it away, or choose another name"):
        predict_all(sources, out, model=model)
    assert predict_all(sources, out, model=model, resume=True) == Summary(str(out), 1, 0, 1, is_whole=True)
    assert out.stat().st_mtime_ns == before
    out.unlink()
    with pytest.raises(RunError, match=r"was finished and is gone; take .* away to begin anew"):
        predict_all(sources, out, model=model, resume=True)


def test_what_was_begun_with_something_else_is_refused(model, tmp_path):
    path, out = clips(tmp_path, 1)[0], tmp_path / "a.jsonl"
    (tmp_path / "list.txt").write_text(f"{path}\n", encoding="utf-8")
    sources = [f"@{tmp_path / 'list.txt'}"]
    with pytest.raises(RunError, match="went away"):
        predict_all(sources, out, model=model, engine=Cut(0))
    with pytest.raises(RunError, match=r"was begun with sources @.*, and now it is x.wav; give the same"):
        predict_all(["x.wav"], out, model=model, resume=True)
    with pytest.raises(RunError, match="was begun with shard size 2000, and now it is 5"):
        predict_all(sources, out, model=model, resume=True, shard_size=5)
    with pytest.raises(RunError, match="was begun with model "):
        predict_all(sources, out, resume=True)
    with pytest.raises(RunError, match="was begun with form jsonl, and now it is csv"):
        predict_all(sources, out, model=model, resume=True, form="csv")
    (tmp_path / "list.txt").write_text(f"{path}\n{path}\n", encoding="utf-8")
    with pytest.raises(RunError, match=r"was begun with another list than @.* holds now"):
        predict_all(sources, out, model=model, resume=True)
    (tmp_path / "list.txt").write_text(f"{path}\n", encoding="utf-8")
    assert predict_all(sources, out, model=model, resume=True).n_rows == 1


def test_results_of_somebody_else_stay(model, tmp_path):
    (tmp_path / "a.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(RunError, match="is there already, and not from such a run"):
        predict_all([str(tmp_path)], tmp_path / "a.csv", model=model)
    assert (tmp_path / "a.csv").read_text(encoding="utf-8") == "mine"


def test_shares_of_the_shards_are_put_together_at_the_end(model, tmp_path):
    paths, out = clips(tmp_path / "takes", 5), tmp_path / "a.jsonl"
    asked = {"model": model, "shard_size": 1}
    for k, n_rows in ((2, 2), (1, 3)):
        summary = predict_all([str(tmp_path / "takes")], out, share=(k, 2), **asked)
        assert summary == Summary(str(out), n_rows, 0, 0, is_whole=False)
    again = predict_all([str(tmp_path / "takes")], out, share=(2, 2), **asked)
    assert (again.n_rows, again.n_before) == (2, 2)
    assert predict_all([str(tmp_path / "takes")], out, engine=Cut(0), resume=True, **asked).n_before == 5
    assert rows(out) == by_hand(model, paths)


def test_an_archive_is_a_shard(model, tmp_path):
    paths, told = clips(tmp_path / "takes", 2), []
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for path in paths:
            archive.add(path, path.name)
    sources = [str(paths[0]), str(tmp_path / "x.tar")]
    out = tmp_path / "a.jsonl"
    assert predict_all(sources, out, model=model, on_part=lambda *counts: told.append(counts)).n_rows == 3
    assert told[-1] == (3, None)
    assert [row["probabilities"] for row in rows(out)] == [
        record["probabilities"] for record in by_hand(model, [paths[0], *paths])
    ]


def test_a_full_disk_is_one_sentence_and_what_was_done_stays(model, tmp_path, monkeypatch):
    paths, out = clips(tmp_path / "takes", 3), tmp_path / "a.jsonl"
    written, replace = [], files.replace_atomically

    def full(path):
        if "part-" in path.name:
            written.append(path)
            if len(written) == 2:
                raise files.cannot_write(path, OSError(28, "No space left on device"))
        return replace(path)

    monkeypatch.setattr("sutja.places.replace_atomically", full)
    with pytest.raises(RunError, match=r"shard 2 of 3: .*No space left on device.*: go on with --resume"):
        predict_all([str(tmp_path / "takes")], out, model=model, shard_size=1, engine=Serial())
    assert predict_all([str(tmp_path / "takes")], out, model=model, resume=True, engine=Serial()).n_before == 1
    assert rows(out) == by_hand(model, paths)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"shard_size": 0}, "shards of 0 recordings; expected 1 or more"),
        ({"share": (3, 2)}, "shard 3/2: expected K/N with K from 1 to N"),
        ({"out": "results.txt"}, "says no form of results; expected a name that ends with .parquet, .jsonl or .csv"),
    ],
)
def test_wishes_that_mean_nothing(tmp_path, more, told):
    out = tmp_path / more.pop("out", "a.csv")
    with pytest.raises(ConfigError, match=told):
        predict_all(["a.wav"], out, **more)
    assert not list(tmp_path.iterdir())
    assert form_of("s3://b/a.PARQUET") == "parquet"


def test_from_a_store_to_a_store(model, tmp_path, monkeypatch):
    s3fs = pytest.importorskip("s3fs")
    pyarrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet  # noqa: F811

    paths = clips(tmp_path, 3)
    isolated.dismiss()  # who hears must know where the store is
    with object_store(monkeypatch):
        store = s3fs.S3FileSystem()
        for path in paths:
            store.pipe_file(f"takes/in/{path.name}", path.read_bytes())
        asked = (["s3://takes/in"], "s3://takes/out/a.parquet")
        assert predict_all(*asked, model=model, shard_size=2).n_rows == 3
        assert predict_all(*asked, model=model, shard_size=2, resume=True).n_before == 3
        store.invalidate_cache()
        assert store.ls("takes/out") == ["takes/out/a.parquet", "takes/out/a.parquet.manifest.json"]
        with store.open("takes/out/a.parquet") as file:
            found = pyarrow.parquet.read_table(file).to_pylist()
    assert [row["path"] for row in found] == [f"s3://takes/in/{path.name}" for path in paths]
    assert [row["probabilities"] for row in found] == [record["probabilities"] for record in by_hand(model, paths)]


def test_parts_of_a_killed_finish_go_with_the_next_call(model, tmp_path, monkeypatch):
    sources, out = [str(clips(tmp_path, 1)[0])], tmp_path / "a.jsonl"
    with monkeypatch.context() as cut:
        cut.setattr(shards.places, "remove_folder", lambda place: None)
        predict_all(sources, out, model=model)
    assert (tmp_path / "a.jsonl.parts").exists()
    predict_all(sources, out, model=model, resume=True)
    assert not (tmp_path / "a.jsonl.parts").exists()
    assert sutja.batch.predict_all is predict_all
