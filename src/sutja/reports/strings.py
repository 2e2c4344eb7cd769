"""How well strings are recognised, as a page, with the worst of them to hear.

It says what :mod:`sutja.strings.evaluation` found, and computes nothing.
"""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np

from sutja import __version__
from sutja.audio import Waveform, open_stream
from sutja.reports import pages
from sutja.strings.evaluation import StringScores
from sutja.strings.frontend import SAMPLE_RATE

MAX_WRONG, MAX_HEARD = 200, 40
"""Wrong strings listed, and those of them that can be heard; the JSON has all."""
HEARD_SECONDS = 20.0
"""Of each, at most."""


def write_string_scores(path: Path, scores: StringScores, *, title: str, known_length: bool = False) -> None:
    """Write the page, one file that needs no other, whole or not at all.

    Parameters
    ----------
    path
        Of the page.
    scores
        How well strings were recognised.
    title
        Names the recordings.
    known_length
        Whether the model was told how long each string is.

    Raises
    ------
    RunError
        When the page cannot be written.

    """
    wrong = scores.wrong[:MAX_WRONG]
    heard = [_sound(Path(row["path"])) for row in wrong[:MAX_HEARD]]
    pages.write_page(
        path,
        "strings.html",
        title=title,
        scores=scores,
        known_length=known_length,
        wrong=[row | {"sound": sound} for row, sound in zip(wrong, [*heard, *[None] * len(wrong)], strict=False)],
        groups={"speaker": scores.by_speaker, "words in a string": scores.by_length},
        version=__version__,
    )


def _sound(path: Path) -> str:
    with open_stream(path, SAMPLE_RATE) as (rate, chunks):
        parts, n_samples = list[Waveform](), 0
        for chunk in chunks:
            parts.append(chunk)
            n_samples += len(chunk)
            if n_samples >= HEARD_SECONDS * rate:
                break
    waveform = np.concatenate(parts)[: round(HEARD_SECONDS * rate)]
    content = base64.b64encode(pages.small_sound(waveform, rate)).decode("ascii")
    return f"data:{pages.SMALL_TYPE};base64,{content}"
