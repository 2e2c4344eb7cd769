"""What is told of strings: to programs as records for JSON, to people and other tools as text, TextGrid and SRT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sutja.predictor import Prediction
from sutja.strings.transcriber import SpokenString, SpokenWord, StringEvent, joined

DECIMALS = 3
"""Of times, seconds."""
SHORT_TEXTGRID, LONG_TEXTGRID = 'File type = "ooTextFile"', 'Object class = "TextGrid"'
NOTHING_SAID = "no words"

Record = dict[str, Any]
Interval = tuple[float, float, str]
"""Start and end, seconds, and what was said."""


def record_of(event: StringEvent) -> Record:
    """Return an event for JSON, with its ``type``: `partial`, `word` or `string`.

    >>> from sutja.strings.transcriber import Partial
    >>> record_of(Partial(("4", "7"), 1.25))
    {'type': 'partial', 'time': 1.25, 'labels': ['4', '7'], 'text': '47'}
    """
    if isinstance(event, SpokenWord):
        return {"type": "word"} | word_record(event)
    if isinstance(event, SpokenString):
        return {"type": "string"} | string_record(event)
    return {"type": "partial", "time": event.time, "labels": list(event.labels), "text": joined(event.labels)}


def word_record(word: SpokenWord) -> Record:
    """Return a word for JSON: the fields in which words that stand alone are told."""
    return {
        **_times(word),
        "label": word.label,
        "rejected": word.label is None,
        "probability": word.probability,
        "probabilities": word.probabilities,
    }


def string_record(string: SpokenString) -> Record:
    """Return a string for JSON, without its words."""
    alternatives = [
        {"text": joined(each.labels), "labels": list(each.labels), "probability": each.probability}
        for each in string.alternatives
    ]
    return {
        **_times(string),
        "text": string.text,
        "labels": [word.label for word in string.words],
        "probability": string.probability,
        "complete": string.complete,
        "alternatives": alternatives,
    }


def whole_record(string: SpokenString) -> Record:
    """Return a string for JSON, with its words."""
    return string_record(string) | {"words": [word_record(word) for word in string.words]}


def several_record(prediction: Prediction) -> Record:
    """Return what is told of a clip with several words, beside its label; nothing where there is one.

    >>> several_record(Prediction("7", 0.9, {"7": 0.9}, n_words=2, word_at=0.4))
    {'n_words': 2, 'word_at': 0.4}
    """
    if not prediction.words:
        return prediction.several
    return {**prediction.several, "text": prediction.text, "words": [word_record(word) for word in prediction.words]}


def _times(of: SpokenWord | SpokenString) -> Record:
    return {"start": round(of.start, DECIMALS), "end": round(of.end, DECIMALS)}


# -- for other tools ---------------------------------------------------------------------------------------------------


def srt(number: int, string: SpokenString) -> str:
    r"""Write a string as a subtitle, numbered from 1.

    >>> srt(1, SpokenString((SpokenWord("4", 1.0, {"4": 1.0}, 1.5, 3661.25),)))
    '1\n00:00:01,500 --> 01:01:01,250\n4\n\n'
    """
    return f"{number}\n{_clock(string.start)} --> {_clock(string.end)}\n{string.text}\n\n"


def _clock(seconds: float) -> str:
    whole, thousandths = divmod(round(1000 * seconds), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d},{thousandths:03d}"


def textgrid(tiers: dict[str, Sequence[Interval]], seconds: float) -> str:
    """Write tiers of intervals as Praat's TextGrid, in its long form; what lies between is empty.

    Parameters
    ----------
    tiers
        By name; intervals in order, which do not overlap.
    seconds
        Of the recording.

    """
    rows = {name: _gapless(intervals, seconds) for name, intervals in tiers.items()}
    lines = [SHORT_TEXTGRID, LONG_TEXTGRID, "", "xmin = 0", f"xmax = {seconds:.3f}", "tiers? <exists>"]
    lines += [f"size = {len(rows)}", "item []:"]
    for number, (name, intervals) in enumerate(rows.items(), 1):
        lines += [f"    item [{number}]:", '        class = "IntervalTier"', f'        name = "{name}"']
        lines += ["        xmin = 0", f"        xmax = {seconds:.3f}", f"        intervals: size = {len(intervals)}"]
        for place, (start, end, text) in enumerate(intervals, 1):
            quoted = text.replace('"', '""')
            lines += [
                f"        intervals [{place}]:",
                f"            xmin = {start:.3f}",
                f"            xmax = {end:.3f}",
            ]
            lines += [f'            text = "{quoted}"']
    return "\n".join(lines) + "\n"


def _gapless(intervals: Sequence[Interval], seconds: float) -> list[Interval]:
    """Fill what lies between intervals, and end them with the recording: Praat wants tiers without gaps."""
    filled, now = list[Interval](), 0.0
    for start, end, text in intervals:
        first, last = max(round(start, DECIMALS), now), min(round(end, DECIMALS), seconds)
        if last <= first:
            continue
        filled += [(now, first, "")] if first > now else []
        filled.append((first, last, text))
        now = last
    return [*filled, (now, seconds, "")] if seconds > now or not filled else filled
