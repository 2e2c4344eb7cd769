"""A table's file to columns and rows of text, whoever wrote it: encodings, separators, JSON lines, workbooks, parquet.

What a file is, is told by its first bytes, and by its name only where these are text. What was found out about it, its
encoding and separator, is said: it may be wrong where a file says nothing of itself.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import lzma
import math
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sutja import parquet
from sutja.audio import printable
from sutja.columns import is_file_column, n_known
from sutja.errors import DatasetError, DependencyError, listed, needs

TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson")
SUFFIXES = (*TEXT_SUFFIXES, ".parquet", ".xlsx", ".xlsm", ".xls")
"""What tables are called."""

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
HEAD_BYTES = 1 << 16
"""How much of a file is read to see whether it is a table that is meant for us."""

_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16's, which it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_WESTERN_SIGNS = frozenset("\xa0€‚„…‘’“”•–—§°«»·´£")
"""What stands between letters in western text; other signs of cp1252 are letters of another encoding."""
_WORKBOOK, _OLD_WORKBOOK, _PARQUET = b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"PAR1"


@dataclass(frozen=True)
class Sheet:
    """A table: a row of text for each recording."""

    columns: tuple[str, ...]
    rows: list[list[str]]
    """As long as the columns."""
    lines: Sequence[int]
    """Where each row stands in the file, counted from 1."""
    how: tuple[str, ...] = ()
    """What was found out about the file: its separator, its encoding."""
    sound: str | None = None
    """The column that stands for sound inside the file itself, as parquet has it."""


def read_sheet(path: Path) -> Sheet:
    """Read a table of any kind.

    Raises
    ------
    DatasetError
        When it cannot be read; the message says what is wrong with it and what to do.
    DependencyError
        When it needs a package that is not installed.

    """
    try:
        head = _head(path, 4)
        if head == _PARQUET:
            return _parquet_sheet(path)
        if head == _WORKBOOK:
            return _workbook_sheet(path)
        content = path.read_bytes()
    except OSError as error:
        raise DatasetError(
            f"{printable(path)}: cannot be read ({error.strerror or error}); check the file and who may read it"
        ) from error
    if head == _OLD_WORKBOOK:
        raise DatasetError(f"{printable(path)}: is a workbook of Excel 2003 or older; save it as .xlsx or as CSV")
    text, encoding = decoded(content, path)
    how = (encoding,) if encoding != "utf-8" else ()
    return _json_sheet(text, path, how) if _is_json(text, path) else _delimited_sheet(text, path, how)


def may_be_table(path: Path) -> bool:
    """Tell whether a file is called as tables are."""
    return path.suffix.lower() in SUFFIXES


def head_columns(path: Path) -> tuple[str, ...]:
    """Return the columns of what may be a table, from its beginning; none where it is no table or cannot be read."""
    try:
        head = _head(path, HEAD_BYTES)
        if head.startswith(_PARQUET):
            return parquet.column_names(path)
        if head.startswith(_WORKBOOK):
            return _workbook_sheet(path, n_rows=1).columns
        if len(head) == HEAD_BYTES:  # up to the last whole line, in UTF-16 as well
            end = head.rfind(b"\n")
            head = head[: end - end % 2]
        text, _ = decoded(head, path)
        if _is_json(text, path):
            first_object, _ = json.JSONDecoder().raw_decode(text.lstrip().lstrip("[").lstrip())
            return tuple(first_object) if isinstance(first_object, dict) else ()
        text, separator = _separated(text)
        return tuple(next(_Records(text, separator), ()))
    except (DatasetError, DependencyError, OSError, ValueError, csv.Error, RecursionError):
        return ()


def text_of(value: Any) -> str:
    """Return a value of JSON, of a workbook or of parquet as the text that stands for it; "" for what is not there.

    >>> text_of(" 7 "), text_of(7.0), text_of(True), text_of(None), text_of(math.nan)
    ('7', '7.0', 'true', '', '')
    """
    if isinstance(value, str):
        return value.strip()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return json.dumps(value, ensure_ascii=False, default=str).strip('"')


# -- bytes to text ----------------------------------------------------------------------------------------------------


def decoded(content: bytes, path: Path) -> tuple[str, str]:
    """Return the text of a file, and the encoding that it was taken to be in.

    It is what its mark says; else UTF-8, if it can be; else cp949 (Korean Windows) or cp1252 (western Windows),
    whichever gives letters that stand as people write them.

    Raises
    ------
    DatasetError
        When it is none of these.

    """
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), None) or _unmarked(content)
    try:
        return content.decode(encoding).removeprefix("\ufeff"), encoding
    except UnicodeDecodeError as error:
        if encoding == "utf-8":
            encoding = _windows_encoding(content) or ""
        if encoding in ("cp949", "cp1252"):
            return content.decode(encoding), encoding
        raise DatasetError(
            f"{printable(path)}: is not UTF-8 text (byte {error.start}), nor UTF-16, cp949 or cp1252; save it again "
            "as CSV in UTF-8"
        ) from error


def _unmarked(content: bytes) -> str:
    """Tell UTF-16 without its mark from UTF-8: every second byte of a header in ASCII is 0."""
    head = content[:16]
    if len(head) == 16 and not any(head[1::2]) and all(head[::2]):
        return "utf-16-le"
    return "utf-16-be" if len(head) == 16 and not any(head[::2]) and all(head[1::2]) else "utf-8"


def _windows_encoding(content: bytes) -> str | None:
    """Say which of the two encodings of Windows without a mark the bytes make sense in.

    Korean text is made of the 2350 syllables of KS X 1001, nearly; western letters that cp949 takes for a half of a
    syllable come out as rare ones. In western text letters with accents stand alone; bytes of Cyrillic, Greek,
    Chinese or Japanese stand in rows, and to read those as western would make up labels.
    """
    try:
        letters = [c for c in content.decode("cp949") if not c.isascii()]
    except UnicodeDecodeError:
        letters = []
    common = sum("가" <= c <= "힣" and len(c.encode("euc_kr", "ignore")) == 2 for c in letters)
    if 2 * common > len(letters):
        return "cp949"
    try:
        signs = {c for c in content.decode("cp1252") if not c.isascii() and not c.isalpha()}
    except UnicodeDecodeError:
        return None
    runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", content)]
    stand_alone = 2 * sum(length == 1 for length in runs) > len(runs)
    return "cp1252" if stand_alone and signs <= _WESTERN_SIGNS else None


# -- text to rows -----------------------------------------------------------------------------------------------------


def _delimited_sheet(text: str, path: Path, how: tuple[str, ...]) -> Sheet:
    text, separator = _separated(text)
    try:
        sheet = _with_quotes(text, separator, path)
    except csv.Error as error:
        if separator != "\t":
            raise DatasetError(f"{printable(path)}: cannot be read as CSV ({error}); mend it") from error
        sheet = _with_quotes(text, separator, path, csv.QUOTE_NONE)  # as Common Voice writes tabs: quotes are text
    said = () if separator == "," else (f"{SEPARATORS.get(separator, repr(separator))}s as separator",)
    return Sheet(sheet.columns, sheet.rows, sheet.lines, (*said, *how))


def _with_quotes(text: str, separator: str, path: Path, quoting: Any = csv.QUOTE_MINIMAL) -> Sheet:
    records = _Records(text, separator, quoting)
    columns = tuple(next(records, ()))
    n_columns, rows, lines = len(columns), [], []
    for values in records:
        if any(values[n_columns:]):
            raise DatasetError(_too_many(path, records.line, len(values), n_columns, separator))
        rows.append((values + [""] * n_columns)[:n_columns] if len(values) != n_columns else values)
        lines.append(records.line)
    return Sheet(columns, rows, lines)


def _too_many(path: Path, line: int, n_values: int, n_columns: int, separator: str) -> str:
    return (
        f"{printable(path)}: line {line} has {n_values} values and the header {n_columns} columns; "
        f"put quotation marks around values that hold a {SEPARATORS.get(separator, separator)}"
    )


class _Records:
    """The rows of text in which anything stands, without the space around values; ``line`` is the last one's."""

    def __init__(self, text: str, separator: str, quoting: Any = csv.QUOTE_MINIMAL) -> None:
        self._reader = csv.reader(
            io.StringIO(text, newline=""), delimiter=separator, quoting=quoting, strict=True, skipinitialspace=True
        )

    def __iter__(self) -> _Records:
        return self

    def __next__(self) -> list[str]:
        while True:
            values = [value.strip() for value in next(self._reader)]
            if any(values):
                return values

    @property
    def line(self) -> int:
        return self._reader.line_num


