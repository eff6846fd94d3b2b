"""Checkpoints: a killed session costs at most a minute of training."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .session import KitError, disk_trouble, say, storage, warn

_FORMAT = 1


class Checkpointer:
    """Saves and resumes what a training run consists of.

    `Checkpointer("vae.pt", model=model, optimizer=optimizer, config=cfg)` resumes at once when the file is there, so a
    cell that is run again after a lost session goes on where it stopped. Pass whatever changes while training: models,
    optimisers, schedulers, `torch.Generator` and `numpy.random.Generator` objects, lists and dicts of numbers. The
    generators of Python, numpy and torch are saved and restored too. A relative path lies under `storage()`: Drive when
    it is mounted.

    A file that belongs to other settings (`config`, or other parameter shapes) is refused, never mixed in; `fresh=True`
    sets it aside as `NAME.old` and starts over. Files hold tensors and numbers only: they are read with
    `weights_only=True`.
    """

    def __init__(
        self, path: str | os.PathLike[str], every: float = 60, *, config: Any = None, fresh: bool = False, **state: Any
    ) -> None:
        if not state:
            raise KitError(
                'nothing to save: pass what changes while training, as in Checkpointer("vae.pt", model=model, '
                "optimizer=opt)"
            )
        self.path = storage() / path
        self.every = every
        self.step = 0  # steps that are done
        self.history: list[dict[str, float]] = []
        self._state = state
        self._config = _config_hash(config, state)
        self._last = time.monotonic()
        self._refused = False
        if fresh and self.path.exists():
            self.path.replace(self.path.with_name(self.path.name + ".old"))
        if self.path.exists():
            self._resume()

    def tick(self, step: int, history: list[dict[str, float]]) -> None:
        """Note that `step` steps are done, and save when `every` seconds have passed since the last time."""
        self.step, self.history = step, history
        if time.monotonic() - self._last >= self.every:
            self.save()

    def save(self) -> bool:
        """Write everything to a temporary file and move it into place; return whether that worked.

        A full disk or a lost Drive does not stop the training: the file of before stays, and a warning says so.
        """
        temporary = self.path.with_name(self.path.name + ".tmp")
        content = {
            "format": _FORMAT,
            "config": self._config,
            "step": self.step,
            "history": self.history,
            "rng": _rng_state(),
            "state": {name: _dump(value) for name, value in self._state.items()},
        }
        self._last = time.monotonic()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                torch.save(content, file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
        except (OSError, RuntimeError) as error:  # torch's zip writer reports a full disk as a RuntimeError
            self._remove(temporary)
            if not self._refused:
                self._refused = True
                reason = disk_trouble(error) if isinstance(error, OSError) else disk_trouble(OSError(28, ""))
                warn(
                    f"could not save {self.path} at step {self.step}: {reason}. Training goes on; the last good "
                    "checkpoint is kept."
                )
            return False
        self._refused = False
        return True

    def _resume(self) -> None:
        content = self._read()
        if content["config"] != self._config:
            raise KitError(
                f"{self.path} was written with other settings (its config or its model's shapes differ), so it is "
                "not used.\n"
                "  To start over: Checkpointer(..., fresh=True). To keep both: give this run another file name."
            )
        for name, value in self._state.items():
            if name not in content["state"]:
                raise KitError(f"{self.path} holds no {name!r}. To start over: Checkpointer(..., fresh=True).")
            self._state[name] = _restore(name, value, content["state"][name])
        self.step, self.history = content["step"], content["history"]
        _set_rng_state(content["rng"])
        minutes = max(0.0, time.time() - self.path.stat().st_mtime) / 60
        say(
            f"Resumed {self.path.name} at step {self.step} (saved {minutes:.0f} min ago). To start over: "
            "Checkpointer(..., fresh=True)."
        )

    def _read(self) -> dict[str, Any]:
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise KitError(f"cannot read {self.path}: {disk_trouble(error)}") from None
        try:
            content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
            if content["format"] != _FORMAT:
                raise ValueError("of another kind")
        except Exception:  # noqa: BLE001 - whatever a damaged file makes torch raise, the answer is the same
            raise KitError(
                f"{self.path} is damaged (an upload or a Drive sync that was cut off), or no checkpoint of this "
                "homework.\n"
                "  To start over: Checkpointer(..., fresh=True)."
            ) from None
        return dict(content)

    @staticmethod
    def _remove(path: Path) -> None:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _dump(value: Any) -> Any:
    """Return a value's state as tensors, numbers, strings, lists and dicts: what `weights_only` reads back."""
    if isinstance(value, torch.Generator):
        return value.get_state()
    if isinstance(value, np.random.Generator):
        return value.bit_generator.state
    if hasattr(value, "state_dict"):
        return value.state_dict()
    if isinstance(value, (torch.Tensor, list, dict)):
        return value
    raise KitError(
        f"a Checkpointer cannot save a {type(value).__name__}: pass models, optimisers, schedulers, generators, "
        "tensors, lists or dicts"
    )


def _restore(name: str, value: Any, saved: Any) -> Any:
    """Put a saved state back into the object it came from."""
    try:
        if isinstance(value, torch.Generator):
            value.set_state(saved)
        elif isinstance(value, np.random.Generator):
            value.bit_generator.state = saved
        elif hasattr(value, "load_state_dict"):
            value.load_state_dict(saved)
        elif isinstance(value, torch.Tensor):
            with torch.no_grad():
                value.copy_(saved)
        elif isinstance(value, list):
            value[:] = saved
        elif isinstance(value, dict):
            value.clear()
            value.update(saved)
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise KitError(
            f"the checkpoint does not fit {name!r} ({str(error).splitlines()[0]}). To start over: fresh=True."
        ) from None
    return value


def _rng_state() -> dict[str, Any]:
    kind, keys, position, has_gauss, gauss = np.random.get_state()
    return {
        "python": random.getstate(),
        "numpy": [kind, [int(k) for k in keys], int(position), int(has_gauss), float(gauss)],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def _set_rng_state(saved: dict[str, Any]) -> None:
    random.setstate(saved["python"])
    kind, keys, position, has_gauss, gauss = saved["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), position, has_gauss, gauss))
    torch.set_rng_state(saved["torch"])
    if torch.cuda.is_available() and len(saved["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(saved["cuda"])


def _config_hash(config: Any, state: dict[str, Any]) -> str:
    """Return a hash of the settings and of every model's parameter names and shapes."""
    shapes = {
        name: {key: list(entry.shape) for key, entry in value.state_dict().items() if isinstance(entry, torch.Tensor)}
        for name, value in state.items()
        if isinstance(value, torch.nn.Module)
    }
    text = json.dumps([config, sorted(state), shapes], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
