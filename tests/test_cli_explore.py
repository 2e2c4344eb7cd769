"""`sutja explore` as people call it; the page itself is tried in test_explore."""

import json

from click.testing import CliRunner

from sutja.cli import main


def explore(*arguments):
    return CliRunner().invoke(main, ["explore", *map(str, arguments)])


def test_a_page_a_profile_and_figures(tiny_dataset, tmp_path):
    result = explore(tiny_dataset, "--out", tmp_path / "page")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "page" / "explore.html").stat().st_size > 10_000
    assert json.loads((tmp_path / "page" / "profile.json").read_text(encoding="utf-8"))
    assert list((tmp_path / "page" / "figures").glob("*.png"))
    assert "layout audiomnist" in result.stderr
    assert "explore.html" in result.stderr


def test_a_sample_is_said_aloud(tiny_dataset, tmp_path):
    result = explore(tiny_dataset, "--out", tmp_path / "page", "--max-clips", 12)
    assert result.exit_code == 0, result.output
    assert "listened to a sample of 12 of 36 clips" in result.stderr


def test_nothing_there(tmp_path):
    result = explore(tmp_path / "nowhere", "--out", tmp_path / "page")
    assert result.exit_code == 1
    assert result.stderr == f"sutja: {tmp_path / 'nowhere'}: no such folder or file; check the path\n"
    assert not (tmp_path / "page").exists()
