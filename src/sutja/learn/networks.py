"""The networks: features in, logits out.

Shapes: input ``(batch, 1, n_bins, n_frames)`` float32, output logits ``(batch, n_classes)``.
The reference network is specified layer by layer in the study that this project repeats; with 10 labels it has
84 522 parameters, of which 960 are batch-norm statistics.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Keras's defaults, which the study uses; torch's are eps=1e-5 and momentum=0.1 (torch's momentum is 1 - Keras's).
BATCH_NORM_EPS, BATCH_NORM_MOMENTUM = 1e-3, 0.01


def batch_norm(n_channels: int) -> nn.BatchNorm2d:
    """Batch normalisation of ``(batch, n_channels, height, width)`` with the study's constants."""
    return nn.BatchNorm2d(n_channels, BATCH_NORM_EPS, BATCH_NORM_MOMENTUM)


class ResidualBlock(nn.Module):
    """Three times (batch norm, ReLU, convolution) beside a 1x1 convolution of the input; their sum through ReLU.

    Parameters
    ----------
    n_in, n_out
        Channels that enter and leave: ``(batch, n_in, height, width)`` to ``(batch, n_out, height, width)``.

    """

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            batch_norm(n_in), nn.ReLU(), nn.Conv2d(n_in, n_in, 1),
            batch_norm(n_in), nn.ReLU(), nn.Conv2d(n_in, n_in, 3, padding=1),
            batch_norm(n_in), nn.ReLU(), nn.Conv2d(n_in, n_out, 1),
        )  # fmt: skip
        # Always a projection, also where the channels match: the study's code compares the wrong axis, and its
        # parameter count shows it.
        self.shortcut = nn.Conv2d(n_in, n_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, n_in, height, width)`` to ``(batch, n_out, height, width)``."""
        return torch.relu(self.body(x) + self.shortcut(x))


class StudyNet(nn.Module):
    """The study's residual network.

    Parameters
    ----------
    n_classes
        Number of labels.
    dropout
        Share of the 32 hidden units that are dropped in training.

    """

    def __init__(self, n_classes: int, dropout: float = 0.5) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), batch_norm(16), nn.ReLU(), nn.MaxPool2d(2))
        self.blocks = nn.Sequential(
            ResidualBlock(16, 32), nn.MaxPool2d(2),
            ResidualBlock(32, 32),
            ResidualBlock(32, 64), nn.MaxPool2d(2),
            ResidualBlock(64, 64),
        )  # fmt: skip
        self.head = nn.Sequential(
            nn.Linear(64, 32),
            nn.BatchNorm1d(32, BATCH_NORM_EPS, BATCH_NORM_MOMENTUM),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        self.last = nn.Linear(32, n_classes)
        self.apply(_he_normal)
        nn.init.xavier_uniform_(self.last.weight)  # Keras's default, which the study leaves for the last layer

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, 1, n_bins, n_frames)`` to logits ``(batch, n_classes)``."""
        x = self.blocks(self.stem(x))  # (batch, 64, n_bins / 8, n_frames / 8)
        logits: Tensor = self.last(self.head(x.mean(dim=(2, 3))))
        return logits


def _he_normal(module: nn.Module) -> None:
    """He-normal weights (Keras truncates at two standard deviations), zero biases."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        fan_in = module.weight[0].numel()
        # 0.8796 is the standard deviation of a normal cut at +-2; dividing by it gives the cut normal the wanted one.
        std = (2.0 / fan_in) ** 0.5 / 0.87962566103423978
        nn.init.trunc_normal_(module.weight, std=std, a=-2 * std, b=2 * std)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def n_parameters(model: nn.Module, *, trainable: bool = False) -> int:
    """Count a network's parameters as Keras does: batch-norm means and variances count, unless ``trainable``."""
    total = sum(p.numel() for p in model.parameters())
    if not trainable:
        total += sum(b.numel() for name, b in model.named_buffers() if not name.endswith("num_batches_tracked"))
    return total


class RobustBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut: the plain residual block (He et al., arXiv 1512.03385).

    Parameters
    ----------
    n_in, n_out
        Channels that enter and leave.
    stride
        Of the first convolution, in frequency and time.

    """

    def __init__(self, n_in: int, n_out: int, stride: int | tuple[int, int] = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU(),
            nn.Conv2d(n_out, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out),
        )  # fmt: skip
        self.shortcut: nn.Module = nn.Identity()
        if n_in != n_out or stride != 1:
            self.shortcut = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out))

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, n_in, height, width)`` to ``(batch, n_out, height / stride, width / stride)``."""
        return torch.relu(self.body(x) + self.shortcut(x))


