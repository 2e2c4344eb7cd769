"""The saved model: round trip, every damage, everything that cannot be."""

from __future__ import annotations

import errno
import hashlib
import json
import pickletools
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import run_python
from strings import string_bundle, string_folder

from sutja import bundle
from sutja.bundle import Bundle, Member
from sutja.config import preset
from sutja.errors import BundleError, RunError

REFERENCE = preset("reference")
MEMBERS = tuple(
    Member(name, features, np.random.default_rng(i).bytes(300))  # a bundle does not look into its members
    for i, (name, features) in enumerate(REFERENCE.members.items())
)
ABOUT = {"accuracy": 0.95, "note": "숫자", "none": None}
SAVED = Bundle(
    ("영", "하나", "둘"), REFERENCE.audio, MEMBERS, about=ABOUT, language="ko", spoken={"영": "영", "하나": "일"}
)


@pytest.fixture
def folder(tmp_path) -> Path:
    bundle.save(SAVED, tmp_path / "model")
    return tmp_path / "model"


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_round_trip(folder):
    assert bundle.load(folder) == SAVED
    assert bundle.load(str(folder)) == SAVED
    assert names(folder) == {"model.json", "members/mel.onnx", "members/mfcc.onnx"}


def test_the_run_that_holds_it_will_do(folder):
    assert bundle.load(folder.parent) == SAVED


def test_it_is_readable_and_no_pickle(folder):
    assert "하나" in (folder / "model.json").read_text(encoding="utf-8")
    for path in folder.rglob("*"):
        if path.is_file():
            with pytest.raises(ValueError, match=r"opcode|pickle"):
                list(pickletools.genops(path.read_bytes()))


def test_others_may_read_it(folder):
    assert folder.stat().st_mode & 0o777 == 0o755


def test_an_older_model_is_replaced(folder):
    newer = replace(SAVED, labels=("no", "yes"), members=SAVED.members[:1])
    bundle.save(newer, folder)
    assert bundle.load(folder) == newer
    assert names(folder) == {"model.json", "members/mel.onnx"}


# -- damage -----------------------------------------------------------------------------------------------------------


def test_every_damaged_byte_of_a_member_is_found(folder):
    path = folder / "members" / "mfcc.onnx"
    content = path.read_bytes()
    for position in range(len(content)):
        path.write_bytes(
            content[:position] + bytes([content[position] ^ (1 << position % 8)]) + content[position + 1 :]
        )
        with pytest.raises(BundleError, match=r"mfcc\.onnx: checksum does not match, the file is damaged; copy or exp"):
            bundle.load(folder)
    for shorter in (content[:-1], content + b"\0", b""):
        path.write_bytes(shorter)
        with pytest.raises(BundleError, match="checksum does not match"):
            bundle.load(folder)


@pytest.mark.parametrize("mask", [1, 0x20, 0x80, 0xFF])
def test_every_damaged_byte_of_the_settings_is_found(folder, mask):
    path = folder / "model.json"
    content = path.read_bytes()
    for position in range(len(content)):
        path.write_bytes(content[:position] + bytes([content[position] ^ mask]) + content[position + 1 :])
        with pytest.raises(BundleError):
            bundle.load(folder)


def test_a_byte_that_is_lost_or_doubled_is_found_or_means_nothing(folder):
    # A space between two values or 80.00 for 80.0 is no damage: the checksum is over what the file says.
    path = folder / "model.json"
    content = path.read_bytes()
    n_found = 0
    for position in range(0, len(content), 2):
        for damaged in (content[:position] + content[position + 1 :], content[: position + 1] + content[position:]):
            path.write_bytes(damaged)
            try:
                assert bundle.load(folder) == SAVED
                assert content[position : position + 1] in b" \n0"
            except BundleError:
                n_found += 1
    assert n_found > len(content) / 3


def test_a_file_cut_off_at_any_byte(folder):
    path = folder / "model.json"
    content = path.read_bytes()
    for n_bytes in range(0, len(content) - 2, 3):  # the last is the end of the line
        path.write_bytes(content[:n_bytes])
        with pytest.raises(BundleError):
            bundle.load(folder)


@pytest.mark.parametrize("name", ["members/mel.onnx", "members"])
def test_a_missing_member(folder, name):
    path = folder / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(
        BundleError, match=r"mel\.onnx: member is missing \(No such file.*; copy the whole model folder"
    ):
        bundle.load(folder)


# -- contents that cannot be ------------------------------------------------------------------------------------------


