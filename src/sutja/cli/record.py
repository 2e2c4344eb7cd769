"""`sutja record`: the words of a vocabulary, take by take, into a folder that `sutja train` reads."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import click

from sutja.audio import Waveform, printable
from sutja.blocks import Blocks
from sutja.cli.console import INTERRUPTED, command, say
from sutja.cli.keys import Pressed, keys, no_keys
from sutja.cli.options import Hearing, hearing_options
from sutja.errors import AudioError, DependencyError, one_line
from sutja.listening import FULL_SCALE
from sutja.microphone import BLOCK_SECONDS, play
from sutja.recording import Event, Take, TakeLoop, peak_dbfs
from sutja.speech import samples_in
from sutja.takes import Takes, checked_words, time_now
from sutja.texts.phrases import phrase, said

METER_DB, METER_SIGNS = 60, 30
AFTER_PLAYING_SECONDS = 0.3  # that a room rings, and the sound card is late
KEYS = "Enter: take, r: again, p: play, u: undo, q: stop"
FREE_KEYS = "speak; r or u: again, p: play, q: stop"


@command()
@click.argument("words", nargs=-1, required=True)
@click.option("--speaker", required=True, help="Who speaks: scores on new voices need it.")
@click.option("--takes", "n_takes", type=click.IntRange(min=1), default=5, show_default=True, help="Of each word.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder; goes on where it stopped.")
@click.option("--hands-free", is_flag=True, help="Each pause ends a take and begins the next one: no keys.")
@click.option("--input", "source", metavar="FILE|-", help="Hear this in place of a microphone, hands free.")
@hearing_options
def record(  # noqa: PLR0913  one a command-line option
    hearing: Hearing, *, words: tuple[str, ...], speaker: str, n_takes: int, out: Path, hands_free: bool
) -> None:
    """Record WORDS, so many takes of each, into an audiofolder with speaker, device and time.

    Takes that are clipped, too quiet, too short or too long are told and asked for again. What is there of this speaker
    is counted and never overwritten. With --input, words come in the order in which they are asked for: all takes of
    the first, then of the next; when it ends with takes missing, they are named, and the exit status is 1.
    """
    has_keys = hearing.source is None and sys.stdin.isatty()
    hands_free = hands_free or hearing.source is not None
    if not (hands_free or has_keys):
        raise click.UsageError("standard input is no terminal, so no key can be pressed; add --hands-free or --input")
    labels, place = checked_words(words), one_line(printable(out))
    takes = Takes(out, speaker)
    takes.check_labels(labels)
    for note in takes.notes:
        say(note)
    if min(takes.counts()[label] for label in labels) >= n_takes:
        click.echo(f"{place}: {said('nothing is missing: {counts}', counts=_counted(labels, takes))}")
        return
    with hearing.open() as blocks, keys() if has_keys else no_keys() as pressed:
        there, known = takes.counts(), takes.digests()
        loop = TakeLoop(labels, n_takes, blocks.sample_rate, n_there=there, known=known, hands_free=hands_free)
        told = "" if not has_keys else FREE_KEYS if hands_free else KEYS
        begun = said("recording {speaker} from {device}", speaker=takes.speaker, device=phrase(blocks.name))
        say("; ".join(filter(None, (begun, phrase(told)))))
        status = Session(loop, takes, blocks).run(pressed)
    click.echo(f"{place}: {_counted(labels, takes)}")
    if loop.missing:
        lacking = _listed(loop.missing)
        say(f"sutja: takes are missing: {lacking}; the same command goes on")
    sys.exit(status)


def _counted(labels: Iterable[str], takes: Takes) -> str:
    counts = takes.counts()
    return said(
        "{takes} by {speaker}", takes=_listed({label: counts[label] for label in labels}), speaker=takes.speaker
    )


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(said("{n} of {label}", n=n, label=label) for label, n in counts.items())


class Session:
    """What is shown, pressed and written while somebody records.

    Parameters
    ----------
    loop
        Asks and judges.
    takes
        Where takes go.
    blocks
        What is heard.

    """

    def __init__(self, loop: TakeLoop, takes: Takes, blocks: Blocks) -> None:
        self._loop, self._takes, self._blocks = loop, takes, blocks
        self._is_live = sys.stderr.isatty()
        self._saved: list[tuple[Path, Take]] = []
        self._n_lost = 0

    def run(self, pressed: Pressed) -> int:
        """Record until all is there, the sound ends or somebody stops; return the exit status."""
        self._tell_ask()
        try:
            for block in self._steps():
                self._meter(block)
                self._note_losses()
                self._take(self._loop.feed(block))
                if self._loop.ask is None:
                    return 0
                if not self._obey(pressed()):
                    return 0
            self._take(self._loop.flush())
        except KeyboardInterrupt:
            return INTERRUPTED
        return int(self._loop.ask is not None)

    def _steps(self) -> Iterator[Waveform]:
        """Cut blocks so short that what is asked for is told before the next word."""
        n_step = samples_in(BLOCK_SECONDS, self._loop.sample_rate)
        for block in self._blocks:
            yield from (block[start : start + n_step] for start in range(0, len(block), n_step))

    def _take(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, Take):
                path = self._takes.add(
                    event.label, event.waveform, self._loop.sample_rate, device=self._blocks.name, recorded=time_now()
                )
                self._saved.append((path, event))
                seconds = event.end - event.start
                self._say(f"{event.label}: {path.name}, {seconds:.2f} s, peak {event.peak_dbfs:.1f} dBFS")
            else:
                self._say(f"{event.label}: {event.advice} (at {event.start:.2f} s)")
            self._tell_ask()

    def _obey(self, key: str) -> bool:
        """Do what a key says; False where it says to stop."""
        if key in ("\r", "\n", " "):
            self._loop.arm()
            self._say("speak now")
        elif key in ("r", "u"):
            self._undo()
            if key == "r":
                self._loop.arm()
        elif key == "p":
            self._play()
        return key != "q"

    def _undo(self) -> None:
        """Take the last take away."""
        if not self._saved:
            self._say("nothing was taken yet")
            return
        path, take = self._saved.pop()
        self._takes.remove(path)
        self._loop.put_back(take.label)
        self._say(f"{take.label}: {path.name} is gone again")
        self._tell_ask()

    def _play(self) -> None:
        if not self._saved:
            self._say("nothing was taken yet")
            return
        began = time.monotonic()
        try:
            play(self._saved[-1][1].waveform, self._loop.sample_rate)
        except (AudioError, DependencyError) as error:  # recording needs no loudspeaker
            self._say(str(error))
        self._loop.pass_over(time.monotonic() - began + AFTER_PLAYING_SECONDS)

    def _note_losses(self) -> None:
        if self._blocks.n_lost > self._n_lost:
            self._n_lost = self._blocks.n_lost
            self._take(self._loop.lose())

    def _tell_ask(self) -> None:
        ask = self._loop.ask
        if ask is not None:
            self._say(said("-> {label} ({n} of {all})", label=ask.label, n=ask.take, all=ask.n_takes))

    def _say(self, text: str) -> None:
        """Tell one thing, in the place of the meter."""
        if self._is_live:
            click.echo("\r\x1b[K", nl=False, err=True)
        say(text)

    def _meter(self, block: Waveform) -> None:
        """Show how loud it is, where somebody looks."""
        if not self._is_live or not len(block):
            return
        level = peak_dbfs(block)
        n_signs = max(0, min(METER_SIGNS, round(METER_SIGNS * (1 + level / METER_DB))))
        clipped = f" {phrase('CLIPPED')}" if float(abs(block).max()) >= FULL_SCALE else ""
        click.echo(f"\r\x1b[K{'#' * n_signs:<{METER_SIGNS}} {level:6.1f} dBFS{clipped}", nl=False, err=True)
