"""The network that listens to strings: features in, the log probability of every state of every word out, as they come.

Shapes: features ``(batch, n_bands, n_frames)`` float32, answers ``(batch, n_frames / 2, n_outputs)``. What it says of a
moment comes :data:`DELAY` outputs later: so far it looks ahead, and no further.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

DELAY = 8
"""Outputs of 20 ms."""


class CausalBlock(nn.Module):
    """Two steps over time beside a shortcut: ``(batch, n, time)`` to the same shape; looks back, never ahead.

    Parameters
    ----------
    n
        Channels.
    dilation
        Outputs between the taps of the first convolution.

    """

    n_taps = 3

    def __init__(self, n: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.n_before = (self.n_taps - 1) * dilation
        self.wide = nn.Conv1d(n, n, self.n_taps, dilation=dilation, bias=False)
        self.normal = nn.BatchNorm1d(n)
        self.mix = nn.Conv1d(n, n, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Return the answers, and what the next call must be given as the past ``(batch, n, n_before)``."""
        seen = torch.cat([past, x], 2)
        heard = torch.relu(self.normal(self.wide(seen)))
        return torch.relu(x + self.dropout(self.mix(heard))), seen[:, :, seen.shape[2] - self.n_before :]


class FrameNet(nn.Module):
    """A stem over frequency and time, and eight blocks over time that see 1.3 s back.

    Parameters
    ----------
    n_outputs
        States of all words, silence, other sounds.
    n_bands
        Of the features.

    """

    stem_channels = 24, 32
    n_channels = 128
    dilations = 1, 2, 4, 8, 1, 2, 4, 8
    n_before = 4, 2
    """Frames and outputs of the past that the two convolutions of the stem see."""

    def __init__(self, n_outputs: int, n_bands: int = 40, dropout: float = 0.1) -> None:
        super().__init__()
        first, second = self.stem_channels
        self.n_bands = n_bands
        self.first = nn.Sequential(
            nn.Conv2d(1, first, 5, 2, padding=(2, 0), bias=False), nn.BatchNorm2d(first), nn.ReLU()
        )
        self.second = nn.Sequential(
            nn.Conv2d(first, second, 3, (2, 1), padding=(1, 0), bias=False), nn.BatchNorm2d(second), nn.ReLU()
        )
        self.join = nn.Sequential(
            nn.Conv1d(second * (n_bands // 4), self.n_channels, 1, bias=False),
            nn.BatchNorm1d(self.n_channels),
            nn.ReLU(),
        )
        self.blocks = nn.ModuleList(CausalBlock(self.n_channels, d, dropout) for d in self.dilations)
        self.last = nn.Conv1d(self.n_channels, n_outputs, 1)

    def nothing(self, n: int = 1) -> list[Tensor]:
        """Return the state before anything was heard: what each layer remembers, ``(n, ..., time)``."""
        where: Tensor = self.last.weight
        first = where.new_zeros(n, 1, self.n_bands, self.n_before[0])
        second = where.new_zeros(n, self.stem_channels[0], self.n_bands // 2, self.n_before[1])
        lengths = [(CausalBlock.n_taps - 1) * dilation for dilation in self.dilations]
        return [first, second, *(where.new_zeros(n, self.n_channels, length) for length in lengths)]

    def step(self, features: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Take the next frames, an even number; return the answers about them and the state after them."""
        seen = torch.cat([state[0], features[:, None]], 3)
        after = [seen[:, :, :, seen.shape[3] - self.n_before[0] :]]
        x = self.first(seen)  # (batch, channels, n_bands / 2, time): a kernel of 5 and a stride of 2 over frames
        seen = torch.cat([state[1], x], 3)
        after.append(seen[:, :, :, seen.shape[3] - self.n_before[1] :])
        x = self.join(self.second(seen).flatten(1, 2))
        for block, past in zip(self.blocks, state[2:], strict=True):
            x, kept = block(x, past)
            after.append(kept)
        return self.last(x).transpose(1, 2).float().log_softmax(2), after

    def forward(self, features: Tensor) -> Tensor:
        """Hear whole recordings, ``(batch, n_bands, n_frames)``, from the beginning."""
        return self.step(features, self.nothing(len(features)))[0]