def _convolutions(first: int, second: int, third: int, fourth: int) -> tuple[nn.Sequential, nn.Sequential]:
    """Make stem and blocks: ``(batch, 1, n_bins, n_frames)`` to ``(batch, fourth, n_bins / 8, n_frames / 16)``."""
    stem = nn.Sequential(nn.Conv2d(1, first, 5, 2, padding=2, bias=False), nn.BatchNorm2d(first), nn.ReLU())
    return stem, nn.Sequential(
        RobustBlock(first, second, 2),
        RobustBlock(second, second),
        RobustBlock(second, third, 2),
        RobustBlock(third, third),
        RobustBlock(third, fourth, (1, 2)),
    )


class RobustNet(nn.Module):
    """The network of the preset `robust`: a small residual network for 10 ms frames.

    It quarters frequency and time before it has computed much, so that 100 frames cost little more than the study's
    40: 311 000 parameters with ten labels. BC-ResNet (arXiv 2106.04140) has fewer multiplications, but its depthwise
    convolutions took 3 to 8 times as long to train on a CPU.
    """

    channels = (16, 32, 64, 96)

    def __init__(self, n_classes: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.stem, self.blocks = _convolutions(*self.channels)
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(self.channels[-1], n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, 1, n_bins, n_frames)`` to logits ``(batch, n_classes)``."""
        x = self.blocks(self.stem(x))  # (batch, 96, n_bins / 8, n_frames / 16)
        logits: Tensor = self.last(self.dropout(x.mean(dim=(2, 3))))
        return logits


class WordNet(nn.Module):
    """The network of the preset `words`: it tells the labels apart, and beside them all words that there are.

    Heads decide by mean and deviation over time of what the last block hears: when in a word a sound is loud is kept,
    and costs nothing. The embedding has those of two earlier blocks as well: the last one knows the words that were
    learned, the earlier ones what words are made of, and words never heard are told apart better by all of them
    (docs/decisions/2026-11-26-body-trials.md). 588 000 parameters with 740 words.
    """

    channels = (16, 32, 64, 128)
    embedded = (1, 3, 4)
    """Blocks whose statistics over time are the embedding; heads decide by those of the last."""

    def __init__(self, n_classes: int, dropout: float = 0.2, n_words: int = 0, n_view: int = 0) -> None:
        super().__init__()
        self.stem, self.blocks = _convolutions(*self.channels)
        self.dropout = nn.Dropout(dropout)
        n_last = 2 * self.channels[-1]
        self.last = nn.Linear(n_last, n_classes)
        self.words = nn.Linear(n_last, n_words) if n_words else None
        self.view = nn.Linear(n_last, n_view) if n_view else None
        self.scaled = nn.BatchNorm1d(2 * sum(self.channels[1:]), affine=False)  # one scale for all that is embedded

    def _statistics(self, x: Tensor) -> list[Tensor]:
        """``(batch, 1, n_bins, n_frames)`` to mean and deviation over time of each block that is embedded."""
        x, found = self.stem(x), []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in self.embedded:
                over_time = x.mean(2)  # (batch, n_channels, n_frames)
                found.append(torch.cat([over_time.mean(2), over_time.std(2)], 1))
        return found

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, 1, n_bins, n_frames)`` to logits ``(batch, n_classes)``."""
        logits: Tensor = self.last(self.dropout(self._statistics(x)[-1]))
        return logits

    def with_embedding(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``(batch, 1, n_bins, n_frames)`` to logits and the embedding, ``(batch, 448)``: of mean 0 and deviation 1."""
        found = self._statistics(x)
        return self.last(self.dropout(found[-1])), self.scaled(torch.cat(found, 1))

    def all_of(self, x: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Return the logits of the classes, those of all words, and a guess of a teacher's view, where it has them."""
        found = self._statistics(x)
        with torch.no_grad():
            self.scaled(torch.cat(found, 1).float())  # it only counts what passes while the network learns
        kept = self.dropout(found[-1])
        words = None if self.words is None else self.words(kept)
        return self.last(kept), words, None if self.view is None else self.view(found[-1])


NETWORKS: dict[str, type[StudyNet] | type[RobustNet] | type[WordNet]] = {
    "study": StudyNet,
    "robust": RobustNet,
    "words": WordNet,
}


def network_of(name: str, n_classes: int, dropout: float, n_words: int = 0, n_view: int = 0) -> nn.Module:
    """Make the network of that name, untrained."""
    kind = NETWORKS[name]
    return kind(n_classes, dropout, n_words, n_view) if kind is WordNet else kind(n_classes, dropout)
