"""Writes a table of given rows in every form that people bring, for the tests that read it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from conftest import TINY_RATE, tone

Rows = Sequence[Sequence[str]]


def write_table(path: Path, columns: Sequence[str], rows: Rows, encoding: str = "utf-8", **dialect: Any) -> Path:
    """Write rows as the name's suffix says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".xlsx":
        _write_workbook(path, [columns, *rows])
    elif path.suffix == ".parquet":
        write_parquet(path, {name: list(values) for name, values in zip(columns, zip(*rows, strict=True), strict=True)})
    elif path.suffix == ".xls":
        path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504))
    elif path.suffix in (".json", ".jsonl", ".ndjson"):
        lines = (json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) for row in rows)
        path.write_bytes("\n".join(lines).encode(encoding))
    else:
        if path.suffix in (".tsv", ".txt"):
            dialect.setdefault("delimiter", "\t")
        path.write_bytes(separated(columns, rows, **dialect).encode(encoding))
    return path


def separated(columns: Sequence[str], rows: Rows, **dialect: Any) -> str:
    file = io.StringIO()
    csv.writer(file, **dialect).writerows([columns, *rows])
    return file.getvalue()


def _write_workbook(path: Path, rows: Sequence[Sequence[Any]]) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    book.save(path)
    book.close()


def write_parquet(path: Path, columns: dict[str, list[Any]], features: Any = None, **more: Any) -> Path:
    """Write columns; ``features`` is what Hugging Face writes into the schema."""
    import pyarrow
    import pyarrow.parquet

    made = pyarrow.table(columns)
    if features is not None:
        made = made.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(made, path, **more)
    return path


def wav_bytes(frequency: float, seconds: float = 0.1) -> bytes:
    """A tone as the bytes of a wav file."""
    file = io.BytesIO()
    soundfile.write(file, np.asarray(tone(frequency, seconds, TINY_RATE)), TINY_RATE, subtype="PCM_16", format="WAV")
    return file.getvalue()
