"""The audit of a run's recordings: what is worth a listen, as CSV and as one page where it can be heard and seen.

It proposes; it changes no label and no file of the run.
"""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sutja import __version__, features
from sutja.audio import Waveform, decode, load_waveform
from sutja.clips import Recording
from sutja.config import AudioConfig
from sutja.errors import AudioError
from sutja.files import write_text
from sutja.progress import SILENT, Progress
from sutja.reports import figures, pages
from sutja.reports.doubts import RECOGNISED, Doubt
from sutja.reports.duplicates import Pair
from sutja.reports.explore import spectrogram
from sutja.reports.review import Review, find, neighbour
from sutja.runs import RunFolder, read_out_of_fold
from sutja.window import judged

TOP = 30
"""Clips of each list that the page shows when nothing else is asked."""
MAX_RATE = 16_000
"""Hz, of pictures and players: above 8 kHz no vowel or consonant is told from another."""
MAX_SECONDS = 2.0
"""Of a longer recording, the part that is judged is shown."""
MAX_LISTED = 200
"""Recordings that cannot be read, on the page; ``unreadable.csv`` has all."""
MIN_ACCURACY = 0.8
"""Below this the networks know too little to judge labels, and the page says so."""


def audit(run: Path, out: Path, *, top: int = TOP, progress: Progress = SILENT) -> Review:
    """Audit the recordings of a run; write ``out/*.csv`` and ``out/audit.html``.

    Parameters
    ----------
    run
        The folder of a finished run.
    out
        A folder; it is made if it is not there.
    top
        How many clips of each list the page shows; the CSV files hold all.
    progress
        Told of each clip and each pair.

    Raises
    ------
    RunError
        When ``run`` is not a finished run or ``out`` cannot be written to.

    """
    review = find(read_out_of_fold(RunFolder(run)), progress)
    write_tables(review, out)
    pages.write_page(
        out / "audit.html", "audit.html", **_template_values(review, run, top, progress), version=__version__
    )
    return review


# -- tables ----------------------------------------------------------------------------------------------------------

CLIP = ("file_name", "path", "label", "speaker")
OTHER = tuple(f"other_{name}" for name in CLIP)
TABLES: dict[str, tuple[str, ...]] = {
    "doubtful_labels.csv": ("rank", *CLIP, "suggested", "label_probability", "suggested_probability"),
    "duplicates.csv": ("rank", *CLIP, *OTHER, "across", "similarity", "identical"),
    "unrecognised.csv": ("rank", *CLIP, "label_probability", "suggested", "suggested_probability", "entropy"),
    "unreadable.csv": (*CLIP, "reason"),
}
"""The files and their columns."""


def write_tables(review: Review, out: Path) -> None:
    """Write each list as CSV, an empty one too, so that nothing of an earlier audit stays."""
    rows: dict[str, Iterable[Sequence[object]]] = {
        "doubtful_labels.csv": _doubtful_rows(review),
        "duplicates.csv": _duplicate_rows(review),
        "unrecognised.csv": _unrecognised_rows(review),
        "unreadable.csv": ((*_clip(review, index), reason) for index, reason in review.sketched.unreadable),
    }
    for name, columns in TABLES.items():
        file = io.StringIO()
        csv.writer(file, lineterminator="\n").writerows([columns, *rows[name]])
        write_text(out / name, file.getvalue())


def _clip(review: Review, index: int) -> tuple[str, str, str, str]:
    clip = review.out_of_fold.clips[index]
    return clip.name, pages.readable(clip.path), str(clip.label), clip.speaker or ""


def _doubtful_rows(review: Review) -> Iterator[Sequence[object]]:
    for rank, doubt in enumerate(review.doubtful, start=1):
        suggested = review.out_of_fold.labels[doubt.suggested]
        shares = (doubt.target_probability, doubt.suggested_probability)
        yield rank, *_clip(review, doubt.index), suggested, *map(_rounded, shares)


def _unrecognised_rows(review: Review) -> Iterator[Sequence[object]]:
    for rank, doubt in enumerate(review.unrecognised, start=1):
        given, suggested = _rounded(doubt.target_probability), review.out_of_fold.labels[doubt.suggested]
        rest = (given, suggested, _rounded(doubt.suggested_probability), _rounded(doubt.entropy))
        yield rank, *_clip(review, doubt.index), *rest


