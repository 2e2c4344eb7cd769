"""The frame network, asked step by step: each stream has its own state, which goes in and comes out by name."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sutja.bundle import open_network
from sutja.features import Features
from sutja.records import FieldError, require
from sutja.strings.frontend import N_BANDS, STEP_FRAMES

FEATURES, ANSWERS = "features", "log_probabilities"
STATE, NEXT = "state_", "next_"
"""Inputs and outputs of the file: what each layer remembers before and after a step, ``state_0`` and ``next_0``."""
STEP_OUTPUTS = STEP_FRAMES // 2

State = list[NDArray[np.float32]]


class FrameNetwork:
    """A loaded network; it holds no state and can serve many streams.

    Parameters
    ----------
    content
        Its ONNX file.
    n_outputs
        That it must have.

    Raises
    ------
    FieldError
        When the file is no such network.

    """

    def __init__(self, content: bytes, n_outputs: int) -> None:
        try:
            self._session: Any = open_network(content)
        except Exception as error:  # onnxruntime has kinds of its own
            raise FieldError(f"the network cannot be loaded ({error})") from error
        shapes = {each.name: tuple(each.shape) for each in self._session.get_inputs()}
        found, expected = shapes.pop(FEATURES, None), (1, N_BANDS, STEP_FRAMES)
        require(found == expected, FEATURES, found, str(expected))
        self._shapes = [shapes[f"{STATE}{number}"] for number in range(len(shapes)) if f"{STATE}{number}" in shapes]
        require(len(self._shapes) == len(shapes), "inputs", sorted(shapes), "states by number")
        self._wanted = [ANSWERS, *(f"{NEXT}{number}" for number in range(len(shapes)))]
        given = {each.name: tuple(each.shape) for each in self._session.get_outputs()}
        require(set(self._wanted) == set(given), "outputs", sorted(given), "answers and the next state")
        require(given[ANSWERS] == (1, STEP_OUTPUTS, n_outputs), ANSWERS, given[ANSWERS], f"{n_outputs} outputs")

    def nothing(self) -> State:
        """Return the state before anything was heard."""
        return [np.zeros(shape, dtype=np.float32) for shape in self._shapes]

    def step(self, features: Features, state: State) -> tuple[NDArray[np.float32], State]:
        """Hear one step, ``(N_BANDS, STEP_FRAMES)``; return its answers ``(STEP_OUTPUTS, n_outputs)`` and the state."""
        asked = {FEATURES: features[None]} | {f"{STATE}{number}": each for number, each in enumerate(state)}
        answers, *after = self._session.run(self._wanted, asked)
        return answers[0], after
