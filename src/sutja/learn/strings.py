"""From recordings of single words to a model that knows them in a row: `sutja train --strings`.

hear      clips, other words, real strings, backgrounds and rooms
make      strings out of them, in files
learn     a frame network, with checkpoints
measure   how long words take in strings
add       network and decoder to the model of the run
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sutja import bundle
from sutja.audio import Waveform, load_waveform, printable
from sutja.clips import Clip
from sutja.config import AudioConfig
from sutja.engine import Engine, OnStep
from sutja.engine.choice import opened
from sutja.errors import AudioError, BundleError, DatasetError, RunError
from sutja.learn.frame_network import DELAY, FrameNet
from sutja.learn.frames_to_onnx import frames_to_onnx
from sutja.learn.from_onnx import frame_network_in
from sutja.learn.sounds import Recorded, surroundings
from sutja.learn.splices import LENGTHS, OTHER, Material, Said, Take, Whole, made, trimmed
from sutja.learn.string_batches import read, write
from sutja.learn.string_training import Start, StringTraining, going_on, seconds_a_step, trained
from sutja.lexicon import STRING_FORMS, StringForm, Vocabulary, find, near_in_strings, said, vocabulary
from sutja.plan import Plan
from sutja.progress import Progress, roughly
from sutja.speech import samples_in
from sutja.strings.decoder import Decoder, DecoderConfig, Duration, Heard
from sutja.strings.frontend import SAMPLE_RATE
from sutja.strings.grammar import one_of
from sutja.strings.model import MOST_EDGE, Confidence, Edges, StringModel
from sutja.strings.network import FrameNetwork
from sutja.strings.sets import StringClip, read_strings, table_of
from sutja.strings.transcriber import answers_to
from sutja.strings.units import OUTPUT_SECONDS, Unit, Units, n_states

KINDS = {"spliced": 0.5, "synthetic": 0.13, "real": 0.22, "other": 0.1, "noise": 0.05}
"""How often strings of each kind are made, where there is what they are made of."""
N_PARTS = 16
FEWEST_STEPS, MANY_CLIPS, MOST_STEPS = 1_500, 2_000, 9_000
SHORTEST_SECONDS = 0.05
N_MEASURED = 300
FEW, WIDE, NARROW = 8, 0.45, (0.25, 0.6)
"""Units heard more rarely have the deviation that words have as a rule; the others' lies between two ends."""
CONFIDENCE = Confidence(scale=0.07, threshold=0.1, opinion=0.4, talk=6.0)
"""As fitted to strings of digits; nobody has strings of other words to fit it to."""
STATE_OUTPUTS = 2.6
"""That a state lasts as a rule."""
AUDIO = AudioConfig(sample_rate=SAMPLE_RATE)


