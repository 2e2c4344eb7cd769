from __future__ import annotations

import subprocess
import sys


def test_the_package_alone_loads_nothing():
    code = "import sys, sutja.strings; print([m for m in sys.modules if m in ('torch', 'onnxruntime', 'numpy')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