def rewrite(folder: Path, **changes) -> None:
    """Change the settings and set the right checksum, as a wrong program would."""
    path = folder / "model.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    del manifest["sha256"]
    manifest = {name: value for name, value in (manifest | changes).items() if value != "left out"}
    digest = hashlib.sha256(json.dumps(manifest, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    path.write_text(json.dumps({**manifest, "sha256": digest}), encoding="utf-8")


def test_rewriting_is_what_the_next_tests_think(folder):
    rewrite(folder)
    assert bundle.load(folder) == SAVED


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": 3}, "format version 3; this sutja reads up to 2; upgrade sutja"),
        ({"format_version": "left out"}, "format version None"),
        ({"format_version": "1"}, "format version '1'"),
        ({"format": "other"}, "is not a sutja-bundle; expected the folder of a model, as `sutja train` leaves it"),
        ({"format": "left out"}, "is not a sutja-bundle"),
        ({"labels": "left out"}, "json: labels is missing; export the model again"),
        ({"audio": "left out"}, "json: audio is missing"),
        ({"members": "left out"}, "json: members is missing"),
        ({"members": []}, r"members is \[\]; expected at least one; export the model again"),
        ({"labels": ["7"]}, "expected two or more, each once; export the model again"),
        ({"labels": ["7", "7"]}, "expected two or more, each once; export the model again"),
        ({"labels": 7}, "export the model again"),
        ({"labels": None}, "export the model again"),
        ({"members": [7]}, "export the model again"),
        ({"members": [{"name": "mel"}]}, r"members\[0\].file is missing"),
        ({"audio": {"sample_rat": 8000}}, r"'sample_rat' is not known .*did you mean 'sample_rate'\?; export"),
        ({"audio": {"sample_rate": 3}}, "audio.sample_rate is 3; expected 1000 to 384000 Hz; export the model again"),
        ({"audio": [1]}, "export the model again"),
        ({"audio": None}, "export the model again"),
        ({"language": 7}, "json: language is 7; expected text; export the model again"),
        ({"language": ["ko"]}, r"language is \['ko'\]; expected text"),
        ({"spoken": None}, "spoken is None; expected a table of names"),
        ({"spoken": ["일"]}, "spoken is .*; expected a table of names"),
        ({"spoken": {"영": 0}}, "spoken.영 is 0; expected text"),
    ],
)
def test_contents_that_cannot_be(folder, changes, message):
    rewrite(folder, **changes)
    with pytest.raises(BundleError, match=message):
        bundle.load(folder)


def test_a_model_of_0_1_has_no_language(folder):
    rewrite(folder, language="left out", spoken="left out")
    assert bundle.load(folder) == replace(SAVED, language=None, spoken={})


@pytest.mark.parametrize("language", ["xx", "tlh-Latn", "", "no language at all", None])
def test_a_language_that_nobody_knows_is_no_damage(folder, language):
    rewrite(folder, language=language, spoken={"of": "no label"})
    found = bundle.load(folder)
    assert found == replace(SAVED, language=language, spoken={"of": "no label"})
    bundle.save(found, folder)
    assert bundle.load(folder) == found


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"null", b"7", b'"text"', b"\xff\xfe", b"{" * 10_000, b"[" * 100_000]
)
def test_what_is_no_bundle(tmp_path, content):
    (tmp_path / "model.json").write_bytes(content)
    with pytest.raises(
        BundleError, match=r"model\.json: (is not a sutja-bundle|cannot be read as JSON|holds no table)"
    ):
        bundle.load(tmp_path)


@pytest.mark.parametrize("make", [lambda p: None, Path.mkdir, lambda p: p.write_text("x", encoding="utf-8")])
def test_where_no_bundle_is(tmp_path, make):
    make(tmp_path / "model")
    with pytest.raises(
        BundleError, match=r"model: no model\.json there; expected the folder of a model, as `sutja tra"
    ):
        bundle.load(tmp_path / "model")


# -- writing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["tempfile.mkdtemp", "pathlib.Path.write_bytes", "pathlib.Path.write_text"])
def test_a_full_disk_leaves_the_older_model(folder, monkeypatch, where):
    def no_space(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(where, no_space)
        with pytest.raises(RunError, match="cannot be written"):
            bundle.save(replace(SAVED, labels=("no", "yes")), folder)
    assert bundle.load(folder) == SAVED
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


# -- asking -----------------------------------------------------------------------------------------------------------


def test_a_network_is_asked_in_one_thread_on_the_processor():
    for member in bundle.load("digits-en").members:
        session = bundle.open_network(member.onnx)
        options = session.get_session_options()
        assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
        assert session.get_providers() == ["CPUExecutionProvider"]


def test_reading_a_model_brings_no_onnxruntime():
    ended = run_python(
        "import sys; from sutja import bundle; bundle.load('digits-en'); assert 'onnxruntime' not in sys.modules"
    )
    assert ended.returncode == 0, ended.stderr


# -- in a zip ---------------------------------------------------------------------------------------------------------


def zipped(folder: Path, place: Path, inside: str) -> Path:
    """Pack a folder, as people do."""
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, inside + path.relative_to(folder).as_posix())
    return place


