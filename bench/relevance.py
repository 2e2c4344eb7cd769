"""Is the relevance map right? Hide the cells that it names, the most relevant first, and watch the probability fall.

    python bench/relevance.py --data ../shared/data --json --figure docs/images/relevance.png

300 real clips of three corpora that the model answers with more than 50 %, equally many of each. A cell that is hidden
is as quiet as the clip's quietest. Compared: sutja's map; occlusion (patches of 4 by 4 cells, one at a time); captum's
integrated gradients, which need torch and the network's insides; the loudest cells first, which need no method; cells
at random. Also whether the parts that the page plays are enough: all else silent, is it still the same label?
8 minutes beside other work; needs captum (pip install --no-deps captum) beside the extra `train`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

import sutja
from sutja.audio import Waveform, load_waveform
from sutja.dataset import scan
from sutja.learn.from_onnx import network_in
from sutja.predictor import Predictor
from sutja.relevance import Veil, explain

CORPORA = ("fsdd", "english_volunteers", "speech_commands")
WORDS = {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", *"0123456789"}
N_CLIPS = 300
SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
PATCH = 4

Map = np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the corpora")
    parser.add_argument("--model", default="digits-en")
    parser.add_argument("--figure", type=Path, help="draw the curves into this PNG")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(Predictor.load(arguments.model), arguments.data)
    if arguments.figure:
        draw(found, arguments.figure)
    if not arguments.json:
        for name, scores in found["methods"].items():
            print(f"{name:22s} {scores['ms']:6.1f} ms  10 % hidden: {scores['curve'][SHARES.index(0.1)]:.3f}")
    print(json.dumps(found))


def measure(predictor: Predictor, data: Path) -> dict[str, object]:
    networks = [network_in(member, member.name)[1] for member in predictor.bundle.members]
    rng = np.random.default_rng(0)
    methods: dict[str, Callable[[Waveform, Veil], Map]] = {
        "sutja": lambda waveform, veil: inside(explain(predictor, waveform).relevance, veil),
        "occlusion": lambda _, veil: occlusion(veil),
        "integrated gradients": lambda _, veil: integrated_gradients(veil, networks),
        "loudest first": lambda _, veil: veil.drawn.decibels,
        "random": lambda _, veil: rng.random(veil.shape),
    }
    curves: dict[str, list[Map]] = {name: [] for name in methods}
    seconds = dict.fromkeys(methods, 0.0)
    parts = []
    for waveform in clips(predictor, data):
        veil = Veil(predictor, predictor.examine(waveform))
        for name, method in methods.items():
            start = time.perf_counter()
            cells = method(waveform, veil)
            seconds[name] += time.perf_counter() - start
            curves[name].append(deletion(veil, cells))
        parts.append(played(predictor, waveform))
    n_clips = len(parts)
    kept, same = np.mean(parts, axis=0)
    return {
        "bench": "relevance",
        "n_clips": n_clips,
        "shares": SHARES,
        "methods": {
            name: {
                "curve": np.mean(rows, axis=0).astype(float).round(4).tolist(),
                "drop_at_10_percent": round(float(np.mean([row[0] - row[SHARES.index(0.1)] for row in rows])), 4),
                "ms": round(1000 * seconds[name] / n_clips, 1),
            }
            for name, rows in curves.items()
        },
        "played_alone": {"share_of_the_clip": round(float(kept), 3), "same_label": round(float(same), 3)},
        "versions": {"sutja": sutja.__version__, "torch": torch.__version__, "captum": version("captum")},
        "model": hashlib.sha256(predictor.bundle.members[0].onnx).hexdigest()[:12],
        "command": "python bench/relevance.py --data $SUTJA_DATA --json",
    }


def clips(predictor: Predictor, data: Path) -> list[Waveform]:
    rng = np.random.default_rng(929)
    found = []
    for corpus in CORPORA:
        chosen: list[Waveform] = []
        spoken = [clip for clip in scan(data / corpus).labelled if clip.label in WORDS]
        for index in rng.permutation(len(spoken)):
            waveform = load_waveform(spoken[index].path, predictor.bundle.audio)
            if predictor.predict(waveform).probability > 0.5:
                chosen.append(waveform)
            if len(chosen) == N_CLIPS // len(CORPORA):
                break
        found += chosen
    return found


def inside(relevance: Map, veil: Veil) -> Map:
    return relevance[:, veil.drawn.left : veil.drawn.left + veil.shape[1]]


def deletion(veil: Veil, cells: Map) -> Map:
    """Return the label's probability with each share of the cells hidden, those that stand first hidden first."""
    order = np.argsort(-cells.ravel(), kind="stable")
    kept = np.ones((len(SHARES), cells.size), dtype=np.float32)
    for row, share in zip(kept, SHARES, strict=True):
        row[order[: round(share * cells.size)]] = 0
    return veil.probabilities(kept.reshape(-1, *veil.shape))


