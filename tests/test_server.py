"""The service's package: nothing of it is imported with sutja, and nothing of it needs torch."""

from __future__ import annotations

import re
from pathlib import Path

from helpers import run_python

from sutja import server


def test_it_tells_the_way_of_a_request():
    named = re.findall(r"``(\w+)``", server.__doc__)
    assert {"connections", "uploads", "serving"} <= set(named)
    assert set(named) <= {path.stem for path in Path(server.__file__).parent.iterdir()}


def test_the_service_brings_no_torch():
    ended = run_python(
        "import sys, sutja.server.serving, sutja.server.app\n"
        "assert not {'torch', 'scipy', 'matplotlib'} & set(sys.modules)"
    )
    assert ended.returncode == 0, ended.stderr
