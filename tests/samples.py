"""Numbers to draw, for the tests of figures and charts."""

from __future__ import annotations

import numpy as np

from sutja.calibration import ReliabilityBin
from sutja.config import FeatureConfig
from sutja.stress import Condition, UnderStress

RATE = 8_000
SPECTROGRAM = FeatureConfig(n_fft=1024, win_length=200, hop_length=80, n_mels=100, mel_scale="htk", n_mfcc=40)
RELIABILITY = [ReliabilityBin(20, confidence=0.55, accuracy=0.5), ReliabilityBin(400, confidence=0.95, accuracy=0.96)]
STRESS = [
    UnderStress(Condition(name, value, unit), 100, accuracy, (accuracy - 0.05, accuracy + 0.05), refused)
    for name, value, unit, accuracy, refused in (
        ("white noise", 10, "dB", 0.9, 0.05),
        ("white noise", 0, "dB", 0.5, 0.4),
        ("speed", 0.8, "times", 0.8, 0.1),
    )
]
DET = {"thresholds": [0.1, 0.5, 0.9], "false_accepts": [1.0, 0.05, 0.0], "false_rejects": [0.0, 0.02, 0.4]}
HISTORY = [
    {
        "member": member,
        "fold": fold,
        "epoch": epoch,
        "train_loss": 2.0 / epoch,
        "train_accuracy": 1 - 0.5 / epoch,
        "valid_loss": 2.2 / epoch + 0.1 * fold,
        "valid_accuracy": 0.9 - 0.4 / epoch,
        "chosen": float(epoch == 3),
    }
    for member in ("mel", "mfcc")
    for fold in (1, 2)
    for epoch in (1, 2, 3, 4)
]


def features(seed: int = 0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-80, 0, (100, 30)).astype(np.float32), rng.normal(0, 20, (40, 30)).astype(np.float32)
