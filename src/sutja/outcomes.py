"""What is said of one recording, as one record: fields of JSON, a row of CSV, the columns of a parquet table."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sutja.audio import printable
from sutja.errors import AudioError, needs
from sutja.predictor import Prediction
from sutja.transcripts import several_record

if TYPE_CHECKING:
    import os

    import pyarrow

OF_SEVERAL = ("n_words", "word_at", "words")
"""Fields that are told where there are several words."""

Record = dict[str, Any]


def record_of(name: str | os.PathLike[str], outcome: Prediction | AudioError) -> Record:
    """Return everything that is known of a recording, in plain values.

    >>> record_of("7.wav", Prediction("7", 0.91, {"7": 0.91}))
    {'path': '7.wav', 'label': '7', 'probability': 0.91, 'probabilities': {'7': 0.91}, 'rejected': False}
    >>> record_of("0.wav", AudioError("0.wav", "the file is empty; record it again"))
    {'path': '0.wav', 'error': '0.wav: the file is empty; record it again'}
    """
    record: Record = {"path": printable(name)}
    if isinstance(outcome, AudioError):
        return record | {"error": str(outcome)}
    told = {field.name: getattr(outcome, field.name) for field in dataclasses.fields(outcome)}
    fields = {name: value for name, value in told.items() if name not in OF_SEVERAL}
    return record | fields | several_record(outcome)


def as_json(record: Mapping[str, Any]) -> str:
    """Write a record as one line of JSON."""
    return json.dumps(record, ensure_ascii=False) + "\n"


def as_csv(record: Mapping[str, Any]) -> str:
    r"""Write :data:`sutja.columns.RESULT_COLUMNS`; the label of a clip that is refused is empty.

    >>> as_csv({"path": "7.wav", "label": "7", "probability": 0.91})
    '7.wav,7,0.91,\n'
    """
    return csv_row([record["path"], record.get("label"), record.get("probability"), record.get("error")])


def csv_row(values: Iterable[Any]) -> str:
    r"""Write values as CSV does.

    >>> csv_row(["a, b.wav", 7])
    '"a, b.wav",7\n'
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(values)  # with which it puts quotes around either
    return text.getvalue().removesuffix("\r\n") + "\n"


def schema(labels: Sequence[str]) -> pyarrow.Schema:
    """Return the columns of a parquet table: the fields of a record, ``probabilities`` a struct with a field a label.

    Raises
    ------
    DependencyError
        Without pyarrow.

    """
    try:
        import pyarrow
    except ImportError as error:
        raise needs("pyarrow", "cluster") from error
    times = [(name, pyarrow.float64()) for name in ("start", "end", "probability")]
    word = pyarrow.struct([("label", pyarrow.string()), *times])
    return pyarrow.schema(
        [
            ("path", pyarrow.string()),
            ("label", pyarrow.string()),
            ("probability", pyarrow.float64()),
            ("probabilities", pyarrow.struct([(label, pyarrow.float64()) for label in labels])),
            ("rejected", pyarrow.bool_()),
            ("n_words", pyarrow.int64()),
            ("word_at", pyarrow.float64()),
            ("text", pyarrow.string()),
            ("words", pyarrow.list_(word)),
            ("error", pyarrow.string()),
        ]
    )


def as_table(records: Sequence[Record], columns: pyarrow.Schema) -> pyarrow.Table:
    """Return records as rows of a table; a field that a record does not tell of is null."""
    import pyarrow

    return pyarrow.Table.from_pylist(list(records), schema=columns)
