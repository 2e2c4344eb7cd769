"""The whole way of a clip as one ONNX graph: the raw waveform in, the probabilities out.

Each function adds what one function of :mod:`sutja.audio`, :mod:`sutja.features`, :mod:`sutja.ensemble` or
:mod:`sutja.calibration` does, in float32 where the original has float32 or where the difference stays far below what a
network notices, and in float64 where a choice hangs on it. Shapes: ``(batch, n_samples)`` in, ``(batch, n_labels)``
out; every row is judged as if it were alone. Resampling is outside: no network can know at what rate it is played to.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sutja.bundle import EMBEDDING, Bundle, Member
from sutja.config import AudioConfig, FeatureConfig
from sutja.ensemble import SMALLEST
from sutja.errors import BundleError, needs
from sutja.features import MIN_POWER, dct_basis, hann_window, mel_filters, stft_settings
from sutja.speech import HOP_SECONDS, samples_in
from sutja.window import (
    BELOW_PEAK,
    CAP,
    CLOSING,
    LEAST_RANGE,
    LEAST_VOICE,
    LONG_PEAK,
    NEAR_PEAK,
    OVER_ROOM,
    QUIETEST_POWER,
    RIVAL,
    ROOM_SHARE,
    baseline_samples,
)

try:
    import onnx
    import onnx.compose
    from onnx import TensorProto, helper, numpy_helper
except ImportError as error:
    raise needs("onnx", "onnx") from error

OPSET = 20  # what torch writes the members in
IR_VERSION = 9
ENDLESS = 2**31 - 1  # the end of a slice, wherever that is
LONGEST_CONVOLUTION = 1024
"""Samples of the analysis window up to which the DFT is a convolution; onnxruntime's STFT operator takes twice as long
for 512 and half as long for 2048 (`bench/latency.py`)."""
WAVEFORM, PROBABILITIES = "waveform", "probabilities"


class Graph:
    """Nodes and constants as they are added; names are made here.

    >>> graph = Graph()
    >>> graph.add("Neg", graph.add("Abs", "waveform"), name="quiet")
    'quiet'
    >>> [node.op_type for node in graph.nodes]
    ['Abs', 'Neg']
    """

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        """Of all names: a graph inside a graph may use none of its names."""
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: ArrayLike, kind: type[np.generic] = np.float32) -> str:
        """Add a constant and return its name."""
        name = f"{self.prefix}constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype=kind), name))
        return name

    def integers(self, *values: int) -> str:
        """Add a list of integers: axes, places, sizes."""
        return self.constant(values, np.int64)

    def add(self, operator: str, *inputs: str, name: str | None = None, n_outputs: int = 1, **attributes: Any) -> str:
        """Add a node and return the name of what it gives, of several the first."""
        output = name or f"{self.prefix}{operator}_{len(self.nodes)}"
        outputs = [output, *(f"{output}_{number}" for number in range(1, n_outputs))]
        self.nodes.append(helper.make_node(operator, list(inputs), outputs, name=output, **attributes))
        return output

    def slice(self, source: str, start: str, end: str, axis: int) -> str:
        """Cut ``source[start:end]`` out of an axis."""
        return self.add("Slice", source, start, end, self.integers(axis))

    def cast(self, source: str, kind: type[np.generic]) -> str:
        """Turn into another kind of number."""
        return self.add("Cast", source, to=helper.np_dtype_to_tensor_dtype(np.dtype(kind)))

    def extreme(self, operator: str, features: str) -> str:
        """Reduce each row of ``(batch, n_bins, n_frames)`` to one number, ``(batch, 1, 1)``."""
        return self.add(operator, features, self.integers(1, 2))

    def size(self, source: str, axis: int) -> str:
        """Ask for the size of an axis, as a list of one integer."""
        return self.add("Shape", source, start=axis, end=axis + 1)

    def squared(self, source: str) -> str:
        """Multiply with itself."""
        return self.add("Mul", source, source)

    def summed(self, source: str) -> str:
        """Sum up along each row of ``(batch, n)``."""
        return self.add("CumSum", source, self.constant(1, np.int64))

    def plus(self, source: str, number: float) -> str:
        """Add a number to float64."""
        return self.add("Add", source, self.constant(number, np.float64))

    def counted(self, size: str) -> str:
        """Count from 0 to below a size, a list of one integer: ``(size,)``."""
        start, step = self.constant(0, np.int64), self.constant(1, np.int64)
        return self.add("Range", start, self.add("Squeeze", size), step)

    def nothing(self) -> str:
        """Return the zero of float64."""
        return self.constant(0, np.float64)

    def gathered(self, values: str, groups: str, how: str) -> str:
        """Take the sum or the largest of each group's values, ``(batch, n)`` to ``(batch, n)``; float64."""
        none = self.add("Mul", self.cast(groups, np.float64), self.nothing())
        if how == "max":
            none = self.plus(none, -math.inf)
        return self.add("ScatterElements", none, groups, values, axis=1, reduction=how)

    def mix(self, weights: ArrayLike, source: str) -> str:
        """Multiply ``(n, m)`` with each row of ``(batch, m, n_frames)``: a convolution, for no rows as well."""
        return self.add("Conv", source, self.constant(np.asarray(weights)[:, :, None]))

    def either(self, condition: str, one: tuple[Graph, str], other: tuple[Graph, str]) -> str:
        """Go one of two ways, each a graph and the name in it of what it gives, float32; the other is not gone."""
        ways = []
        for graph, output in (one, other):
            told = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
            ways.append(helper.make_graph(graph.nodes, graph.prefix.strip("/"), [], [told], graph.constants))
        return self.add("If", condition, then_branch=ways[0], else_branch=ways[1])

    def include(self, network: Any) -> None:
        """Take over all of another graph."""
        self.nodes += network.node
        self.constants += network.initializer


