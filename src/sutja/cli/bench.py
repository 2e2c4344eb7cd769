"""`sutja bench`: how fast this machine is."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from sutja.cli.console import command, say
from sutja.cli.options import model_option
from sutja.timing import Timing, measure


@command()
@model_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def bench(model: Path, as_json: bool) -> None:
    """Measure how long a clip takes on this machine, step by step, in less than a minute.

    Prints a table in Markdown, to be pasted where one is asked how fast it was.
    """
    say("measuring; less than a minute, best when the machine does nothing else")
    timing = measure(model)
    click.echo(json.dumps(dataclasses.asdict(timing)) if as_json else _table(timing))


def _table(timing: Timing) -> str:
    machine = timing.machine
    rows = [
        ("wav at the model's rate, bytes to waveform", f"{timing.load_ms:.2f} ms"),
        ("wav at 48 kHz, bytes to waveform", f"{timing.resample_ms:.2f} ms"),
        ("features", f"{timing.features_ms:.2f} ms"),
        ("network", f"{timing.network_ms:.2f} ms"),
        ("bytes to label, median", f"{timing.p50_ms:.2f} ms"),
        ("bytes to label, 95 of 100 within", f"{timing.p95_ms:.2f} ms"),
        (f"many clips, {machine['cores']} cores", f"{timing.clips_per_second:.0f} clips/s"),
        ("`sutja predict one.wav`, shell to answer", _or_unknown(timing.cold_start_s, "s", 2)),
        ("its largest size in memory", _or_unknown(timing.cold_start_mb, "MB", 0)),
    ]
    about = (
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}; Python {machine['python']}, "
        f"numpy {machine['numpy']}, onnxruntime {machine['onnxruntime']}, sutja {machine['sutja']}"
    )
    lines = [
        f"| {timing.model}, a clip of half a second | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in rows),
    ]
    return "\n".join([*lines, "", about])


def _or_unknown(value: float | None, unit: str, digits: int) -> str:
    return "not known here" if value is None else f"{value:.{digits}f} {unit}"
