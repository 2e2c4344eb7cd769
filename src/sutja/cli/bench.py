"""`sutja bench`: how fast this machine is."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from sutja.cli.console import command, say
from sutja.cli.options import model_option, percent
from sutja.texts.phrases import phrase, said
from sutja.timing import StreamTiming, Timing, measure, measure_stream


@command()
@model_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--stream", is_flag=True, help="How soon a spoken word has its answer, and what listening costs.")
def bench(model: Path, as_json: bool, stream: bool) -> None:
    """Measure how long a clip takes on this machine, step by step, in less than a minute.

    Prints a table in Markdown, to be pasted where one is asked how fast it was.
    """
    say("measuring; less than a minute, best when the machine does nothing else")
    timing = measure_stream(model) if stream else measure(model)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(timing)))
    else:
        click.echo(_stream_table(timing) if isinstance(timing, StreamTiming) else _table(timing))


def _stream_table(timing: StreamTiming) -> str:
    rows = [
        ("a word's end to its answer, median", f"{timing.p50_s:.3f} s"),
        ("a word's end to its answer, 95 of 100 within", f"{timing.p95_s:.3f} s"),
        ("of that, the silence that ends a word", f"{timing.look_back_s:.2f} s"),
        ("of that, waiting for a block, at most", f"{timing.block_s:.2f} s"),
        ("words told, of those said", said("{n} of {all}", n=timing.n_words, all=timing.n_said)),
        ("share of one core, a word a second", percent(timing.words_share)),
        ("share of one core, nobody speaks", percent(timing.quiet_share)),
    ]
    return _pasted(said("{model}, listening as to a microphone", model=timing.model), rows, timing.machine)


def _table(timing: Timing) -> str:
    machine = timing.machine
    rows = [
        ("wav at the model's rate, bytes to waveform", f"{timing.load_ms:.2f} ms"),
        ("wav at 48 kHz, bytes to waveform", f"{timing.resample_ms:.2f} ms"),
        ("features", f"{timing.features_ms:.2f} ms"),
        ("network", f"{timing.network_ms:.2f} ms"),
        ("bytes to label, median", f"{timing.p50_ms:.2f} ms"),
        ("bytes to label, 95 of 100 within", f"{timing.p95_ms:.2f} ms"),
        (said("many clips, {n} cores", n=machine["cores"]), said("{n} clips/s", n=f"{timing.clips_per_second:.0f}")),
        ("`sutja predict one.wav`, shell to answer", _or_unknown(timing.cold_start_s, "s", 2)),
        ("its largest size in memory", _or_unknown(timing.cold_start_mb, "MB", 0)),
    ]
    return _pasted(said("{model}, a clip of half a second", model=timing.model), rows, machine)


def _pasted(title: str, rows: list[tuple[str, str]], machine: dict[str, str | int]) -> str:
    cores = said("{n} cores", n=machine["cores"])
    about = (
        f"{machine['processor']}, {cores}, {machine['system']}; Python {machine['python']}, "
        f"numpy {machine['numpy']}, onnxruntime {machine['onnxruntime']}, sutja {machine['sutja']}"
    )
    lines = [
        f"| {title} | |",
        "|---|---|",
        *(f"| {phrase(name)} | {value} |" for name, value in rows),
    ]
    return "\n".join([*lines, "", about])


def _or_unknown(value: float | None, unit: str, digits: int) -> str:
    return phrase("not known here") if value is None else f"{value:.{digits}f} {unit}"
