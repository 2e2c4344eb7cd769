"""Recordings of every kind that sutja reads, and damage to them: for `test_decoders.py` and `bench/mutated.py`."""

from __future__ import annotations

import io
import json
import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path

import numpy as np
import soundfile
from conftest import tone

from sutja.audio import load_waveform, open_stream
from sutja.config import AudioConfig
from sutja.errors import AudioError

CONFIG = AudioConfig(sample_rate=16_000)
# Format and coding as soundfile names them.
MADE_BY_SOUNDFILE = [
    *(("WAV", coding) for coding in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW")),
    *(("WAV", coding) for coding in ("IMA_ADPCM", "MS_ADPCM", "GSM610", "G721_32", "NMS_ADPCM_16")),
    *(("WAVEX", "PCM_16"), ("RF64", "PCM_16"), ("FLAC", "PCM_16"), ("FLAC", "PCM_24")),
    *(("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")),
    *(("AIFF", coding) for coding in ("PCM_16", "PCM_S8", "FLOAT", "ULAW", "IMA_ADPCM", "GSM610", "DWVW_16")),
    *(("AU", coding) for coding in ("PCM_16", "ULAW", "FLOAT", "G721_32", "G723_24")),
    *(("CAF", coding) for coding in ("PCM_16", "ALAC_16", "FLOAT", "ULAW")),
    *(("W64", coding) for coding in ("PCM_16", "IMA_ADPCM", "MS_ADPCM", "GSM610")),
]
# ffmpeg's muxer, encoder and sample rate.
MADE_BY_FFMPEG = [
    ("ipod", "aac", 16_000), ("mp4", "aac", 44_100), ("mov", "alac", 16_000), ("3gp", "libopencore_amrnb", 8_000),
    ("webm", "libopus", 48_000), ("matroska", "aac", 16_000), ("adts", "aac", 16_000), ("asf", "wmav2", 44_100),
    ("amr", "libopencore_amrnb", 8_000), ("wv", "wavpack", 16_000), ("tta", "tta", 16_000), ("ac3", "ac3", 48_000),
    ("avi", "mp2", 44_100), ("flv", "libmp3lame", 44_100),
]  # fmt: skip
SECONDS = 0.6


def by_soundfile(file_format: str, coding: str, seconds: float = SECONDS, rate: int = 8_000) -> bytes:
    """Encode a tone with libsndfile."""
    file = io.BytesIO()
    soundfile.write(file, tone(440, seconds, rate), rate, format=file_format, subtype=coding)
    return file.getvalue()


def by_ffmpeg(muxer: str, encoder: str, rate: int, seconds: float = SECONDS) -> bytes:
    """Encode a tone with PyAV, by the encoder's own frames."""
    import av

    file = io.BytesIO()
    file.name = "made"
    with av.open(file, mode="w", format=muxer) as container:
        stream = container.add_stream(encoder, rate=rate, layout="mono")
        stream.bit_rate = 12_200 if "amr" in encoder else 64_000
        samples = (tone(440, seconds, rate)[None] * 32_767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = rate
        to_encoder = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=rate)
        fifo = av.AudioFifo()
        for part in to_encoder.resample(frame):
            part.pts = None
            fifo.write(part)
        size = stream.codec_context.frame_size or 1024
        while piece := fifo.read(size) or fifo.read(size, partial=True):
            for packet in stream.encode(piece):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return file.getvalue()


def whole_files() -> dict[str, bytes]:
    """One good file of each kind, by a name for it."""
    made = {f"{form} {coding}": by_soundfile(form, coding) for form, coding in MADE_BY_SOUNDFILE}
    try:
        return made | {f"{muxer} {encoder}": by_ffmpeg(muxer, encoder, rate) for muxer, encoder, rate in MADE_BY_FFMPEG}
    except ImportError:  # without the extra `ffmpeg`
        return made


def damaged(content: bytes, rng: np.random.Generator, others: list[bytes]) -> bytes:
    """Do to a file what discs, networks, programs and people do."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        place = int(rng.integers(0, min(len(data), 128) if rng.random() < 0.6 else len(data)))
        match rng.integers(0, 9):
            case 0:
                data[place : place + 1] = bytes(rng.integers(0, 256, 1, dtype=np.uint8))
            case 1:
                data[place : place + 4] = [b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f"][
                    rng.integers(4)
                ]
            case 2:
                del data[max(1, int(rng.integers(1, len(data)))) :]
            case 3:
                del data[place : place + int(rng.integers(1, 200))]
            case 4:
                data[place:place] = bytes(rng.integers(0, 256, int(rng.integers(1, 60)), dtype=np.uint8))
            case 5:
                data = bytearray(int(rng.integers(1, 600))) + data
            case 6:
                data += others[rng.integers(len(others))]
            case 7:
                data[place] ^= 1 << int(rng.integers(8))
            case 8:
                data[place : place + 300] = bytes(len(data[place : place + 300]))
        if len(data) < 2:
            break
    return bytes(data)


class _Pipe(io.BytesIO):
    def seekable(self) -> bool:
        return False


def answers(content: bytes, path: Path) -> list[bytes | str]:
    """Read a file by every way: the samples, or what was said of it."""
    path.write_bytes(content)
    found: list[bytes | str] = []
    for source in (content, path, _Pipe(content)):
        try:
            found.append(load_waveform(source, CONFIG).tobytes())
        except AudioError as error:
            found.append(error.reason)
    return found


def heard(content: bytes) -> None:
    """Read a file piece by piece, at most a minute of it."""
    try:
        with open_stream(content, 16_000) as (_, chunks):
            for _, _chunk in zip(range(60), chunks, strict=False):
                pass
    except AudioError:
        pass


def work(first: int, count: int, result: str) -> None:
    """Read damaged files and write down what came: ``first`` is the seed of the first."""
    resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))
    good = whole_files()
    names, others = sorted(good), list(good.values())
    done = {"n_files": 0, "n_read": 0, "n_refused": 0, "kinds": names, "foreign": [], "different": [], "slowest_s": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        answers(others[0], Path(folder) / "a")  # what is loaded once is no memory of a file's
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for seed in range(first, first + count):
            name, rng = names[seed % len(names)], np.random.default_rng(seed)
            content = damaged(good[name], rng, others)
            started = time.perf_counter()
            try:
                found = answers(content, Path(folder) / "a.wav")
                heard(content)
            except Exception:  # it is these that are counted
                done["foreign"].append(f"{seed} {name}: {traceback.format_exc(limit=-1)}")
            else:
                done["n_read" if isinstance(found[0], bytes) else "n_refused"] += 1
                if any(other != found[0] for other in found):
                    done["different"].append(f"{seed} {name}: {[f if isinstance(f, str) else len(f) for f in found]}")
            done["n_files"] += 1
            done["slowest_s"] = max(done["slowest_s"], time.perf_counter() - started)
            done["more_mb"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            Path(result).write_text(json.dumps(done), encoding="utf-8")
    sys.stdout.flush()
