"""A recording in, a prediction out: what Python, the command line and every other surface call.

Reaches no torch. The same clip gives the same answer from a path, its bytes or its samples, alone or in a batch.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from sutja.audio import Source, load_waveform
from sutja.bundle import DEFAULT_MODEL, Bundle, Member
from sutja.bundle import load as load_bundle
from sutja.calibration import tempered
from sutja.ensemble import combine
from sutja.errors import AudioError, BundleError
from sutja.features import network_inputs

BATCH_SIZE = 32


@dataclass(frozen=True)
class Prediction:
    """What one clip is taken for."""

    label: str | None
    """None when the clip is refused: nothing in the vocabulary."""
    probability: float
    """Of the most probable label, also of a refused one."""
    probabilities: dict[str, float]
    """Of every label, in class order. They sum to 1, or fall short of it by the probability that the clip is nothing
    in the vocabulary, where the model can say so."""
    rejected: bool = False


class Predictor:
    """A loaded model.

    Parameters
    ----------
    bundle
        The saved model, checked.

    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.labels = bundle.labels
        self._configs = [member.features for member in bundle.members]
        n_classes = len(bundle.labels) + (bundle.threshold is not None)
        self._sessions = [_session(member, n_classes) for member in bundle.members]

    @classmethod
    def load(cls, path: str | os.PathLike[str] = DEFAULT_MODEL) -> Predictor:
        """Load a saved model from its folder, from the run that holds it, or one that sutja brings by its name.

        Raises
        ------
        BundleError
            When the model is missing, damaged or of a newer format.

        """
        return cls(load_bundle(path))

    def predict(self, source: Source, *, sample_rate: int | None = None) -> Prediction:
        """Say what one clip is.

        Parameters
        ----------
        source
            A path, the bytes of a file, an open binary file, or samples.
        sample_rate
            Of samples, Hz; the model's own (``bundle.audio.sample_rate``) when not given. Files say their own.

        Raises
        ------
        AudioError
            When the source cannot be used.

        """
        return self._judge([self._hear(source, sample_rate)])[0]

    def predict_many(self, sources: Iterable[Source]) -> Iterator[Prediction | AudioError]:
        """Say what each clip is, in order; a source that cannot be used gives its error in its place.

        Works in batches with a few threads reading ahead, in memory that does not grow with the number of sources.
        """
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            for batch in _batched(sources, BATCH_SIZE):
                heard = list(pool.map(self._hear_or_error, batch))
                usable = [found for found in heard if not isinstance(found, AudioError)]
                predictions = iter(self._judge(usable) if usable else [])
                yield from (found if isinstance(found, AudioError) else next(predictions) for found in heard)

    def _hear(self, source: Source, sample_rate: int | None = None) -> list[NDArray[np.float32]]:
        """Turn a source into each member's input, ``(n_bins, n_frames)``."""
        audio = self.bundle.audio
        waveform = load_waveform(source, audio, sample_rate=sample_rate)
        return network_inputs(waveform, audio.sample_rate, self._configs)

    def _hear_or_error(self, source: Source) -> list[NDArray[np.float32]] | AudioError:
        try:
            return self._hear(source)
        except AudioError as error:
            return error

    def _judge(self, clips: Sequence[list[NDArray[np.float32]]]) -> list[Prediction]:
        members = {}
        for index, (member, session) in enumerate(zip(self.bundle.members, self._sessions, strict=True)):
            batch = np.stack([clip[index] for clip in clips])[:, None]  # (batch, 1, n_bins, n_frames)
            members[member.name] = session.run(None, {"features": batch})[0]
        return [self._prediction(row) for row in tempered(combine(members), self.bundle.temperature)]

    def _prediction(self, row: NDArray[np.float32]) -> Prediction:
        of_labels = row[: len(self.labels)]
        best = int(of_labels.argmax())
        probability = float(of_labels[best])
        rejected = self.bundle.threshold is not None and probability < self.bundle.threshold
        probabilities = dict(zip(self.labels, of_labels.tolist(), strict=True))
        return Prediction(None if rejected else self.labels[best], probability, probabilities, rejected)


def _session(member: Member, n_classes: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # a clip is too small to share out
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(member.onnx, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise BundleError(f"member {member.name}: onnxruntime cannot load it ({error}); export it again") from error
    found = session.get_outputs()[0].shape[-1]
    if found != n_classes:
        raise BundleError(f"member {member.name}: {found} classes for {n_classes} labels; export the model again")
    expected = [1, member.features.n_bins, member.features.n_frames]
    if session.get_inputs()[0].shape[1:] != expected:
        raise BundleError(f"member {member.name}: does not take features of shape {expected}; export the model again")
    return session


def _batched(sources: Iterable[Source], size: int) -> Iterator[list[Source]]:
    remaining = iter(sources)
    while batch := list(itertools.islice(remaining, size)):
        yield batch