@pytest.mark.parametrize("inside", ["", "model/", "my model/", "./"])
def test_a_zip_of_the_folder_is_the_folder(tmp_path, inside):
    bundle.save(SAVED, tmp_path / "model")
    assert bundle.load(zipped(tmp_path / "model", tmp_path / "model.zip", inside)) == SAVED


def test_a_zip_of_the_run_is_the_run(tmp_path):
    bundle.save(SAVED, tmp_path / "run" / "model")
    (tmp_path / "run" / "config.json").write_text("{}")
    (tmp_path / "run" / "work").mkdir()
    for inside in ("", "run/"):
        assert bundle.load(zipped(tmp_path / "run", tmp_path / "run.zip", inside)) == SAVED


def test_what_is_no_zip_of_a_model(tmp_path):
    path = tmp_path / "model.zip"
    bundle.save(SAVED, tmp_path / "model")
    good = zipped(tmp_path / "model", path, "").read_bytes()
    for content in (b"", b"text", b"PK\3\4" + bytes(50), good[: len(good) // 2], good[:-5]):
        path.write_bytes(content)
        with pytest.raises(
            BundleError, match=r"model.zip: (no model.json there; expected .* zip of it|the zip cannot)"
        ):
            bundle.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.txt", "x")
    with pytest.raises(BundleError, match=r"no model.json there"):
        bundle.load(path)


def test_a_damaged_zip_is_one_error(tmp_path):
    bundle.save(SAVED, tmp_path / "model")
    good = zipped(tmp_path / "model", tmp_path / "model.zip", "").read_bytes()
    rng = np.random.default_rng(5)
    for _ in range(200):
        damaged = bytearray(good)
        for place in rng.integers(0, len(good), 3):
            damaged[place] = rng.integers(0, 256)
        (tmp_path / "model.zip").write_bytes(damaged)
        try:
            assert bundle.load(tmp_path / "model.zip") == SAVED
        except BundleError:
            continue


def test_a_zip_that_unfolds_to_anything(tmp_path, monkeypatch):
    bundle.save(SAVED, tmp_path / "model")
    path = zipped(tmp_path / "model", tmp_path / "model.zip", "")
    monkeypatch.setattr(bundle, "MAX_MEMBER_BYTES", 100)
    with pytest.raises(BundleError, match="holds a file above 0 MB; unpack it"):
        bundle.load(path)


def test_sutja_in_a_zip_brings_its_model(tmp_path):
    source = Path(bundle.__file__).parent
    place = tmp_path / "sutja.zip"
    with zipfile.ZipFile(place, "w") as archive:
        for path in sorted(source.rglob("*")):
            if path.suffix in (".py", ".json", ".onnx", ".npz"):
                archive.write(path, "sutja/" + path.relative_to(source).as_posix())
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import sutja, numpy; assert sutja.__file__.startswith(sys.argv[1]), sutja.__file__\n"
        "print(sutja.load().predict(numpy.sin(numpy.arange(8000.0))).probability > 0)\n"
    )
    ended = run_python(program, place)
    assert ended.stdout == "True\n", ended.stderr


# -- words in a row ---------------------------------------------------------------------------------------------------


def test_strings_come_back(tmp_path):
    saved = string_bundle()
    bundle.save(saved, tmp_path / "model")
    loaded = bundle.load(tmp_path / "model")
    assert loaded.strings == saved.strings
    assert bundle.load(string_folder(tmp_path / "other")).strings == saved.strings


def test_settings_of_strings_that_cannot_be_are_named(tmp_path):
    folder = string_folder(tmp_path / "model")
    record = json.loads((folder / "model.json").read_text())["strings"]
    record["settings"]["delay"] = 99
    rewrite(folder, strings=record)
    with pytest.raises(BundleError, match=r"strings\.settings\.delay is 99; expected 0 to 10"):
        bundle.load(folder)


def test_a_frame_network_that_is_damaged_is_found(tmp_path):
    folder = string_folder(tmp_path / "model")
    content = bytearray((folder / "strings.onnx").read_bytes())
    content[100] ^= 1
    (folder / "strings.onnx").write_bytes(content)
    with pytest.raises(BundleError, match="checksum does not match"):
        bundle.load(folder)