def _duplicate_rows(review: Review) -> Iterator[Sequence[object]]:
    for rank, pair in enumerate(review.duplicates, start=1):
        rest = (review.across(pair), _rounded(pair.similarity), "yes" if pair.identical else "no")
        yield rank, *_clip(review, pair.first), *_clip(review, pair.second), *rest


def _rounded(share: float) -> str:
    return f"{share:.4f}"


# -- the page --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Shown:
    """A clip as the page shows it."""

    name: str
    label: str
    speaker: str
    role: str
    sound: str = ""
    """Its key among the sounds; empty where the recording is gone."""
    picture: str = ""


class _Showcase:
    """Hears and draws clips for the page; a sound is kept once, however often it is shown."""

    def __init__(self, review: Review) -> None:
        self._review = review
        self._gone = {index for index, _ in review.sketched.unreadable}
        self._n_shown = 0
        self.sounds: dict[str, str] = {}

    def show(self, index: int, role: str = "") -> _Shown:
        """Give a clip for the template, silent where it cannot be heard any more."""
        clip = self._review.out_of_fold.clips[index]
        silent = _Shown(clip.name, str(clip.label), clip.speaker or "", role)
        if index in self._gone:
            return silent
        try:
            waveform, rate = _judged_part(clip.source)
        except AudioError:  # it went since the listening
            return silent
        key = str(index)
        self.sounds.setdefault(key, base64.b64encode(pages.small_sound(waveform, rate)).decode("ascii"))
        self._n_shown += 1
        return replace(silent, sound=key, picture=_picture(waveform, rate, f"mel-{self._n_shown}"))


def _picture(waveform: Waveform, rate: int, name: str) -> str:
    settings = replace(spectrogram(rate), n_mfcc=None)
    return pages.svg(figures.mel_spectrogram(features.log_mel(waveform, rate, settings), rate, settings), name)


def _judged_part(source: Recording) -> tuple[Waveform, int]:
    """Return the part of a recording that is judged at its own sample rate, or at ``MAX_RATE`` where that is higher."""
    samples, native = decode(source, AudioConfig())
    rate = max(4_000, min(native, MAX_RATE))
    waveform = load_waveform(samples, AudioConfig(sample_rate=rate), sample_rate=native)
    return judged(waveform, rate, int(MAX_SECONDS * rate)), rate


def _template_values(review: Review, run: Path, top: int, progress: Progress) -> dict[str, Any]:
    """Gather what the template says, in its order."""
    showcase = _Showcase(review)
    doubtful, unknown, twice = review.doubtful[:top], review.unrecognised[:top], review.duplicates[:top]
    step = progress.stage("drawing", len(doubtful) + len(unknown) + len(twice), "clip")
    return {
        "run": pages.readable(run.resolve().name),
        "review": review,
        "accuracy": review.out_of_fold.accuracy,
        "too_little": review.out_of_fold.accuracy < MIN_ACCURACY,
        "recognised": RECOGNISED,
        "unknown_labels": review.out_of_fold.unknown_labels,
        "n_across": sum(bool(review.across(pair)) for pair in review.duplicates),
        "max_seconds": MAX_SECONDS,
        "doubtful": [_doubt(review, doubt, showcase, step) for doubt in doubtful],
        "duplicates": [_pair(review, pair, showcase, step) for pair in twice],
        "unrecognised": [_doubt(review, doubt, showcase, step) for doubt in unknown],
        "unreadable": [(*_clip(review, index), reason) for index, reason in review.sketched.unreadable[:MAX_LISTED]],
        "sounds": showcase.sounds,
        "sound_type": pages.SMALL_TYPE,
        "tables": list(TABLES),
    }


def _doubt(review: Review, doubt: Doubt, showcase: _Showcase, step: Callable[[], None]) -> dict[str, Any]:
    """Give a clip in doubt between its nearest neighbours of the label it has and of the one suggested."""
    labels = review.out_of_fold.labels
    shown = [showcase.show(doubt.index, "in doubt")]
    for target, role in ((doubt.target, "has"), (doubt.suggested, "suggested")):
        near = neighbour(review, doubt.index, target)
        if near is not None:
            shown.append(showcase.show(near, role))
    step()
    return {"doubt": doubt, "label": labels[doubt.target], "suggested": labels[doubt.suggested], "clips": shown}


def _pair(review: Review, pair: Pair, showcase: _Showcase, step: Callable[[], None]) -> dict[str, Any]:
    shown = [showcase.show(pair.first), showcase.show(pair.second)]
    step()
    return {"pair": pair, "across": review.across(pair), "clips": shown}