def played(predictor: Predictor, waveform: Waveform) -> tuple[float, bool]:
    """How much of the window the segments hold, and whether they alone get the same label."""
    rate = predictor.bundle.audio.sample_rate
    found = explain(predictor, waveform)
    alone = np.zeros_like(waveform)
    for low, high in found.segments:
        part = slice(round(low * rate), round(high * rate))
        alone[part] = waveform[part]
    window = min(len(waveform) / rate, found.hop_seconds * found.relevance.shape[1])
    probabilities = predictor.predict(alone).probabilities
    share = sum(high - low for low, high in found.segments) / window
    return share, max(probabilities, key=probabilities.__getitem__) == found.label


# -- the others -------------------------------------------------------------------------------------------------------


def occlusion(veil: Veil) -> Map:
    """Mean fall of the log-odds over the patches that a cell lies in; patches overlap by half."""
    corners = [(i, j) for i in range(-2, veil.shape[0], PATCH // 2) for j in range(-2, veil.shape[1], PATCH // 2)]
    kept = np.ones((len(corners) + 1, *veil.shape), dtype=np.float32)
    patches = [np.s_[max(i, 0) : i + PATCH, max(j, 0) : j + PATCH] for i, j in corners]
    for row, patch in zip(kept, patches, strict=False):
        row[patch] = 0
    probabilities = np.clip(veil.probabilities(kept), 1e-6, 1 - 1e-6)
    odds = np.log(probabilities / (1 - probabilities))
    total, count = np.zeros(veil.shape), np.zeros(veil.shape)
    for patch, left in zip(patches, odds[:-1], strict=True):
        total[patch] += odds[-1] - left
        count[patch] += 1
    return total / count


def integrated_gradients(veil: Veil, networks: list[torch.nn.Module]) -> Map:
    """Captum's, from all hidden to all kept, of the label's log-odds before calibration."""
    from captum.attr import IntegratedGradients

    def odds(kept: torch.Tensor) -> torch.Tensor:
        answers = []
        for view, network in zip(veil.views, networks, strict=True):
            scale = view.scale * torch.from_numpy(view.decibels - view.decibels.min())
            shown = torch.from_numpy(view.shown)[None].repeat(len(kept), 1, 1)
            heard = slice(view.left, view.left + view.decibels.shape[1])
            shown = torch.cat([shown[:, :, : heard.start], shown[:, :, heard] - (1 - kept) * scale,
                               shown[:, :, heard.stop :]], dim=2)  # fmt: skip
            answers.append(network(shown[:, None]).softmax(1))
        probability = torch.stack(answers).mean(dim=0)[:, veil.target]
        return torch.logit(probability.double().clamp(1e-6, 1 - 1e-6)).float()

    if any(view.config.n_mfcc is not None for view in veil.views):
        raise SystemExit("integrated gradients are written for members that hear mel; choose another --model")
    ones = torch.ones((1, *veil.shape))
    attributed = IntegratedGradients(odds).attribute(ones, torch.zeros_like(ones), n_steps=50, internal_batch_size=64)
    return attributed[0].detach().numpy()


def draw(found: dict, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    hues = ("#0072b2", "#d55e00", "#009e73", "#b8588b", "#5b6570")
    for (name, scores), hue in zip(found["methods"].items(), hues, strict=True):
        axes.plot([100 * share for share in SHARES], scores["curve"], "o-", color=hue, markersize=3.5, label=name)
    axes.axvline(10, color="#5b6570", linewidth=0.7, linestyle=":")
    axes.set_xlabel("cells hidden, the most relevant first (%)")
    axes.set_ylabel("probability of the label (mean)")
    axes.set_title(f"{found['n_clips']} real clips", loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, facecolor="white")


if __name__ == "__main__":
    main()
