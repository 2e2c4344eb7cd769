"""Recordings of every kind that sutja reads, and damage to them: for tests, and what in bench/ reads broken files."""

from __future__ import annotations

import base64
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
    *(("NIST", coding) for coding in ("PCM_16", "ULAW", "ALAW")),
    *(("W64", coding) for coding in ("PCM_16", "IMA_ADPCM", "MS_ADPCM", "GSM610")),
]
AMR = "amr_nb"
# No encoder of AMR is in every PyAV: SECONDS of a tone at 440 Hz, once encoded by one (4750 bit/s).
AMR_TONE = base64.b85decode(
    b"BOyUeQVIlsI3MrpY4wf(sm6c=9X&FuyBc*D1nCtr1U@)2tE;_r6Em$6ganN}GN#)eRd{A;n~VgFI5n4haiyKCP@lF0K0Pw0dwEo>*ewf"
    b"=1dTX0mb(*VL(*l1G6X(7GOK&6bc(aB5{v|mI5wuc7eqj08c0|KjXg4EyB$^E(2O$f1U@)2rhDsD>r9ghLIjOHGNx;vH5xGVaRvlFI5M"
    b"lNyM=Ql4FZS+jXg4^tDgmUaXSf01dTW{rhA{2J`gj!wgf&sGOKIYw2Z_}3Z4XwI5wBN5~L@S2@N^~K0Pw0t9`VNlcZ9<1dTX0r+ac#Mi"
    b"T_>NCb^NGG}{TwV%BX!n_1NI5MlNxm2r76AD5EjXg4FdtIgb!j+jW1U@)2rhDsUQ!On5hy;y2GN-GZWjZWv76t^3I5n2L6Lp`75|)evK"
    b"0Pw0YgzP+&`nE>1dTX0rfb7wA~OdqcmzH@GON27q|B)%BCZ6DI5w(#mE=He8wgeejXg4FdtSAh$p$i}1Rb1f4+9(P!1jQq1^"
)
# ffmpeg's muxer, encoder and sample rate.
MADE_BY_FFMPEG = [
    ("ipod", "aac", 16_000), ("mp4", "aac", 44_100), ("mov", "alac", 16_000), ("3gp", AMR, 8_000),
    ("webm", "libopus", 48_000), ("matroska", "aac", 16_000), ("adts", "aac", 16_000), ("asf", "wmav2", 44_100),
    ("amr", AMR, 8_000), ("wv", "wavpack", 16_000), ("tta", "tta", 16_000), ("ac3", "ac3", 48_000),
    ("avi", "mp2", 44_100), ("flv", "libmp3lame", 44_100),
]  # fmt: skip
SECONDS = 0.6
SIZES = (b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f")


def encoded(waveform, rate: int, file_format: str = "WAV", coding: str | None = None, endian: str = "FILE") -> bytes:
    """Encode samples with libsndfile."""
    file = io.BytesIO()
    soundfile.write(file, waveform, rate, format=file_format, subtype=coding, endian=endian)
    return file.getvalue()


def by_soundfile(file_format: str, coding: str, seconds: float = SECONDS, rate: int = 8_000) -> bytes:
    """Encode a tone with libsndfile."""
    return encoded(tone(440, seconds, rate), rate, file_format, coding)


def by_ffmpeg(muxer: str, encoder: str, rate: int, seconds: float = SECONDS) -> bytes:
    """Encode a tone with PyAV, by the encoder's own frames."""
    import av

    if encoder == AMR:
        return _amr_in(muxer)
    file = io.BytesIO()
    file.name = "made"
    with av.open(file, mode="w", format=muxer) as container:
        stream = container.add_stream(encoder, rate=rate, layout="mono")
        stream.bit_rate = 64_000
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


def _amr_in(muxer: str) -> bytes:
    """Put the frames of AMR_TONE into a container."""
    import av

    file = io.BytesIO()
    file.name = "made"
    with av.open(io.BytesIO(AMR_TONE), format="amr") as source, av.open(file, mode="w", format=muxer) as container:
        stream = container.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    return file.getvalue()


def whole_files() -> dict[str, bytes]:
    """One good file of each kind, by a name for it."""
    made = {f"{form} {coding}": by_soundfile(form, coding) for form, coding in MADE_BY_SOUNDFILE}
    try:
        return made | {f"{muxer} {encoder}": by_ffmpeg(muxer, encoder, rate) for muxer, encoder, rate in MADE_BY_FFMPEG}
    except ImportError:  # without the extra `ffmpeg`
        return made


# -- broken as recorders, pipes, programs and people break them --------------------------------------------------------

ID3 = b"ID3\3\0\0\0\0\0\x10" + bytes(16)
UNKNOWN = b"\xff" * 4
BROKEN_SECONDS, BROKEN_RATE = 3.0, 16_000
N_BROKEN = round(BROKEN_SECONDS * BROKEN_RATE)
N_SECOND = round(2.0 * BROKEN_RATE)
FIVE = {"wav": ("WAV", "PCM_16"), "flac": ("FLAC", "PCM_16"), "mp3": ("MP3", "MPEG_LAYER_III"),
        "ogg": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS"), "aiff": ("AIFF", "PCM_16")}  # fmt: skip


def at(content: bytes, place: int, value: bytes) -> bytes:
    """Write over some bytes."""
    return content[:place] + value + content[place + len(value) :]


def broken() -> dict[str, tuple[bytes, int]]:
    """Broken files by `container: what is wrong`, with the number of samples that are there, 0 where coders decide."""
    files: dict[str, tuple[bytes, int]] = {}
    for name, (form, coding) in FIVE.items():
        first = by_soundfile(form, coding, BROKEN_SECONDS, BROKEN_RATE)
        second = by_soundfile(form, coding, 2.0, BROKEN_RATE)
        long = by_soundfile(form, coding, 4 * BROKEN_SECONDS, BROKEN_RATE)  # Ogg's pages hold some seconds
        both = N_BROKEN + (0 if name in ("wav", "aiff") else N_SECOND)  # of joined wavs ffmpeg too plays the first
        files |= {
            f"{name}: whole": (first, N_BROKEN),
            f"{name}: cut": (long[: len(long) * 2 // 3], 0),
            f"{name}: cut by a byte": (long[:-1], 0),
            f"{name}: joined": (first + second, both),
            f"{name}: joined, tagged": (first + ID3 + second, both),
            f"{name}: rubbish behind": (first + b"xyz" * 400, N_BROKEN),
            f"{name}: zeros behind": (first + bytes(3000), N_BROKEN),
            f"{name}: zeros before": (bytes(448) + first, N_BROKEN),
            f"{name}: a tag before": (ID3 + first, N_BROKEN),
            f"{name}: two tags before": (ID3 + ID3 + first, N_BROKEN),
            f"{name}: a server's words before": (b"HTTP/1.1 200 OK\r\n\r\n" + first, N_BROKEN),
        }
    return files | _wrong_sizes()


def _wrong_sizes() -> dict[str, tuple[bytes, int]]:
    wav, flac, aiff = (by_soundfile(*FIVE[name], BROKEN_SECONDS, BROKEN_RATE) for name in ("wav", "flac", "aiff"))
    rf64 = by_soundfile("RF64", "PCM_16", BROKEN_SECONDS, BROKEN_RATE)
    wavex = by_soundfile("WAVEX", "PCM_16", BROKEN_SECONDS, BROKEN_RATE)
    wide = by_soundfile("WAV", "PCM_24", BROKEN_SECONDS, BROKEN_RATE)
    ds64, sound, common = rf64.index(b"ds64"), aiff.index(b"SSND"), aiff.index(b"COMM")
    unknown = at(flac, 21, bytes([flac[21] & 0xF0, 0, 0, 0, 0]))
    files = {
        "wav: size 0": at(wav, 40, bytes(4)),
        "wav: sizes 0": at(at(wav, 40, bytes(4)), 4, bytes(4)),
        "wav: piped": at(at(wav, 40, UNKNOWN), 4, UNKNOWN),
        "wav: of 24 bits, size 0": at(wide, wide.index(b"data") + 4, bytes(4)),
        "wav: extensible, size 0": at(wavex, wavex.index(b"data") + 4, bytes(4)),
        "wav: size too large": at(wav, 40, b"\0\0\0\x10"),
        "wav: outer size too small": at(wav, 4, b"\x24\0\0\0"),
        "wav: odd chunk": wav[:36] + b"LIST\5\0\0\0abcde\0" + wav[36:],
        "wav: odd chunk, not padded": wav[:36] + b"LIST\5\0\0\0abcde" + wav[36:],
        "wav: chunk with a wrong size": wav[:36] + b"LIST\0\0\0\x10abcd" + wav[36:],
        "wav: chunk before the format": wav[:12] + b"JUNK\x1c\0\0\0" + bytes(28) + wav[12:],
        "wav: chunk behind": wav + b"LIST\4\0\0\0abcd",
        "wav: rf64": rf64,
        "wav: rf64 that was never closed": at(rf64, ds64 + 8, bytes(28)),
        "flac: piped": unknown,
        "flac: size too large": at(flac, 24, b"\xff\xff"),
        "flac: size too small": at(flac, 24, b"\x10\x10"),
        "flac: joined, piped": unknown + unknown,
        "aiff: sizes 0": at(at(aiff, sound + 4, bytes(4)), 4, bytes(4)),
        "aiff: only its own numbers": at(aiff, sound + 4, b"\0\0\0\x08"),
        "aiff: piped": at(at(aiff, sound + 4, UNKNOWN), 4, UNKNOWN),
        "aiff: size too large": at(aiff, sound + 4, b"\x10\0\0\0"),
        "aiff: no length": at(aiff, common + 10, bytes(4)),
        "aiff: odd chunk, not padded": aiff[:12] + b"NAME\0\0\0\3abc" + aiff[12:],
        "aiff: format behind": aiff[:12] + aiff[sound:] + aiff[12:sound],
    }
    return {name: (content, N_BROKEN * (2 if "joined" in name else 1)) for name, content in files.items()}


# -- damaged by chance -------------------------------------------------------------------------------------------------


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
