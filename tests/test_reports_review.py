"""What is read of a run, and what is heard of its recordings."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cleanlab")

from conftest import TINY_LABELS, TINY_RATE, write_wav
from helpers import Told
from made_runs import make_run, rewrite

from sutja.dataset import scan
from sutja.errors import RunError
from sutja.reports.review import find, neighbour, sketch_clips
from sutja.runs import RunFolder, read_out_of_fold


@pytest.fixture
def clips(tiny_dataset):
    return scan(tiny_dataset).labelled


@pytest.fixture
def run(tmp_path, clips):
    return make_run(tmp_path / "run", clips)


def test_read(run, clips):
    found = read_out_of_fold(RunFolder(run))
    assert [(c.name, c.label, c.speaker, c.path) for c in found.clips] == [
        (c.name, c.label, c.speaker, c.path) for c in clips
    ]
    assert found.labels == TINY_LABELS
    assert [found.labels[t] for t in found.targets] == [c.label for c in clips]
    assert found.accuracy == 1
    assert len(found.members) == 2
    assert found.protocol == "clips"


def test_copies_of_a_clip_are_averaged(tmp_path, clips):
    run = make_run(tmp_path / "run", clips, n_copies=3, protocol="copies")
    rows = np.tile([[0.9, 0.1, 0], [0.6, 0.4, 0], [0.3, 0.1, 0.6]], (len(clips), 1)).astype(np.float32)
    rewrite(run, ensemble=rows)
    found = read_out_of_fold(RunFolder(run))
    assert len(found.clips) == len(clips)
    assert found.probabilities == pytest.approx(np.tile([0.6, 0.2, 0.2], (len(clips), 1)))


def test_copies_need_not_stand_together(tmp_path, clips):
    run = make_run(tmp_path / "run", clips, n_copies=2)
    with np.load(run / "out_of_fold.npz") as file:
        arrays = dict(file)
    order = np.random.default_rng(0).permutation(2 * len(clips))
    labels = arrays.pop("labels")
    np.savez(run / "out_of_fold.npz", labels=labels, **{name: values[order] for name, values in arrays.items()})
    found = read_out_of_fold(RunFolder(run))
    assert {c.name for c in found.clips} == {c.name for c in clips}
    assert found.accuracy == 1


def test_a_run_with_one_member(run):
    rewrite(run, mel=None, mfcc=None)
    assert len(read_out_of_fold(RunFolder(run)).members) == 1


def test_no_speakers(tmp_path, tiny_dataset):
    clips = scan(tiny_dataset / "data", layout="folders").labelled
    found = read_out_of_fold(RunFolder(make_run(tmp_path / "run", clips)))
    assert {clip.speaker for clip in found.clips} == {None}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda run: (run / "config.json").unlink(), "is not a run"),
        (lambda run: (run / "metrics.json").unlink(), r"is not finished .*--resume"),
        (lambda run: (run / "metrics.json").write_text("{"), "cannot be read"),
        (lambda run: (run / "metrics.json").write_text("[]"), "holds no table of names and values"),
        (lambda run: (run / "out_of_fold.npz").unlink(), "no such file"),
        (lambda run: (run / "out_of_fold.npz").write_bytes(b""), "cannot be read"),
        (lambda run: (run / "out_of_fold.npz").write_bytes(b"PK\3\4 and no more"), "cannot be read"),
        (lambda run: rewrite(run, ensemble=None), "ensemble is missing"),
        (lambda run: rewrite(run, names=np.array(["a"])), "do not fit together"),
        (lambda run: rewrite(run, labels=np.array(["0", "1"])), "expected 2 columns"),
        (lambda run: rewrite(run, ensemble=np.full((36, 3), np.nan, dtype=np.float32)), "ensemble is .not finite"),
        (lambda run: rewrite(run, labels=np.array(["0", "1", "9"])), "true_labels is .* expected the labels"),
    ],
)
def test_what_is_no_finished_run_is_told_in_one_sentence(run, spoil, message):
    spoil(run)
    with pytest.raises(RunError, match=message) as caught:
        read_out_of_fold(RunFolder(run))
    assert "\n" not in str(caught.value)
    assert str(run) in str(caught.value)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(RunError, match="is not a run"):
        read_out_of_fold(RunFolder(tmp_path / "nowhere"))


def test_recordings_that_are_gone_or_damaged_are_named(clips):
    clips[3].path.unlink()
    clips[5].path.write_bytes(b"no sound")
    told = Told()
    sketched = sketch_clips(clips, told)
    assert [index for index, _ in sketched.unreadable] == [3, 5]
    assert sketched.unreadable[0][1] == "no such file; check the path"
    assert str(clips[5].path) not in sketched.unreadable[1][1]
    assert sketched.indices.tolist() == [i for i in range(len(clips)) if i not in (3, 5)]
    assert len(sketched.sketches) == len(sketched.digests) == len(clips) - 2
    assert (told.stages, len(told.steps)) == ([("listening", len(clips))], len(clips))


def test_all_recordings_gone(run, clips):
    for clip in clips:
        clip.path.unlink()
    found = find(read_out_of_fold(RunFolder(run)))
    assert len(found.sketched.unreadable) == len(clips)
    assert found.duplicates == []
    assert neighbour(found, 0, 1) is None


def test_duplicates_under_another_label_come_first(tmp_path, tiny_dataset):
    folder = tiny_dataset / "data"
    rng = np.random.default_rng(8)
    for names in (("01/0_01_7", "02/1_02_7"), ("03/2_03_7", "04/2_04_7"), ("01/1_01_8", "01/1_01_9")):
        noise = rng.normal(0, 0.1, TINY_RATE // 2).astype(np.float32)
        for name in names:
            write_wav(folder / f"{name}.wav", noise, TINY_RATE)
    found = find(read_out_of_fold(RunFolder(make_run(tmp_path / "run", scan(tiny_dataset).labelled))))
    across = [found.across(p) for p in found.duplicates if p.identical]  # two of the tiny set's tones are alike, too
    assert across == ["label and speaker", "speaker", ""]
    every = [found.across(p) for p in found.duplicates]
    assert every == sorted(every, key=["label and speaker", "label", "speaker", ""].index)


def test_neighbour_is_of_the_label_and_not_itself_in_doubt(tmp_path, clips):
    run = make_run(tmp_path / "run", clips)
    with np.load(run / "out_of_fold.npz") as file:
        rows = file["ensemble"].copy()
    rows[0] = [0.01, 0.98, 0.01]  # labelled 0, said 1
    twin = next(i for i, clip in enumerate(clips) if i and clip.label == "0" and clip.speaker == clips[0].speaker)
    rewrite(run, ensemble=rows, mel=rows, mfcc=rows)
    found = find(read_out_of_fold(RunFolder(run)))
    assert [doubt.index for doubt in found.doubtful] == [0]
    near = {target: neighbour(found, 0, target) for target in range(3)}
    assert [clips[near[target]].label for target in range(3)] == ["0", "1", "2"]
    assert 0 not in near.values()
    rows[twin] = rows[0]
    rewrite(run, ensemble=rows, mel=rows, mfcc=rows)
    again = find(read_out_of_fold(RunFolder(run)))
    assert neighbour(again, 0, 0) not in (0, twin)


def test_doubts_about_labels_that_are_hardly_known_come_last(tmp_path, clips):
    run = make_run(tmp_path / "run", clips)
    with np.load(run / "out_of_fold.npz") as file:
        rows = file["ensemble"].copy()
    of_label = {label: [i for i, clip in enumerate(clips) if clip.label == label] for label in TINY_LABELS}
    rows[of_label["2"][:8]] = [0.99, 0.01, 0]  # most clips of 2 are taken for 0, surely
    rows[of_label["1"][0]] = [0.80, 0.15, 0.05]
    rewrite(run, ensemble=rows, mel=rows, mfcc=rows)
    out_of_fold = read_out_of_fold(RunFolder(run))
    assert out_of_fold.unknown_labels == ("2",)
    doubtful = find(out_of_fold).doubtful
    assert doubtful[0].index == of_label["1"][0]
    assert {clips[doubt.index].label for doubt in doubtful[1:]} == {"2"}
