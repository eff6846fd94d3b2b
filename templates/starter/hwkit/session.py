"""Where this notebook runs, where its files go, and how hwkit speaks to a student."""

from __future__ import annotations

import os
import random
import re
import sys
from pathlib import Path

import numpy as np
import torch

from .data import KIT

_DRIVE = Path("/content/drive/MyDrive")  # where Colab mounts a student's Drive
_told: set[str] = set()


class KitError(Exception):
    """A mistake that a student can repair: the message says what happened and what to do; notebooks show only it."""

    def _render_traceback_(self, *_: object, **__: object) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


def say(text: str = "") -> None:
    """Print one message, also on a terminal that cannot show its ticks and arrows."""
    try:
        print(text)
    except UnicodeEncodeError:
        print(text.encode("ascii", "replace").decode())


def warn(text: str) -> None:
    """Print something the student should act on, marked so that it stands out without colour."""
    say(f"⚠ {text}")


def first_time(key: str) -> bool:
    """Whether this is the first time in this session that something called `key` is to be told."""
    if key in _told:
        return False
    _told.add(key)
    return True


def in_colab() -> bool:
    """Whether this is a Google Colab session."""
    return "google.colab" in sys.modules or "COLAB_RELEASE_TAG" in os.environ


def set_seed(seed: int = 0) -> None:
    """Seed Python's, numpy's and torch's generators (every GPU included). No mark ever depends on a seed.

    The environment variable HW_SEED (0 if absent) is added: the same notebook, run again by other chance.
    """
    seed += int(os.environ.get("HW_SEED", "0"))
    random.seed(seed)
    np.random.seed(seed % 2**32)  # the legacy generator is the one students' code calls
    torch.manual_seed(seed)


def storage() -> Path:
    """Return the folder for what must outlive this session, made if need be.

    `HW_STORAGE` when that variable is set; a folder of the student's Drive when it is mounted; else the current folder.
    In Colab without Drive a warning says what will be lost.
    """
    chosen = os.environ.get("HW_STORAGE")
    if chosen:
        folder = Path(chosen)
    elif drive_is_mounted():
        folder = _DRIVE / _slug(f"{KIT['course']} {KIT['term']}") / KIT["homework"]
    else:
        folder = Path()
        if in_colab() and first_time("drive"):
            warn(
                "Google Drive is not mounted: checkpoints and figures are lost when this Colab session ends.\n"
                "  To keep them: tick USE_DRIVE in the start cell at the top and run it, then this cell again.",
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KitError(f"cannot make the folder {folder}: {disk_trouble(error)}") from None
    return folder


def drive_folder() -> Path:
    """Return where Colab mounts a student's Drive."""
    return _DRIVE


def drive_is_mounted() -> bool:
    """Whether a student's Google Drive is there and answers."""
    try:
        return _DRIVE.is_dir() and os.access(_DRIVE, os.W_OK)
    except OSError:  # a mount whose connection was lost
        return False


def mount_drive() -> bool:
    """Mount the student's Google Drive and return whether it is there; say what to do when it is not."""
    if drive_is_mounted():
        return True
    if not in_colab():
        say("Drive: only Colab can mount it. Here your files stay in this folder, which is as good.")
        return False
    try:
        from google.colab import drive  # type: ignore[import-not-found, unused-ignore]

        drive.mount(str(_DRIVE.parent))
    except Exception as error:  # noqa: BLE001 - consent refused, time-out, no browser: each has its own class there
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        warn(
            f"Google Drive could not be mounted ({reason}). Run this cell again and allow access in the window that "
            "opens (allow pop-ups; use the account you are signed in with). Without it you can work on: download what "
            "you want to keep."
        )
    return drive_is_mounted()


def disk_trouble(error: OSError) -> str:
    """Say in words what an error of the file system means and what to do about it."""
    if error.errno in (28, 122):  # ENOSPC, EDQUOT
        return (
            "the disk is full. Delete old checkpoints or outputs (Drive counts its Bin too: empty it), then run "
            "this cell again"
        )
    if error.errno in (5, 107):  # EIO, ENOTCONN: Drive went away
        return "the disk does not answer. Mount Google Drive again (drive.mount('/content/drive', force_remount=True))"
    if error.errno in (1, 13, 30):  # EPERM, EACCES, EROFS
        return "this folder cannot be written to. Work in a folder of your own"
    return f"{error.strerror or error}"


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-") or "course"
