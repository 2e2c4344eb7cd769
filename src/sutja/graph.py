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

from sutja.bundle import Bundle, Member
from sutja.config import AudioConfig, FeatureConfig
from sutja.ensemble import SMALLEST
from sutja.errors import BundleError, needs
from sutja.features import MIN_POWER, dct_basis, hann_window, mel_filters, stft_settings

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

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: ArrayLike, kind: type[np.generic] = np.float32) -> str:
        """Add a constant and return its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype=kind), name))
        return name

    def integers(self, *values: int) -> str:
        """Add a list of integers: axes, places, sizes."""
        return self.constant(values, np.int64)

    def add(self, operator: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        """Add a node and return the name of what it gives."""
        output = name or f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], name=output, **attributes))
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

    def mix(self, weights: ArrayLike, source: str) -> str:
        """Multiply ``(n, m)`` with each row of ``(batch, m, n_frames)``: a convolution, for no rows as well."""
        return self.add("Conv", source, self.constant(np.asarray(weights)[:, :, None]))

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
        answers.append(f"{member.name}/{PROBABILITIES}")
    mean = answers[0] if len(answers) == 1 else graph.add("Mean", *answers)
    labelled = graph.slice(_calibrated(graph, mean, bundle), graph.integers(0), graph.integers(len(bundle.labels)), 1)
    usable = _usable(graph, bundle.audio)
    graph.add("Where", usable, labelled, graph.constant(np.nan), name=PROBABILITIES)
    return _model(graph, bundle)


# -- audio ------------------------------------------------------------------------------------------------------------


def _without_mean(graph: Graph, waveform: str) -> str:
    mean = graph.add("ReduceMean", graph.cast(waveform, np.float64), graph.integers(1))  # (batch, 1)
    return graph.add("Sub", waveform, graph.cast(mean, np.float32))


def _loudest_window(graph: Graph, waveform: str, n_samples: int) -> str:
    """Cut each row's loudest window; rows that are not longer stay whole.

    In float64, as the original: where a word stands in digital silence many windows hold the same energy, and the
    last digit says which is taken.
    """
    kept = graph.add("Min", graph.integers(n_samples), graph.size(waveform, 1))
    exact = graph.cast(waveform, np.float64)
    energy = graph.add("CumSum", graph.add("Mul", exact, exact), graph.constant(1, np.int64))
    energy = graph.add("Pad", energy, graph.integers(0, 1, 0, 0))  # (batch, n_samples + 1)
    n_starts = graph.add("Sub", graph.size(energy, 1), kept)
    after = graph.slice(energy, kept, graph.size(energy, 1), 1)
    before = graph.slice(energy, graph.integers(0), n_starts, 1)
    start = graph.add("ArgMax", graph.add("Sub", after, before), axis=1)  # (batch, 1)
    nothing, one = graph.constant(0, np.int64), graph.constant(1, np.int64)
    steps = graph.add("Range", nothing, graph.add("Squeeze", kept), one)
    return graph.add("GatherElements", waveform, graph.add("Add", start, steps), axis=1)


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
            window = _loudest_window(graph, waveform, config.max_samples)
            spectra[stft] = _power_spectrogram(graph, window, config)
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