def waveform_graph(bundle: Bundle) -> onnx.ModelProto:
    """Build the graph of a model.

    Returns
    -------
    onnx.ModelProto
        Input ``waveform`` ``(batch, n_samples)`` float32. Outputs: ``probabilities`` ``(batch, n_labels)``, NaN in each
        row that :func:`sutja.audio.load_waveform` would refuse; and under each member's name what its network was
        shown, ``(batch, n_bins, n_frames)``.

    Raises
    ------
    BundleError
        When a member cannot be part of it.

    """
    graph = Graph()
    waveform = _without_mean(graph, WAVEFORM) if bundle.audio.remove_mean else WAVEFORM
    shown = _network_inputs(graph, waveform, bundle)
    answers = []
    for member, features in zip(bundle.members, shown, strict=True):
        graph.add("Unsqueeze", features, graph.integers(1), name=f"{member.name}/features")
        graph.include(_network(member))
        answers.append(_answers(graph, member))
    mean = answers[0] if len(answers) == 1 else graph.add("Mean", *answers)
    labelled = graph.slice(_calibrated(graph, mean, bundle), graph.integers(0), graph.integers(len(bundle.labels)), 1)
    usable = _usable(graph, bundle.audio)
    graph.add("Where", usable, labelled, graph.constant(np.nan), name=PROBABILITIES)
    return _model(graph, bundle)


# -- audio ------------------------------------------------------------------------------------------------------------


def _without_mean(graph: Graph, waveform: str) -> str:
    mean = graph.add("ReduceMean", graph.cast(waveform, np.float64), graph.integers(1))  # (batch, 1)
    return graph.add("Sub", waveform, graph.cast(mean, np.float32))


def _judged(graph: Graph, waveform: str, sample_rate: int, n_samples: int) -> str:
    """Cut the window of each row that is judged; rows that are not longer stay whole.

    In float64, as the original: where a word stands in digital silence many windows hold the same energy, and the
    last digit says which is taken.
    """
    longer, whole = Graph(f"{waveform}/longer/"), Graph(f"{waveform}/whole/")
    is_longer = graph.add("Squeeze", graph.add("Greater", graph.size(waveform, 1), graph.integers(n_samples)))
    ways = (longer, _without_rivals(longer, waveform, sample_rate)), (whole, whole.add("Identity", waveform))
    alone = graph.either(is_longer, *ways)
    kept = graph.add("Min", graph.integers(n_samples), graph.size(waveform, 1))
    energy = graph.add("Pad", graph.summed(graph.squared(graph.cast(alone, np.float64))), graph.integers(0, 1, 0, 0))
    n_starts = graph.add("Sub", graph.size(energy, 1), kept)
    after = graph.slice(energy, kept, graph.size(energy, 1), 1)
    before = graph.slice(energy, graph.integers(0), n_starts, 1)
    start = graph.add("ArgMax", graph.add("Sub", after, before), axis=1)  # (batch, 1)
    return graph.add("GatherElements", alone, graph.add("Add", start, graph.counted(kept)), axis=1)