@dataclass(frozen=True)
class Sources:
    """What strings are made of, and where it lies."""

    clips: tuple[Clip, ...]
    """Labelled recordings of single words."""
    language: str | None = None
    spoken: Mapping[str, str] = dataclasses.field(default_factory=dict)
    others: tuple[Clip, ...] = ()
    """Recordings of other words."""
    strings: tuple[StringClip, ...] = ()
    """Recordings of strings."""
    backgrounds: tuple[Path, ...] = ()
    rooms: tuple[Path, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The words, each once, in order."""
        return tuple(sorted({clip.label for clip in self.clips if clip.label is not None}))


def add(
    plan: Plan, string_data: Sequence[Path], n_steps: int | None, progress: Progress, start: str | None = None
) -> None:
    """Learn the words of a finished run in a row, and add that to its model.

    Parameters
    ----------
    plan
        Of the run.
    string_data
        Sets of recorded strings (:mod:`sutja.strings.sets`) to learn from as well.
    n_steps
        Of learning; as many as the number of clips asks for when not given.
    progress
        Is told of it.
    start
        The model whose network goes on learning; all is learned from nothing when not given.

    Raises
    ------
    BundleError
        When that model knows no words in a row.
    DatasetError
        When a set of strings is none, or no recording of a word can be used.

    """
    ready = bundle.load(plan.folder.model)
    clips = (*plan.dataset.labelled, *plan.extra)
    strings = tuple(clip for path in string_data for clip in _read_set(path, ready))
    others = (*plan.dataset.negatives, *plan.negatives)
    sources = Sources(clips, plan.config.language, plan.config.spoken, others, strings, plan.backgrounds, plan.rooms)
    config = StringTraining(
        n_steps=n_steps or steps_for(len(clips)), seed=plan.config.train.seed, precision=plan.config.train.precision
    )
    with opened(plan.engine, plan.n_jobs, ["torch"]) as engine:
        model = learn(sources, plan.run / "work" / "strings", config, engine, progress, read_start(start))
    said_of_it: dict[str, object] = {"n_clips": len(clips), "n_strings": config.n_strings, "n_steps": config.n_steps}
    said_of_it |= {} if start is None else {"start": start}
    bundle.save(replace(ready, strings=replace(model, about=said_of_it)), plan.folder.model)


def read_start(name: str | None) -> Start | None:
    """Read the network that goes on learning: a folder of a model or a run, or the name of one that sutja brings.

    Raises
    ------
    BundleError
        When it cannot be read, or knows no words in a row.

    """
    if name is None:
        return None
    model = bundle.load(name).strings
    if model is None:
        raise BundleError(
            f"{printable(name)}: knows no words in a row; expected a model made with --strings; choose another"
        )
    return Start(frame_network_in(model, printable(name)), model.units)


def steps_for(n_clips: int) -> int:
    """Return how many steps a vocabulary of so many clips is learned in.

    >>> steps_for(192), steps_for(7_000)
    (1500, 9000)
    """
    return FEWEST_STEPS if n_clips < MANY_CLIPS else MOST_STEPS


def table_in(path: Path) -> Path:
    """Return the table of a set of strings.

    Raises
    ------
    DatasetError
        When there is none.

    """
    table = table_of(path)
    if table is None:
        raise DatasetError(
            f"{printable(path)}: is no set of strings; expected a table of file_name and digits or words, no label"
        )
    return table


def _read_set(path: Path, model: bundle.Bundle) -> tuple[StringClip, ...]:
    spoken = said(model.labels, model.language, model.spoken)
    return read_strings(table_in(path), model.labels, spoken)


def learn(  # noqa: PLR0913
    sources: Sources,
    folder: Path,
    config: StringTraining,
    engine: Engine,
    progress: Progress,
    start: Start | None = None,
) -> StringModel:
    """Train a model of strings; what was cut off goes on in the same folder.

    Parameters
    ----------
    sources
        What is learned from.
    folder
        For the strings that are made and the checkpoint.
    config
        How the network learns.
    engine
        Makes them.
    progress
        Is told of it.
    start
        What goes on learning; all from nothing when not given.

    Raises
    ------
    DatasetError
        When no recording of a word can be used.
    RunError
        When what the folder holds was begun with other settings.

    """
    folder.mkdir(parents=True, exist_ok=True)
    units = units_of(sources, start.units if start is not None else None)
    strings, wanted = folder / "strings", f"{config.n_strings} strings of seed {config.seed}"
    made_before = (strings / DONE).read_text() if (strings / DONE).exists() else None
    if made_before not in (None, wanted):
        raise RunError(f"{strings}: holds {made_before}, now asked for {wanted}; ask for the same, or delete it")
    if made_before is None:
        strings.mkdir(exist_ok=True)
        step = progress.stage("making strings", config.n_strings, "string")
        jobs = [_Part(sources, units, strings, part, config.n_strings, config.seed) for part in range(N_PARTS)]
        for _ in engine.map(_make, jobs, step):
            pass
        (strings / DONE).write_text(wanted)
    made_of = read(strings)
    if start is not None:
        config = going_on(config, start, units)
    progress.say(
        f"learning strings takes about {roughly(config.n_steps * seconds_a_step(made_of, units, config))} here"
    )
    step = progress.stage("learning strings", config.n_steps, "step")
    network = trained(made_of, units, config, folder / "checkpoint.npz", lambda *_: step(), start)
    return measured(network, units, _material(sources, units), config)


DONE = "done"


@dataclass(frozen=True)
class _Part:
    sources: Sources
    units: Units
    folder: Path
    part: int
    n_strings: int
    seed: int

    def __str__(self) -> str:
        return f"strings, part {self.part}"


def _make(job: _Part, on_step: OnStep) -> None:
    material, kinds = _material(job.sources, job.units), _kinds(job.sources, job.units)

    def strings() -> Iterator[Said]:
        for number in range(job.part, job.n_strings, N_PARTS):
            yield made(material, job.seed, number, kinds=kinds)
            on_step()

    write(job.folder, f"{job.part:02d}", strings())


def _kinds(sources: Sources, units: Units) -> dict[str, float]:
    """Return how often each kind is made; what there is nothing to make of is left out."""
    absent = set()
    if not _texts(sources, units):
        absent.add("synthetic")
    if not sources.strings:
        absent.add("real")
    if not sources.others:
        absent.add("other")
    return {kind: share for kind, share in KINDS.items() if kind not in absent}


def units_of(sources: Sources, known: Units | None = None) -> Units:
    """Return the units of a vocabulary: a label each, and other forms that the language has of strings.

    Words that are ``known`` to a network that goes on keep their states there, or it would have to learn them anew.

    Raises
    ------
    DatasetError
        When no recording of a word can be used.

    """
    lengths: dict[str, list[float]] = {label: [] for label in sources.labels}
    for label, _, waveform in _takes(sources):
        lengths[label].append(len(waveform) / SAMPLE_RATE)
    missing = [label for label, seconds in lengths.items() if not seconds]
    if missing or not lengths:
        raise DatasetError(f"no recording of {', '.join(missing) or 'any word'} can be used; strings need some of each")
    texts = said(sources.labels, sources.language, sources.spoken)
    units = [Unit(texts.get(label, label), label, n_states(np.array(seconds))) for label, seconds in lengths.items()]
    units += [Unit(form.text, form.label, form.n_states, form.n_times) for form in _forms(sources)]
    before = {unit.name: unit.n_states for unit in (known.units if known is not None else ())}
    return Units(tuple(replace(unit, n_states=before.get(unit.name, unit.n_states)) for unit in units))


def _forms(sources: Sources) -> Sequence[StringForm]:
    """Return what strings have beside the words, where all that it can mean is in the vocabulary."""
    forms = STRING_FORMS.get((sources.language or "").partition("-")[0], ())
    return [form for form in forms if form.label in sources.labels or (not form.label and "0" in sources.labels)]


def _texts(sources: Sources, units: Units) -> dict[int, str]:
    """Return what a synthetic voice reads for each unit; nothing where the language was not told."""
    known = find(sources.language)
    return {number: unit.name for number, unit in enumerate(units.units)} if known is not None else {}


def _takes(sources: Sources) -> Iterator[tuple[str, str, Waveform]]:
    """Give label, speaker and the word itself of each clip that can be used."""
    for clip in sources.clips:
        if clip.label is None:
            continue
        waveform = _heard(clip.source, AUDIO)
        if waveform is not None:
            yield clip.label, _speaker(clip), waveform


def _speaker(clip: Clip) -> str:
    return f"{clip.attributes.get('corpus', '')}/{clip.speaker or clip.name}"


def _heard(source: object, audio: AudioConfig) -> Waveform | None:
    try:
        waveform = trimmed(load_waveform(source, audio))  # type: ignore[arg-type]
    except AudioError:  # the run before has named it
        return None
    return waveform if len(waveform) >= samples_in(SHORTEST_SECONDS, SAMPLE_RATE) else None


def _material(sources: Sources, units: Units) -> Material:
    """Hear all of it; some hundred MB for ten thousand clips."""
    place = {unit.label: number for number, unit in reversed(list(enumerate(units.units))) if unit.n_times == 1}
    speakers: dict[str, list[Take]] = {}
    for label, speaker, waveform in _takes(sources):
        speakers.setdefault(speaker, []).append(Take(place[label], waveform))
    known = vocabulary(sources.labels, sources.language, sources.spoken)
    language = find(sources.language)
    is_near = partial(_is_near, known=known, has_digits=_has_digits(sources.labels), language=sources.language)
    others: dict[str, list[Waveform]] = {}
    for clip in sources.others:
        heard = None if is_near(clip.label or "") else _heard(clip.source, AUDIO)
        if heard is not None:
            others.setdefault(_speaker(clip), []).append(heard)
    return Material(
        speakers,
        others,
        list(_wholes(sources.strings, units, is_near)),
        surroundings(Recorded(sources.backgrounds, sources.rooms), AUDIO),
        _texts(sources, units),
        tuple(word for word in (language.words if language else ()) if not is_near(word)),
        sources.language or "en",
    )


def _is_near(word: str, *, known: Vocabulary, has_digits: bool, language: str | None) -> bool:
    return word in known or (has_digits and near_in_strings(word, language))


def _has_digits(labels: Sequence[str]) -> bool:
    return not {str(digit) for digit in range(10)}.isdisjoint(labels)


def _wholes(strings: Iterable[StringClip], units: Units, is_near: Callable[[str], bool]) -> Iterator[Whole]:
    """Give the recordings of strings that are short enough, each by the forms that were said where these are known.

    Left out are those with a word that is no unit and too near one: an "o" that is spelled is heard as a zero.
    """
    names = {unit.name: number for number, unit in enumerate(units.units)}
    labels = {unit.label: number for number, unit in reversed(list(enumerate(units.units))) if unit.n_times == 1}
    for clip in strings:
        waveform = _heard(clip.path, AUDIO)
        if waveform is None or len(waveform) > LENGTHS[-1] * SAMPLE_RATE:
            continue
        forms = clip.words or clip.labels
        string = tuple(names.get(form, labels.get(form, OTHER)) for form in forms)
        if not any(unit == OTHER and is_near(form) for unit, form in zip(string, forms, strict=True)):
            yield Whole(string, waveform)


# -- how long words take ----------------------------------------------------------------------------------------------


def measured(network: FrameNet, units: Units, material: Material, config: StringTraining) -> StringModel:
    """Export a network, and measure how long its words take in strings that it did not learn from."""
    plain = tuple(Duration(float(np.log(STATE_OUTPUTS * unit.n_states)), WIDE) for unit in units.units)
    model = StringModel(frames_to_onnx(network), units, plain, DELAY, confidence=CONFIDENCE)
    return timed(model, material, config)


def timed(model: StringModel, material: Material, config: StringTraining) -> StringModel:
    """Measure how long words take in strings that the network did not learn from, and how far they reach."""
    units, plain = model.units, model.durations
    asked = FrameNetwork(model.onnx, units.n_outputs)
    lengths: dict[int, list[int]] = {number: [] for number in range(len(units.units))}
    away: list[list[float]] = []
    kinds = {kind: share for kind, share in KINDS.items() if kind in ("spliced", "real")}
    kinds = kinds if material.wholes else {"spliced": 1.0}
    for number in range(N_MEASURED):
        string = made(material, config.seed + 1, number, kinds=kinds)
        if string.units and OTHER not in string.units and all(units.units[u].n_times == 1 for u in string.units):
            words = forced(model, asked, string)
            for word in words:
                lengths[word.unit].append(word.end - word.start)
            if len(words) == len(string.times):
                outputs = np.array([(word.start, word.end) for word in words])
                away.extend((outputs * OUTPUT_SECONDS - string.times).tolist())
    durations = tuple(_duration(lengths[number], each) for number, each in enumerate(plain))
    return replace(model, durations=durations, edges=_edges(np.array(away).reshape(-1, 2)))


def _edges(away: NDArray[np.float64]) -> Edges:
    """Return how far words reach beyond what the network finds of them, in the median."""
    known = away[~np.isnan(away).any(axis=1)]
    if not len(known):
        return Edges()
    late, early = np.median(known[:, 0]), -np.median(known[:, 1])
    lead, tail = (round(max(0.0, float(by)), 3) for by in (late, early))
    return Edges(min(lead, MOST_EDGE), min(tail, MOST_EDGE))


def forced(model: StringModel, network: FrameNetwork, string: Said) -> list[Heard]:
    """Lay a string whose words are known over its recording."""
    labels = [[model.units.units[unit].label for unit in string.units]]
    config = DecoderConfig(duration_weight=0.0)
    decoder = Decoder(model.units, model.durations, one_of(model.units, labels), config)
    decoder.feed(answers_to(string.waveform, model, network))
    return decoder.finish()


def _duration(lengths: Sequence[int], plain: Duration) -> Duration:
    if len(lengths) < FEW:
        return plain
    logs = np.log(lengths)
    return Duration(float(logs.mean()), float(np.clip(logs.std(), *NARROW)))
