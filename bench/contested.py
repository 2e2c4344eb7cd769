"""Labels of the digits that `digits-en` learned from which two listeners contest, each without the clip's corpus.

    python bench/contested.py RUN [--json]

RUN is what `make model` leaves in build/digits-en: its networks that held the corpus out. The other listener is the
teacher (extra `teacher`): a ridge on its view of each clip, fitted on the other corpora. Listed are clips that both
take for the same other digit, and surely. Needs SUTJA_DATA.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from corpora import corpus_of
from numpy.typing import NDArray

from sutja import bundle, runs
from sutja.audio import load_waveform
from sutja.engine.threads import each
from sutja.fitting import fit_head
from sutja.learn.teacher import open_teacher
from sutja.runs import RunFolder

SURE = 0.7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    folder = RunFolder(arguments.run)
    found, audio = runs.read_out_of_fold(folder), bundle.load(folder.model).audio
    teacher = open_teacher()
    views = list(each(lambda clip: teacher(load_waveform(clip.source, audio), audio.sample_rate), found.clips))
    corpora = np.array([corpus_of(clip) for clip in found.clips])
    taught = fit_head(np.array(views), found.targets, len(found.labels), corpora.tolist()).held_out
    both = contested(found.probabilities, taught, found.targets)
    rows = [
        {
            "corpus": str(corpora[row]),
            "name": found.clips[row].name,
            "label": found.labels[found.targets[row]],
            "heard": found.labels[found.probabilities[row].argmax()],
        }
        for row in both
    ]
    result: dict[str, Any] = {
        "bench": "contested",
        "n": len(found.clips),
        "accuracy": {
            name: {
                "networks": float((found.probabilities[of].argmax(axis=1) == found.targets[of]).mean()),
                "teacher": float((taught[of].argmax(axis=1) == found.targets[of]).mean()),
            }
            for name, of in ((name, corpora == name) for name in np.unique(corpora).tolist())
        },
        "contested": dict(Counter(row["corpus"] for row in rows)),
        "clips": rows,
    }
    print(json.dumps(result) if arguments.json else json.dumps(result, indent=2))


def contested(networks: NDArray[np.float32], teacher: NDArray[np.float32], targets: NDArray[np.int64]) -> list[int]:
    """List the rows that both take for the same other class, surely."""
    heard = networks.argmax(axis=1)
    surely = (networks.max(axis=1) >= SURE) & (teacher.max(axis=1) >= SURE)
    rows: list[int] = np.flatnonzero(surely & (heard == teacher.argmax(axis=1)) & (heard != targets)).tolist()
    return rows


if __name__ == "__main__":
    main()
