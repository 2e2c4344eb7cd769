"""What every run says of its model, and its predictions of clips without a label."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest import write_wav
from lessons import body, sound, takes
from models import AUDIO

from sutja import bundle, runs, shipping
from sutja.clips import Clip
from sutja.config import preset
from sutja.dataset import Dataset
from sutja.plan import Plan
from sutja.progress import Silent
from sutja.teaching import teach


class Told(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def plan(tmp_path) -> Plan:
    clips = takes(tmp_path / "words")
    for number in range(2):
        write_wav(tmp_path / f"{number}.wav", sound(500, np.random.default_rng(number)), AUDIO.sample_rate)
    unknown = (Clip(tmp_path / "0.wav", "0.wav"), Clip(tmp_path / "gone.wav", "gone.wav"))
    return Plan(Dataset(tmp_path, "csv", (*clips, *unknown)), preset("quick"), "speakers", tmp_path / "run")


def test_it_says_what_the_model_is(plan):
    metrics = teach(plan.dataset, body=body()).metrics
    corpora = [replace(clip, attributes={"corpus": "mine"}) for clip in plan.dataset.labelled]
    said = shipping.about(replace(plan, licence="CC0"), corpora, metrics)
    assert (said["preset"], said["protocol"], said["licence"], said["data"]) == ("quick", "speakers", "CC0", ["mine"])
    assert (said["n_clips"], said["n_speakers"]) == (24, 2)
    assert said["refusal"]["false_accept_rate"] == metrics.refusal.false_accept_rate
    described = shipping.describe(plan, metrics, "f")
    assert (described["n_clips"], described["n_labels"], described["n_unlabelled"]) == (24, 3, 2)


def test_clips_without_a_label_are_predicted_and_those_that_cannot_be_are_told(plan):
    bundle.save(teach(plan.dataset, body=body()).bundle, plan.folder.model)
    told = Told()
    shipping.submit(plan, told)
    rows = runs.read_submission(plan.folder)
    assert [(row["file_name"], row["label"]) for row in rows] == [("0.wav", "stop"), ("gone.wav", "")]
    assert told.lines[0].startswith("no prediction: ")
    assert "gone.wav" in told.lines[0]


def test_nothing_is_written_where_all_have_labels(plan):
    labelled = replace(plan, dataset=replace(plan.dataset, clips=plan.dataset.labelled))
    shipping.submit(labelled, Silent())
    assert not plan.folder.submission.exists()