def _without_rivals(graph: Graph, waveform: str, sample_rate: int) -> str:
    """Silence what would take the window from the voice: :func:`sutja.window.without_rivals`."""
    hop, n_given = samples_in(HOP_SECONDS, sample_rate), graph.size(waveform, 1)
    exact = graph.cast(waveform, np.float64)
    levels = _frame_levels(graph, _without_baseline(graph, exact, sample_rate), hop)
    rivals = _rival_frames(graph, levels, _frame_sums(graph, graph.squared(exact), hop))
    last = graph.add("Sub", graph.size(levels, 1), graph.integers(1))
    frames = graph.add("Min", graph.add("Div", graph.counted(n_given), graph.integers(hop)), last)
    silenced = graph.add("Gather", rivals, frames, axis=1)
    return graph.add("Where", silenced, graph.constant(0), waveform)


def _without_baseline(graph: Graph, exact: str, sample_rate: int) -> str:
    side = baseline_samples(sample_rate)
    length = 2 * side + 1
    sums = graph.add("Pad", graph.summed(exact), graph.integers(0, side + 1, 0, 0))
    sums = graph.add("Pad", sums, graph.integers(0, 0, 0, side), mode="edge")
    after = graph.slice(sums, graph.integers(length), graph.integers(ENDLESS), 1)
    before = graph.slice(sums, graph.integers(0), graph.integers(-length), 1)
    mean = graph.add("Div", graph.add("Sub", after, before), graph.constant(length, np.float64))
    return graph.add("Sub", exact, mean)


def _frame_sums(graph: Graph, values: str, hop: int) -> str:
    """Sum each whole frame, ``(batch, n_samples)`` to ``(batch, n_frames)``."""
    sums = graph.add("Pad", graph.summed(values), graph.integers(0, 1, 0, 0))
    at_ends = graph.add(
        "Slice", sums, graph.integers(0), graph.integers(ENDLESS), graph.integers(1), graph.integers(hop)
    )
    after = graph.slice(at_ends, graph.integers(1), graph.integers(ENDLESS), 1)
    return graph.add("Sub", after, graph.slice(at_ends, graph.integers(0), graph.integers(-1), 1))


def _frame_levels(graph: Graph, exact: str, hop: int) -> str:
    """Measure each frame in whole tenths of a decibel, ``(batch, n_frames)``."""
    power = graph.add("Div", _frame_sums(graph, graph.squared(exact), hop), graph.constant(hop, np.float64))
    natural = graph.add("Log", graph.add("Max", power, graph.constant(QUIETEST_POWER, np.float64)))
    return graph.add("Round", graph.add("Mul", natural, graph.constant(100 / math.log(10), np.float64)))


def _over_room(graph: Graph, levels: str) -> str:
    """Say by how much each frame sounds, capped, ``(batch, n_frames)``."""
    n_frames = graph.size(levels, 1)
    ordered = graph.add("TopK", levels, n_frames, largest=0, n_outputs=2)
    place = graph.add("Div", graph.add("Sub", n_frames, graph.integers(1)), graph.integers(ROOM_SHARE))
    room, peak = graph.add("Gather", ordered, place, axis=1), graph.add("ReduceMax", levels, graph.integers(1))
    least = graph.add("Max", graph.plus(room, OVER_ROOM), graph.plus(peak, -BELOW_PEAK))
    over = graph.add("Sub", levels, graph.add("Min", least, graph.plus(peak, -LEAST_RANGE)))
    return graph.add("Clip", over, graph.constant(0, np.float64), graph.constant(CAP, np.float64))


