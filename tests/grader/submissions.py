"""Submissions to the tiny homework, named after what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path

from tiny_bundle import KL_SOLUTION, SCALER_SOLUTION, STUBS, submission

DEF = "def gaussian_kl(mu, logvar):\n    "
DOUBLED = KL_SOLUTION.replace("0.5 *", "1.0 *")

ENDLESS_SCALER = SCALER_SOLUTION.replace("        return", "        while True:\n            pass\n        return")

CASES: dict[str, dict[str, object]] = {
    "solved": {},
    "untouched": {"kl": STUBS["1.1a"], "elbo": STUBS["1.1b"], "scaler": STUBS["1.2"]},
    "wrong_kl": {"kl": DOUBLED},
    "no_kl": {"kl": STUBS["1.1a"]},
    "kl_deleted": {"kl": "x = 1\n"},
    "syntax_error_elsewhere": {"extra": ("def broken(:\n    pass\n", "while True:\n    pass\n")},
    "syntax_error_in_kl": {"kl": "def gaussian_kl(mu, logvar):\n    return (mu\n"},
    "returns_none": {"kl": DEF + "pass\n"},
    "wrong_shape": {"kl": KL_SOLUTION.replace("sum(-1)", "sum(-1, keepdim=True)")},
    "nan": {"kl": DEF + "return (mu + logvar).sum(-1) * float('nan')\n"},
    "float32": {"kl": KL_SOLUTION.replace(".sum(-1)", ".sum(-1).float()")},
    "edits_inputs": {"kl": DEF + "mu.mul_(mu)\n    return 0.5 * (mu + logvar.exp() - 1 - logvar).sum(-1)\n"},
    "raises": {"kl": DEF + "raise ValueError('mine: %s' % mu.sum())\n"},
    "exits": {"kl": DEF + "import os\n    os._exit(0)\n"},
    "sys_exit_at_import": {"kl": "import sys\n" + KL_SOLUTION + "GAIN = sys.exit(0)\n", "scaler": SCALER_SOLUTION},
    "loops": {"kl": DEF + "while True:\n        pass\n"},
    "loops_at_import": {"kl": "def forever():\n    while True:\n        pass\n\n\nC = forever()\n" + DEF + "return C\n"},
    "allocates": {"kl": DEF + "return torch.ones(400_000_000, 10).sum(-1)\n"},
    "floods": {"kl": DEF + "while True:\n        print('x' * 1_000_000)\n"},
    "hostile_text": {
        "kl": DEF + "print('\\x1b[31mred \\u202e')\n    raise type('<b>\\x1b[1mX</b>', (Exception,), {})('\\x1b]0;t\\x07\\u202e' + 'z' * 10**6)\n"
    },
    "unavailable": {"kl": "import torchvision\n" + DEF + "return torchvision.kl(mu, logvar)\n"},
    "import_error": {"kl": "FACTOR = 1 / 0\n\n\n" + DEF + "return FACTOR * mu.sum(-1)\n"},
    "default_fails": {"kl": "def gaussian_kl(mu, logvar, factor=1 / 0):\n    return factor * mu\n"},
    "forged_stub": {"kl": DEF + "raise NotImplementedError('Question 9.9 ' + str(mu))\n"},
    "constant_for_a_function": {"kl": "gaussian_kl = None\n"},
    "prints": {"kl": KL_SOLUTION.replace("    return", "    print('seen', mu.shape)\n    return")},
}  # fmt: skip


KL_ONLY = frozenset({  # to save time: graded without the question that has nothing to do with gaussian_kl
    "wrong_kl", "no_kl", "kl_deleted", "syntax_error_in_kl", "returns_none", "wrong_shape", "nan", "float32",
    "edits_inputs", "raises", "unavailable", "import_error", "default_fails", "forged_stub", "constant_for_a_function",
})  # fmt: skip


def write_all(folder: Path) -> dict[str, Path]:
    """Write every submission into a folder of its own; name -> folder."""
    out = {name: submission(folder / name, **parts) for name, parts in CASES.items()}  # type: ignore[arg-type]
    for name, (file, data) in UNREADABLE.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / file).write_bytes(data)
        out[name] = folder / name
    (folder / "empty").mkdir(exist_ok=True)
    return {**out, "empty": folder / "empty"}


UNREADABLE = {
    "html": ("hw9.ipynb", b"<!DOCTYPE html><html><body>Sign in</body></html>"),
    "half_a_file": ("hw9.ipynb", b'{"cells": [{"cell_type": "code", '),
    "deep": ("hw9.ipynb", b'{"cells": ' + b"[" * 200_000),
    "a_picture": ("photo.png", b"\x89PNG\r\n"),
    "nan_notebook": ("hw9.ipynb", json.dumps({"cells": float("nan")}).encode()),
}
