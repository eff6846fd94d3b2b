"""The first call of a session: says where the notebook runs, on what, and where its files go."""

from __future__ import annotations

import platform
import shutil

import torch

from .data import KIT
from .session import mount_drive, say, storage, warn

_LEAST_TORCH = (2, 1)
_LEAST_ROOM = 500_000_000  # bytes


def start(*, drive: bool = False) -> None:
    """Say what this session is, and what about it a student should change first.

    With `drive=True` Google Drive is mounted (Colab asks for consent), so that checkpoints and figures outlive the
    session; when that fails the session goes on without, and says what is lost.
    """
    say(f"{KIT['homework'].upper()}, release {KIT['release']}. Python {platform.python_version()}, "
        f"PyTorch {torch.__version__}, {_processor()}.")  # fmt: skip
    if drive:
        mount_drive()
    folder = storage()
    say(f"Checkpoints and figures go to {folder if folder.name else 'the folder of this notebook'}.")
    _warn_of_room(folder)
    if _version(torch.__version__) < _LEAST_TORCH:
        warn(
            f"PyTorch {torch.__version__} is older than this homework. In Colab: Runtime > Change runtime type, choose "
            "the latest runtime version. On your own computer: pip install --upgrade -r requirements.txt"
        )


def _processor() -> str:
    if torch.cuda.is_available():
        return f"GPU {torch.cuda.get_device_name()} (yours after one_step_cpu_check)"
    return "no GPU (none is needed until you train)"


def _warn_of_room(folder: object) -> None:
    try:
        free = shutil.disk_usage(str(folder)).free
    except OSError:
        return
    if free < _LEAST_ROOM:
        warn(
            f"only {free / 1e6:.0f} MB are left on this disk: checkpoints may fail. Delete old files (Drive counts its "
            "Bin too: empty it)."
        )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("+", maxsplit=1)[0].split(".")[:2] if part.isdigit())