def _rival_frames(graph: Graph, levels: str, energies: str) -> str:
    """Say which frames belong to a sound that rivals the voice: ``(batch, n_frames)``, boolean."""
    over = _over_room(graph, levels)
    sounding = graph.add("Greater", over, graph.constant(0, np.float64))
    spread, sounds = _numbered(graph, sounding)
    one = graph.cast(sounding, np.float64)
    heard = graph.add("Where", sounding, levels, graph.constant(-math.inf, np.float64))
    peaks = graph.add("GatherElements", graph.gathered(heard, sounds, "max"), sounds, axis=1)
    near = graph.add("GreaterOrEqual", heard, graph.plus(peaks, -NEAR_PEAK))
    near = graph.cast(graph.add("And", near, sounding), np.float64)
    long = graph.add("Min", graph.gathered(near, sounds, "add"), graph.constant(LONG_PEAK, np.float64))
    voice = graph.add("ArgMax", graph.add("Mul", graph.gathered(over, sounds, "add"), long), axis=1)  # (batch, 1)
    n_sounding, energy = (
        graph.gathered(each, sounds, "add") for each in (one, graph.add("Where", spread, energies, graph.nothing()))
    )
    n_of_voice, of_voice = (graph.add("GatherElements", each, voice, axis=1) for each in (n_sounding, energy))
    is_voice = graph.add("GreaterOrEqual", n_of_voice, graph.constant(LEAST_VOICE, np.float64))
    loud = graph.add("GreaterOrEqual", energy, graph.add("Mul", of_voice, graph.constant(RIVAL, np.float64)))
    other = graph.add("Not", graph.add("Equal", graph.counted(graph.size(levels, 1)), voice))
    rivals = graph.cast(graph.add("And", graph.add("And", loud, other), is_voice), np.int64)
    return graph.add("And", graph.cast(graph.add("GatherElements", rivals, sounds, axis=1), np.bool_), spread)


def _numbered(graph: Graph, sounding: str) -> tuple[str, str]:
    """Say which frames belong to a sound, boolean, and to which, from 0: ``(batch, n_frames)`` both."""
    channel = graph.add("Unsqueeze", graph.cast(sounding, np.float32), graph.integers(1))
    size = 2 * CLOSING + 1
    pooled = graph.add("MaxPool", channel, kernel_shape=[size], pads=[CLOSING, CLOSING])
    spread = graph.cast(graph.add("Squeeze", pooled, graph.integers(1)), np.int64)
    before = graph.slice(graph.add("Pad", spread, graph.integers(0, 1, 0, 0)), graph.integers(0), graph.integers(-1), 1)
    begins = graph.add("Max", graph.add("Sub", spread, before), graph.constant(0, np.int64))
    number = graph.add("Sub", graph.summed(begins), graph.constant(1, np.int64))
    return graph.cast(spread, np.bool_), graph.add("Max", number, graph.constant(0, np.int64))


def _usable(graph: Graph, audio: AudioConfig) -> str:
    """Say of each row whether it is sound of a length that is allowed: ``(batch, 1)``, boolean."""
    least, most = audio.n_samples_allowed
    exact = graph.cast(WAVEFORM, np.float64)  # in which no finite sample's square overflows
    energy = graph.add("ReduceSumSquare", exact, graph.integers(1))
    audible = graph.add("Greater", energy, graph.constant(0, np.float64))  # False also for NaN
    finite = graph.add("Less", energy, graph.constant(np.inf, np.float64))
    n_samples = graph.size(WAVEFORM, 1)
    long_enough = graph.add("GreaterOrEqual", n_samples, graph.integers(least))
    short_enough = graph.add("LessOrEqual", n_samples, graph.integers(most))
    return graph.add("And", graph.add("And", audible, finite), graph.add("And", long_enough, short_enough))


# -- features ---------------------------------------------------------------------------------------------------------


def _network_inputs(graph: Graph, waveform: str, bundle: Bundle) -> list[str]:
    """Add what each network is shown, ``(batch, n_bins, n_frames)``, with one STFT where members agree on it."""
    spectra: dict[tuple[object, ...], str] = {}
    shown = []
    for member in bundle.members:
        config = member.features
        stft = stft_settings(config)
        if stft not in spectra:
            shown_samples = _judged(graph, waveform, bundle.audio.sample_rate, config.max_samples)
            spectra[stft] = _power_spectrogram(graph, shown_samples, config)
        features = _log_mel(graph, spectra[stft], bundle.audio.sample_rate, config)
        if config.n_mfcc is not None:
            features = graph.mix(dct_basis(config.n_bins, config.n_mels), features)
        shown.append(_network_input(graph, features, config, name=member.name))
    return shown


