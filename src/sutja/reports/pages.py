"""Self-contained HTML pages: templates, inline figures, players; nothing is fetched from anywhere.

A page is one file: styles, scripts, figures and sound stand inside it. Jinja2 escapes every value that a template
shows; only what this module marks as :class:`markupsafe.Markup` goes in as it is.
"""

from __future__ import annotations

import base64
import functools
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from sutja.audio import Waveform
from sutja.errors import needs
from sutja.files import write_text
from sutja.metrics import Share
from sutja.reports.drawing import save_png, to_svg
from sutja.texts import filled, speaking
from sutja.texts.phrases import current, phrase, retold, said

try:
    import jinja2
    from markupsafe import Markup, escape
    from matplotlib.figure import Figure
except ModuleNotFoundError as error:
    raise needs("jinja2", "explore") from error

# libsndfile writes MP3 since 1.1; every browser plays it, and a word has no more than a header of 100 bytes.
SMALL_TYPE = "audio/mpeg" if "MP3" in soundfile.available_formats() else "audio/wav"
ENOUGH_CLIPS = 10  # to be named as the hardest
SPACE = "\u00a0"  # that a line does not break at


def write_page(path: Path, template: str, **values: Any) -> None:
    """Fill a template of ``templates/`` and write the page, whole or not at all."""
    write_text(path, render(template, **values))


def render(template: str, **values: Any) -> str:
    """Fill a template of ``templates/``."""
    return _environment().get_template(template).render(**{"t": speaking(current()), "language": current(), **values})


def told(english: str, /, **fields: Any) -> Markup:
    """Say a text of a page in the current language; marks in it are ours, in its fields they are escaped.

    >>> str(told("<b>{name}</b> alone", name="<mel>"))
    '<b>&lt;mel&gt;</b> alone'
    """
    return Markup(filled(phrase(english), fields, lambda value: str(escape(_finalize(value)))))


def again(sentence: object) -> str:
    """Say a sentence that was composed in English in the current language."""
    return retold(str(sentence))


def svg(figure: Figure, name: str, caption: str = "") -> Markup:
    """Put a figure into a page, its text and axes in the page's colours.

    ``name`` is a word of letters, digits and ``-`` that no other figure of the page has.
    """
    shown = Markup(to_svg(figure, name))
    below = Markup("<figcaption>{}</figcaption>").format(caption) if caption else ""
    return Markup('<figure><div class="scroll">{}</div>{}</figure>').format(shown, below)


def keep(figure: Figure, path: Path, name: str) -> Markup:
    """Save a figure as PNG and put it into a page; its layout, half of the work, is found once for both."""
    save_png(figure, path)
    figure.set_layout_engine("none")
    return svg(figure, name)


def sound(waveform: Waveform, sample_rate: int) -> str:
    """Return a waveform as a ``data:`` URI of 16-bit wav, as loud as :func:`playable` makes it."""
    buffer = io.BytesIO()
    soundfile.write(buffer, playable(waveform), sample_rate, format="WAV", subtype="PCM_16")
    return "data:audio/wav;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def small_sound(waveform: Waveform, sample_rate: int) -> bytes:
    """Return a waveform as bytes of ``SMALL_TYPE``: about 1.4 kB for half a second at 8 kHz, 2.2 kB above."""
    rate = 8_000 if sample_rate < 16_000 else 16_000
    narrow = playable(soxr.resample(waveform, sample_rate, rate) if rate != sample_rate else waveform)
    buffer = io.BytesIO()
    if SMALL_TYPE == "audio/mpeg":
        how = {"compression_level": 0.9, "bitrate_mode": "CONSTANT"}  # 24 kbit/s, plain for a word
        soundfile.write(buffer, narrow, rate, format="MP3", subtype="MPEG_LAYER_III", **how)
    else:
        soundfile.write(buffer, narrow, rate, format="WAV", subtype="ULAW")
    return buffer.getvalue()


