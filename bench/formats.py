"""Broken recordings of every container: who reads them? `python bench/formats.py [--json]`.

The files are made (`tests/recordings.py`): unfinished, piped, of unknown length, joined, with wrong sizes, with rubbish
around them. ffmpeg (as PyAV) and libsndfile alone (as soundfile) are the peers. sutja reads each by its bytes, its
path, an open file, a pipe and an upload to the service. Lengths are the same where they differ by less than 0.2 s: some
frames that coders put before and behind a sound, of which ffmpeg plays those in the middle of joined files.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import av
import soundfile

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from recordings import broken
from service import client, model

from sutja.audio import Source, decode
from sutja.errors import AudioError

TOLERANCE_SECONDS = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, client() as here:
        rows = {name: row(content, Path(folder) / "a", here) for name, (content, _) in broken().items()}
    peer_reads = [name for name, found in rows.items() if found["ffmpeg"]]
    result = {
        "bench": "formats",
        "n_files": len(rows),
        "n_read": {who: sum(found[who] > 0 for found in rows.values()) for who in ("sutja", "ffmpeg", "libsndfile")},
        "read_by_ffmpeg_and_not_by_sutja": [name for name in peer_reads if not rows[name]["sutja"]],
        "other_length_than_ffmpeg": [
            name for name in peer_reads if abs(rows[name]["sutja"] - rows[name]["ffmpeg"]) > TOLERANCE_SECONDS
        ],
        "not_the_same_by_every_way": [name for name, found in rows.items() if not found["is_same"]],
        "seconds": rows,
        "versions": {"av": av.__version__, "soundfile": soundfile.__version__},
        "command": " ".join(["python", *sys.argv]),
    }
    for name, value in result.items():
        print(f"{name}: {value}")
    if arguments.json:
        print(json.dumps(result))


def row(content: bytes, path: Path, here: object) -> dict[str, float | bool]:
    path.write_bytes(content)
    ways: list[Callable[[], object]] = [
        lambda: decoded(content),
        lambda: decoded(path),
        lambda: decoded(io.BytesIO(content)),
        lambda: through_pipe(content),
    ]
    found = [way() for way in ways]
    samples, rate = found[0]
    is_same = all(other == found[0] for other in found[1:]) and uploaded(content, here)
    seconds = {"sutja": len(samples) / 4 / rate, "ffmpeg": by_ffmpeg(content), "libsndfile": by_libsndfile(content)}
    return {**{who: round(value, 3) for who, value in seconds.items()}, "is_same": is_same}


def decoded(source: Source) -> tuple[bytes, int]:
    try:
        samples, rate = decode(source, model().bundle.audio)
    except AudioError:
        return b"", 1
    return samples.tobytes(), rate


def through_pipe(content: bytes) -> tuple[bytes, int]:
    reader, writer = os.pipe()

    def write() -> None:
        with os.fdopen(writer, "wb") as file:
            file.write(content)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        with os.fdopen(reader, "rb") as file:
            return decoded(file)
    finally:
        thread.join()


def uploaded(content: bytes, here: object) -> bool:
    """Whether the service says what the predictor says."""
    answer = here.post("/v1/predict", content=content, headers={"Content-Type": "application/octet-stream"})
    try:
        return answer.json().get("probabilities") == model().predict(content).probabilities
    except AudioError:
        return answer.status_code == 422


def by_ffmpeg(content: bytes) -> float:
    n_samples, rate = 0, 1
    try:
        with av.open(io.BytesIO(content)) as container:
            for packet in container.demux(audio=0):
                try:
                    for frame in packet.decode():
                        n_samples, rate = n_samples + frame.samples, frame.sample_rate
                except av.FFmpegError:
                    continue
    except (av.FFmpegError, IndexError):
        pass
    return n_samples / rate


def by_libsndfile(content: bytes) -> float:
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            return len(file.read(min(file.frames, 10**7))) / file.samplerate
    except (soundfile.SoundFileError, OSError, ValueError):
        return 0.0


if __name__ == "__main__":
    main()