def _power_spectrogram(graph: Graph, waveform: str, config: FeatureConfig) -> str:
    """Add ``|STFT|**2``, ``(batch, n_fft // 2 + 1, n_frames)``."""
    margin, missing = config.n_fft // 2, graph.integers(0)
    if not config.center:  # shorter than a window: one frame
        lacking = graph.add("Sub", graph.integers(config.n_fft), graph.size(waveform, 1))
        margin, missing = 0, graph.add("Max", lacking, graph.integers(0))
    pads = graph.add("Concat", graph.integers(0, margin, 0), graph.add("Add", missing, graph.integers(margin)), axis=0)
    padded = graph.add("Pad", waveform, pads)
    by = _by_convolution if config.window_length <= LONGEST_CONVOLUTION else _by_operator
    return by(graph, padded, config)


def _by_convolution(graph: Graph, padded: str, config: FeatureConfig) -> str:
    """Convolve with the windowed cosines and sines."""
    n_bins = config.n_fft // 2 + 1
    left = (config.n_fft - config.window_length) // 2  # beside the window all is zero, and is left out
    right = config.n_fft - config.window_length - left
    framed = graph.slice(padded, graph.integers(left), graph.integers(-right or ENDLESS), 1)
    kernels = graph.add("Unsqueeze", _windowed_waves(graph, config, left), graph.integers(1))
    parts = graph.add("Conv", graph.add("Unsqueeze", framed, graph.integers(1)), kernels, strides=[config.hop_length])
    squares = graph.add("Mul", parts, parts)
    real = graph.slice(squares, graph.integers(0), graph.integers(n_bins), 1)
    imaginary = graph.slice(squares, graph.integers(n_bins), graph.integers(2 * n_bins), 1)
    return graph.add("Add", real, imaginary)