def playable(waveform: Waveform) -> Waveform:
    """Bring the peak to -3 dBFS: quiet recordings could not be heard beside loud ones otherwise."""
    peak = float(np.abs(waveform).max(initial=0))
    return waveform if peak == 0 else waveform * np.float32(0.7 / peak)


def per_cent(share: float | None, digits: int = 1) -> str:
    r"""Say a share as a percentage, on one line.

    >>> per_cent(0.93416)
    '93.4\xa0%'
    """
    return "–" if share is None else f"{100 * share:.{digits}f}{SPACE}%"


def interval(low_high: tuple[float, float] | list[float] | None) -> str:
    r"""Say a 95 % interval of a share.

    >>> interval((0.901, 0.95))
    '90.1 to 95.0\xa0%'
    """
    if not low_high:
        return "–"
    return said("{low} to {high} %", low=f"{100 * low_high[0]:.1f}", high=f"{100 * low_high[1]:.1f}").replace(
        " %", f"{SPACE}%"
    )


def count(number: float, one: str, many: str = "") -> str:
    r"""Say how many, with the noun.

    >>> count(1, "clip"), count(12000, "clip"), count(2, "entry", "entries")
    ('1 clip', '12\xa0000 clips', '2 entries')
    """
    noun = one if number == 1 or current() != "en" else many or f"{one}s"  # Korean has one form
    return said(f"{{n}} {noun}", n=thousands(number))


def thousands(number: float) -> str:
    r"""Write a whole number in groups of three.

    >>> thousands(84522)
    '84\xa0522'
    """
    return f"{number:,.0f}".replace(",", SPACE)


def duration(seconds: float) -> str:
    r"""Say how long something took, on one line.

    >>> duration(4.25), duration(130), duration(7500)
    ('4.2\xa0s', '2\xa0min\xa010\xa0s', '2\xa0h\xa05\xa0min')
    """
    return _spoken_duration(seconds).replace(" ", SPACE)  # in Korean as well: 2분 10초


def _spoken_duration(seconds: float) -> str:
    if seconds < 60:
        return said("{s} s", s=f"{seconds:.1f}")
    minutes = round(seconds) // 60
    if minutes < 60:
        return said("{min} min {s} s", min=minutes, s=round(seconds) % 60)
    return said("{h} h {min} min", h=minutes // 60, min=minutes % 60)


def code(text: str) -> Markup:
    """Show what stands between backquotes as code.

    >>> str(code("`<b>` & more"))
    '<code>&lt;b&gt;</code> &amp; more'
    """
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))


def script_json(value: Any) -> Markup:
    r"""Return JSON that can stand inside a ``<script>`` element, whatever the labels hold.

    >>> str(script_json({"label": "</script>"}))
    '{"label":"\\u003c/script\\u003e"}'
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def readable(text: object) -> str:
    r"""Return text that can be written as UTF-8: file names need not be.

    >>> readable("caf\udce9")
    'caf?'
    """
    return str(text).encode("utf-8", errors="replace").decode("utf-8")


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("sutja.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    filters: Mapping[str, Any] = {
        "per_cent": per_cent,
        "interval": interval,
        "duration": duration,
        "thousands": thousands,
        "script_json": script_json,
        "code": code,
        "again": again,
    }
    environment.filters.update(filters)
    environment.globals |= {"count": count, "_": told}
    return environment


def _finalize(value: Any) -> Any:
    return readable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def hardest(groups: Mapping[str, Share]) -> tuple[str, Share] | None:
    """Return the group with the lowest accuracy, the largest of those that share it.

    One of a few clips is named only where there is no larger one: one wrong clip of one says little.
    """
    if len(groups) < 2:
        return None
    large = [item for item in groups.items() if item[1].n_clips >= ENOUGH_CLIPS] or list(groups.items())
    return min(large, key=lambda item: (item[1].accuracy, -item[1].n_clips))
