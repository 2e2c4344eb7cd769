"""`sutja export`: a model as one file that runs elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sutja.bundle import DEFAULT_MODEL
from sutja.bundle import load as load_bundle
from sutja.cli.console import command, say, tell
from sutja.cli.options import DataOptions, percent
from sutja.files import write_bytes
from sutja.strings.frontend import SAMPLE_RATE

if TYPE_CHECKING:
    from sutja.export import Int8Cost


@command()
@click.argument("model", default=DEFAULT_MODEL, type=click.Path(path_type=Path))
@click.option("--format", type=click.Choice(["onnx"]), default="onnx", show_default=True, expose_value=False)
@click.option("--out", type=click.Path(path_type=Path), help="File to write; the model's name and .onnx if not given.")
@click.option("--data", multiple=True, type=click.Path(path_type=Path), help="Clips to prove it on; may be repeated.")
@click.option("--rename", multiple=True, metavar="OLD=NEW", help="Read label OLD of --data as NEW; may be repeated.")
@click.option("--int8", is_flag=True, help="Networks in 8 bits; what that costs is measured on --data, which it needs.")
@click.option(
    "--strings",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the network of strings of words to FILE instead, with its state and all settings of the decoder.",
)
def export(  # noqa: PLR0913  one a command-line option
    model: Path,
    *,
    out: Path | None,
    data: tuple[Path, ...],
    rename: tuple[str, ...],
    int8: bool,
    strings: Path | None,
) -> None:
    """Write MODEL as one ONNX file: the raw waveform in, probabilities out.

    MODEL is a model folder, the run that has it, or the name of a model that sutja brings. The file is only written
    when it answers as the predictor does, within 0.0001 in every probability.
    """
    if strings is not None:
        if out or data or rename or int8:
            raise click.UsageError("--strings writes one file, of strings alone; leave --out, --data and --int8 out")
        _export_strings(model, strings)
        return
    from sutja.export import export as export_float
    from sutja.export import export_int8

    if int8 and not data:
        raise click.UsageError("--int8 needs --data: labelled clips to set the ranges and to measure what is lost")
    bundle = load_bundle(model)
    clips = DataOptions(data, layout=None, audio_root=None, rename=rename, split=None).read().labelled if data else ()
    content, proof, cost = export_int8(bundle, clips) if int8 else (*export_float(bundle, clips), None)
    out = out or Path(f"{model.resolve().name}.onnx")
    write_bytes(out, content)
    say(f"proved on {proof.sounds}: largest difference {proof.max_difference:.1g}")
    if cost:
        _print_cost(cost)
    tell(f"{out}: {len(content) / 1e6:.1f} MB, waveforms at {bundle.audio.sample_rate} Hz, {len(bundle.labels)} labels")


def _export_strings(model: Path, out: Path) -> None:
    from sutja.string_export import export_strings

    bundle = load_bundle(model)
    content = export_strings(bundle)
    write_bytes(out, content)
    labels = [] if bundle.strings is None else bundle.strings.labels
    tell(f"{out}: {len(content) / 1e6:.1f} MB, log mel at {SAMPLE_RATE} Hz with its state, {len(labels)} labels")


def _print_cost(cost: Int8Cost) -> None:
    say(
        f"8 bits: accuracy {percent(cost.accuracy)} ({percent(cost.accuracy_float)} before), "
        f"refused {percent(cost.rejected_rate)} ({percent(cost.rejected_rate_float)} before), "
        f"the same label for {percent(cost.same_label)} of {cost.n_clips} clips"
    )