def _windowed_waves(graph: Graph, config: FeatureConfig, left: int) -> str:
    """Add the cosines and sines of the DFT below the window, ``(2 * n_bins, win_length)``.

    They are nodes and no constant: onnxruntime computes them once, when it loads the file, and they would be half of
    its bytes.
    """
    bins = np.tile(np.arange(config.n_fft // 2 + 1), 2)
    samples = np.arange(left, left + config.window_length)
    rows, columns = graph.constant(bins[:, None], np.int64), graph.constant(samples[None], np.int64)
    turns = graph.add("Mod", graph.add("Mul", rows, columns), graph.constant(config.n_fft, np.int64))
    angles = graph.add("Mul", graph.cast(turns, np.float64), graph.constant(2 * np.pi / config.n_fft, np.float64))
    a_quarter_ahead = np.repeat([np.pi / 2, 0.0], len(bins) // 2)[:, None]  # which makes a cosine of a sine
    waves = graph.add("Sin", graph.add("Add", angles, graph.constant(a_quarter_ahead, np.float64)))
    window = graph.constant(hann_window(config.window_length, config.n_fft)[samples], np.float64)
    return graph.cast(graph.add("Mul", waves, window), np.float32)


def _by_operator(graph: Graph, padded: str, config: FeatureConfig) -> str:
    window = graph.constant(hann_window(config.window_length, config.n_fft))
    hop_length = graph.constant(config.hop_length, np.int64)
    signal = graph.add("Unsqueeze", padded, graph.integers(2))
    spectrum = graph.add("STFT", signal, hop_length, window, onesided=1)  # (batch, n_frames, n_bins, 2)
    power = graph.add("ReduceSumSquare", spectrum, graph.integers(3), keepdims=0)
    return graph.add("Transpose", power, perm=[0, 2, 1])


def _log_mel(graph: Graph, power: str, sample_rate: int, config: FeatureConfig) -> str:
    mel_power = graph.mix(mel_filters(sample_rate, config), power)
    natural = graph.add("Log", graph.add("Max", mel_power, graph.constant(MIN_POWER)))
    decibels = graph.add("Mul", natural, graph.constant(10 / math.log(10)))
    loudest = graph.extreme("ReduceMax", decibels)
    if config.reference == "max":
        decibels, loudest = graph.add("Sub", decibels, loudest), graph.constant(0)
    if config.top_db is not None:
        decibels = graph.add("Max", decibels, graph.add("Sub", loudest, graph.constant(config.top_db)))
    return decibels


def _network_input(graph: Graph, features: str, config: FeatureConfig, *, name: str) -> str:
    """Scale and pad as the configuration says, the clip in the middle."""
    if config.scaling == "standardise":
        from_zero = graph.add("Sub", features, graph.extreme("ReduceMin", features))
        return _standardised(graph, _padded(graph, from_zero, config.n_frames), name=name)
    if config.scaling == "before_padding":
        return _padded(graph, _min_max(graph, features), config.n_frames, name=name)
    return _min_max(graph, _padded(graph, features, config.n_frames), name=name)


def _padded(graph: Graph, features: str, n_frames: int, *, name: str | None = None) -> str:
    missing = graph.add("Sub", graph.integers(n_frames), graph.size(features, 2))
    left = graph.add("Div", missing, graph.integers(2))
    right = graph.add("Sub", missing, left)
    nothing = graph.integers(0, 0)
    return graph.add("Pad", features, graph.add("Concat", nothing, left, nothing, right, axis=0), name=name)


def _min_max(graph: Graph, features: str, *, name: str | None = None) -> str:
    low = graph.extreme("ReduceMin", features)
    span = graph.add("Sub", graph.extreme("ReduceMax", features), low)
    return _divided(graph, graph.add("Sub", features, low), span, name=name)


def _standardised(graph: Graph, features: str, *, name: str) -> str:
    centred = graph.add("Sub", features, graph.extreme("ReduceMean", features))
    variance = graph.extreme("ReduceMean", graph.add("Mul", centred, centred))
    return _divided(graph, centred, graph.add("Sqrt", variance), name=name)


def _divided(graph: Graph, features: str, span: str, *, name: str | None) -> str:
    """Divide; constant features, which are all zero by now, stay so."""
    some = graph.add("Greater", span, graph.constant(0))
    return graph.add("Div", features, graph.add("Where", some, span, graph.constant(1)), name=name)


# -- networks ---------------------------------------------------------------------------------------------------------


def _network(member: Member) -> Any:
    """Read a member's graph, every name in it below the member's own."""
    model = onnx.load_from_string(member.onnx)
    versions = {imported.domain: imported.version for imported in model.opset_import}
    if versions.get("") != OPSET:
        raise BundleError(
            f"member {member.name}: ONNX operators of version {versions.get('')}; expected {OPSET}, as `sutja train` "
            "writes them; train the model again"
        )
    return onnx.compose.add_prefix_graph(model.graph, f"{member.name}/")


def _answers(graph: Graph, member: Member) -> str:
    """Return the probabilities of a member's network, or of its head on the network's embedding."""
    if member.head is None:
        return f"{member.name}/{PROBABILITIES}"
    weights, bias = graph.constant(member.head.weights), graph.constant(member.head.bias)
    logits = graph.add("Add", graph.add("MatMul", f"{member.name}/{EMBEDDING}", weights), bias)
    return graph.add("Softmax", logits, axis=1)


def _calibrated(graph: Graph, probabilities: str, bundle: Bundle) -> str:
    """As :func:`sutja.ensemble.tempered`."""
    logs = graph.add("Log", graph.add("Max", probabilities, graph.constant(SMALLEST)))
    logits = graph.add("Div", logs, graph.constant(bundle.temperature))
    n_before = len(bundle.labels) - (bundle.threshold is None)
    logits = graph.add("Add", logits, graph.constant([0.0] * n_before + [bundle.bias]))
    return graph.add("Softmax", logits, axis=1)


def _model(graph: Graph, bundle: Bundle) -> onnx.ModelProto:
    def value(name: str, *shape: int | str) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])

    shown = [value(m.name, m.features.n_bins, m.features.n_frames) for m in bundle.members]
    outputs = [value(PROBABILITIES, len(bundle.labels)), *shown]
    drawn = helper.make_graph(graph.nodes, "sutja", [value(WAVEFORM, "n_samples")], outputs, graph.constants)
    operators = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(drawn, opset_imports=operators, ir_version=IR_VERSION, producer_name="sutja")
    onnx.checker.check_model(model, full_check=True)
    return model