def _separated(text: str) -> tuple[str, str]:
    """Return the table and its separator: the one that Excel names in the first line, or that makes the best header."""
    named = re.match(r"\"?sep=([,;|:^~\t])\"?[^\r\n]*(\r\n|\r|\n|$)", text, re.IGNORECASE)
    if named:
        return "\n" + text[named.end() :], named[1]  # what is said of lines counts this one
    first = next((line for line in text[:HEAD_BYTES].splitlines() if re.search(r"\w", line)), "")

    def understood(separator: str) -> tuple[int, int]:
        try:
            columns = next(_Records(first, separator), [])
        except csv.Error:
            columns = []
        return n_known(columns), len(columns)

    return text, max(SEPARATORS, key=understood)


def _is_json(text: str, path: Path) -> bool:
    """Tell lines of JSON, by their name or by how they begin; a list only where the name says JSON."""
    if path.suffix.lower() in (".json", ".jsonl", ".ndjson"):
        return True
    return text.lstrip()[:1] == "{" and path.suffix.lower() == ".txt"


def _json_sheet(text: str, path: Path, how: tuple[str, ...]) -> Sheet:
    objects = _json_list(text, path) if text.lstrip().startswith("[") else _json_lines(text, path)
    names = tuple(dict.fromkeys(name for _, row in objects for name in row))
    files = [name for name in names if is_file_column(name)]
    for line, row in objects:
        if not any(text_of(row.get(name)) for name in files):
            raise DatasetError(f"{printable(path)}: line {line} has {listed(row, 8)}; expected file_name and label")
    rows = [[text_of(row.get(name)) for name in names] for _, row in objects]
    return Sheet(names, rows, [line for line, _ in objects], (*how, "JSON"))


