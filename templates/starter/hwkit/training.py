"""The training loop: progress, what to expect, checkpoints, and a stop at the first NaN."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

import torch

from .checkpoint import Checkpointer
from .device import call_step, first_metric, metrics_of
from .session import KitError, say, warn

Expected = str | Mapping[int, "float | tuple[float, float]"]
_LINES = 10  # progress lines per run where no bar can be drawn
_gpu_seconds = 0.0


def fit(
    step_fn: Callable[..., Any],
    steps: int,
    *,
    checkpoint: Checkpointer | None = None,
    expect: Expected | None = None,
    label: str = "training",
    stop: Callable[[list[dict[str, float]]], bool] | None = None,
) -> list[dict[str, float]]:
    """Run `steps` training steps and return one dict of metrics per step, with the key "step" (1, 2, …).

    Parameters
    ----------
    step_fn
        Does one step (forward, backward, optimiser), with or without the number of the step (0, 1, …) as its argument,
        and returns the loss or a dict of metrics whose first entry is the loss.
    checkpoint
        Saves every `checkpoint.every` seconds, at the end, and when the cell is interrupted. A run that was cut off
        goes on where its last checkpoint was made; the metrics returned cover all of it.
    expect
        What a right solution shows: a sentence, or steps with the largest value or the (low, high) band of the loss
        there. It is printed first, and each band is compared when its step is reached.
    stop
        Called after each step with all metrics so far; training ends when it returns True.

    Raises
    ------
    KitError
        When the loss becomes NaN or infinite; the last checkpoint is from before that.
    """
    history: list[dict[str, float]] = list(checkpoint.history) if checkpoint else []
    start = checkpoint.step if checkpoint else 0
    _print_expected(expect, steps)
    if start >= steps:
        say(f"{label}: all {steps} steps were done before (checkpoint). To train anew: Checkpointer(..., fresh=True).")
        return history
    progress = _Progress(label, start, steps)
    began = time.monotonic()
    try:
        with _between_steps() as interrupted:
            for step in range(start, steps):
                metrics = metrics_of(call_step(step_fn, step))
                first_metric(metrics, step + 1)
                history.append({"step": step + 1, **metrics})
                progress.update(step + 1, metrics)
                _compare_with_band(expect, step + 1, metrics, progress)
                if checkpoint is not None:
                    checkpoint.tick(step + 1, history)
                if interrupted:
                    raise KeyboardInterrupt
                if stop is not None and stop(history):
                    progress.write(f"{label}: stopped early at step {step + 1}.")
                    break
    except KeyboardInterrupt:
        if checkpoint is not None and interrupted and checkpoint.save():
            progress.write(f"{label}: interrupted; step {checkpoint.step} is saved. Run the cell again to go on.")
        raise
    except torch.cuda.OutOfMemoryError:
        raise KitError(
            "the GPU's memory is full. Use a smaller batch, then Runtime > Restart session and run all: "
            "a run with a checkpoint goes on where it was."
        ) from None
    finally:
        progress.close()
        _count_gpu_time(time.monotonic() - began)
    if checkpoint is not None:
        checkpoint.save()
    return history


@contextlib.contextmanager
def _between_steps() -> Iterator[list[bool]]:
    """Hold an interrupt back until the step is done: a checkpoint never holds half a step. A second acts at once."""
    interrupted: list[bool] = []
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return

    def note(signum: int, frame: FrameType | None) -> None:
        if interrupted:
            interrupted.clear()  # mid-step: what is in memory is no state to save
            signal.default_int_handler(signum, frame)
        interrupted.append(True)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


class _Progress:
    """A text progress bar where somebody watches, else a few lines. No widget: it would be saved into the notebook."""

    def __init__(self, label: str, start: int, steps: int) -> None:
        self._label, self._start, self._steps = label, start, steps
        self._bar: Any = None
        self._shown = time.monotonic()
        if _somebody_watches():
            try:
                from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]
            except ImportError:
                return
            self._bar = tqdm(
                total=steps, initial=start, desc=label, file=sys.stdout, mininterval=0.5, dynamic_ncols=True
            )

    def update(self, done: int, metrics: Mapping[str, float]) -> None:
        now = time.monotonic()
        due = now - self._shown > 0.5 or done == self._steps  # every step would be slow
        if self._bar is not None:
            self._bar.update(1)
            if due:
                self._bar.set_postfix_str(_show(metrics), refresh=False)
                self._shown = now
        elif done == self._steps or (done - self._start) % max(1, (self._steps - self._start) // _LINES) == 0:
            say(f"{self._label}: step {done}/{self._steps}  {_show(metrics)}")

    def write(self, text: str) -> None:
        if self._bar is not None:
            self._bar.write(text, file=sys.stdout)
        else:
            say(text)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def _somebody_watches() -> bool:
    return sys.stdout.isatty() or type(sys.stdout).__module__.startswith("ipykernel")


def _show(metrics: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in metrics.items())


def _print_expected(expect: Expected | None, steps: int) -> None:
    if isinstance(expect, str):
        say(f"Expect: {expect}")
    elif expect:
        bands = [f"{_band(value)} at step {step}" for step, value in sorted(expect.items()) if step <= steps]
        if bands:
            say(f"Expect: {', '.join(bands)}")


def _compare_with_band(expect: Expected | None, step: int, metrics: Mapping[str, float], progress: _Progress) -> None:
    if expect is None or isinstance(expect, str) or step not in expect:
        return
    low, high = _limits(expect[step])
    name, value = next(iter(metrics.items()))
    said = f"step {step}: {name} {value:.4g}, expected {_band(expect[step])}"
    if low <= value <= high:
        progress.write(f"✓ {said}")
    elif value > high:
        progress.write(f"⚠ {said}. Stop and look for a mistake before you spend more time.")
    else:
        progress.write(f"⚠ {said}. Too good: is a term missing, or is the metric computed on training data?")


def _limits(value: float | tuple[float, float]) -> tuple[float, float]:
    if isinstance(value, (int, float)):
        return float("-inf"), float(value)
    if len(value) != 2:
        raise KitError("expect= maps a step to the largest loss, or to a pair (low, high)")
    return float(value[0]), float(value[1])


def _band(value: float | tuple[float, float]) -> str:
    low, high = _limits(value)
    return f"≤ {high:g}" if low == float("-inf") else f"between {low:g} and {high:g}"


def _count_gpu_time(seconds: float) -> None:
    global _gpu_seconds  # noqa: PLW0603 - a running total of the session
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        _gpu_seconds += seconds
        say(
            f"GPU time in this session: {_gpu_seconds / 60:.1f} min of training. Runtime > Disconnect when you only "
            "write or read."
        )
        if _gpu_seconds > 3 * 3600:
            warn("That is a lot: Colab may soon refuse you a GPU. Debug with set_budget('smoke') on the CPU.")
