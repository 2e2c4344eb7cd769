"""Run a command as if this processor knew fewer instructions: `python tools/instruction_sets.py baseline pytest -q`.

The sums of NumPy, OpenBLAS, torch and oneDNN come in another order then, as they do on other machines: what depends on
last bits shows. ONNX Runtime chooses by the processor alone and cannot be told. On others than x86 only NumPy's and
torch's part has an effect.
"""

from __future__ import annotations

import argparse
import os
import sys

# By name: the capability of ATen, oneDNN's set, OpenBLAS's processor, and what NumPy may still dispatch to. NumPy
# before 2.4 names its levels one by one.
SETS = {
    "own": None,
    "avx2": ("avx2", "AVX2", "Haswell", {"X86_V3", "AVX2", "FMA3", "SSSE3", "SSE41", "POPCNT", "SSE42", "AVX", "F16C"}),
    "baseline": ("default", "SSE41", "Nehalem", set()),
}


def environment(name: str) -> dict[str, str]:
    """Return the variables that hold this process's children to an instruction set."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    if SETS[name] is None:
        return {}
    aten, onednn, openblas, kept = SETS[name]
    # NumPy refuses names that it cannot disable, so it is asked for those that it has and this processor knows.
    disabled = [feature for feature in __cpu_dispatch__ if __cpu_features__.get(feature) and feature not in kept]
    variables = {"ATEN_CPU_CAPABILITY": aten, "ONEDNN_MAX_CPU_ISA": onednn, "OPENBLAS_CORETYPE": openblas}
    return variables | ({"NPY_DISABLE_CPU_FEATURES": " ".join(disabled)} if disabled else {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=list(SETS))
    parser.add_argument("command", nargs=argparse.REMAINDER, help="with its arguments")
    options = parser.parse_args()
    variables = environment(options.set)
    print(options.set, *(f"{name}={value!r}" for name, value in variables.items()), file=sys.stderr, flush=True)
    if options.command:
        os.execvpe(options.command[0], options.command, os.environ | variables)


if __name__ == "__main__":
    main()