def _json_lines(text: str, path: Path) -> list[tuple[int, dict[str, Any]]]:
    rows = []
    for line, content in enumerate(text.split("\n"), 1):
        if content.strip():
            try:
                rows.append((line, _object(content)))
            except (ValueError, RecursionError) as error:
                raise DatasetError(f"{printable(path)}: line {line} is no JSON object ({error}); mend it") from error
    return rows


def _json_list(text: str, path: Path) -> list[tuple[int, dict[str, Any]]]:
    """Read a list of objects, as pandas writes it; where it is none, its first line is no object either."""
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{printable(path)}: line 1 is no JSON object, nor a list ({error}); mend it") from error
    for place, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise DatasetError(f"{printable(path)}: line 1 is no JSON object, and no list of objects (entry {place})")
    return list(enumerate(rows, 1))


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(f"it is a {type(value).__name__}")  # noqa: TRY004  as json says of what it cannot read
    return value


# -- workbooks and parquet --------------------------------------------------------------------------------------------


def _workbook_sheet(path: Path, n_rows: int | None = None) -> Sheet:
    """Read the first sheet of a workbook whose header is understood, or the first."""
    try:
        import openpyxl
    except ImportError as error:
        raise needs("openpyxl", "tables") from error
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")  # of styles that it does not know
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            sheets = [(s.title, *_filled(s.iter_rows(max_row=n_rows, values_only=True))) for s in book.worksheets]
    except _FOREIGN as error:
        raise DatasetError(f"{printable(path)}: cannot be read as a workbook ({error}); save it as CSV") from error
    title, rows, lines = max(sheets, key=lambda sheet: n_known(sheet[1][0]) if sheet[1] else -1, default=("", [], []))
    how = ("Excel", f"sheet {title}") if len(sheets) > 1 else ("Excel",)
    return Sheet(tuple(rows[0]) if rows else (), rows[1:], lines[1:], how)


# openpyxl lets through whatever its parts raise at a file that is damaged: SyntaxError is that of XML, RuntimeError of
# zip, for a password.
_FOREIGN = (
    *(
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        EOFError,
        SyntaxError,
        RuntimeError,
        ArithmeticError,
    ),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)


def _filled(cells: Iterable[Sequence[Any]]) -> tuple[list[list[str]], list[int]]:
    """Return the rows in which anything stands, as long as the first of them, and where they stand."""
    rows: list[list[str]] = []
    lines: list[int] = []
    for line, values in enumerate(cells, 1):
        row = [text_of(value) for value in values]
        if any(row):
            n_columns = len(rows[0]) if rows else len(row)
            rows.append((row + [""] * n_columns)[: max(n_columns, len(row))])
            lines.append(line)
    return rows, lines


def _parquet_sheet(path: Path) -> Sheet:
    try:
        found = parquet.read_table(path)
    except ValueError as error:
        raise DatasetError(f"{printable(path)}: cannot be read as parquet ({error}); write it again") from error
    texts = [[text_of(value) for value in values] for values in found.columns.values()]
    rows = list(map(list, zip(*texts, strict=True))) if texts else []
    return Sheet(tuple(found.columns), rows, range(1, found.n_rows + 1), ("parquet",), found.sound)


def _head(path: Path, n_bytes: int) -> bytes:
    with path.open("rb") as file:
        return file.read(n_bytes)
