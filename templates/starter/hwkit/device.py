"""CPU first: a GPU is handed out after one training iteration has gone through on the CPU."""

from __future__ import annotations

import copy
import inspect
import math
import os
from collections.abc import Callable, Mapping
from typing import Any

import torch

from .budget import budget
from .session import KitError, first_time, in_colab, say

_cpu_check_passed = False


def device() -> torch.device:
    """Return the device to train on, and say why.

    "cuda" when a GPU is there and `one_step_cpu_check(...)` has passed in this session; else "cpu".
    """
    if not torch.cuda.is_available():
        if first_time("no-gpu"):
            say(_no_gpu())
        return torch.device("cpu")
    if budget() == "smoke":
        say("Device: CPU, since the budget is 'smoke'.")
        return torch.device("cpu")
    if not _cpu_check_passed:
        say(
            "Device: CPU. A GPU is here, and it is yours once one training step has gone through on the CPU:\n"
            "  run one_step_cpu_check(step, model), then this cell again."
        )
        return torch.device("cpu")
    say(f"Device: {torch.cuda.get_device_name()}. Move the model with model.to(device()) and make a new optimiser.")
    return torch.device("cuda")


def one_step_cpu_check(
    step_fn: Callable[..., Any],
    model: torch.nn.Module | None = None,
    *,
    optimizer: torch.optim.Optimizer | None = None,
    steps: int = 8,
    falls: bool = True,
) -> None:
    """Run a few training steps on the CPU and say what is wrong before GPU time is spent.

    `step_fn` is what `fit` takes: it does one step (forward, backward, optimiser) and returns the loss, or a dict of
    metrics whose first entry is the loss. Checked: the loss is one finite number; every parameter of `model` got a
    finite gradient; the loss falls over `steps` steps that all see the same random numbers (`falls=False` where that
    is not to be expected, as with a GAN). Afterwards `model` (and `optimizer`, if given) are as they were, and so is
    torch's random generator.

    Raises
    ------
    KitError
        One sentence that names what is wrong.
    """
    global _cpu_check_passed  # noqa: PLW0603 - the gate belongs to the session
    if model is not None:
        _require_on_cpu(model)
    before = copy.deepcopy(model.state_dict()) if model is not None else {}
    optimizer_before = copy.deepcopy(optimizer.state_dict()) if optimizer is not None else {}
    losses = []
    with torch.random.fork_rng(devices=[]):
        seed = torch.initial_seed()
        try:
            for step in range(max(2, steps)):
                torch.manual_seed(seed)  # the same minibatch and noise each time: then a right step lowers the loss
                losses.append(first_metric(metrics_of(call_step(step_fn, step)), step))
                if model is not None and step == 0:
                    _require_gradients(model)
        finally:
            if model is not None:
                model.load_state_dict(before)
            if optimizer is not None:
                optimizer.load_state_dict(optimizer_before)
    if falls and not losses[-1] < losses[0]:
        raise KitError(
            f"the loss did not fall in {len(losses)} steps on one batch: {losses[0]:.4g} → {losses[-1]:.4g}. Look at "
            "the "
            "sign of the loss, the learning rate, zero_grad() before backward(), and whether the optimiser holds this "
            "model's parameters. (For an adversarial loss pass falls=False.)"
        )
    _cpu_check_passed = True
    then = "device() now gives you the GPU." if torch.cuda.is_available() else "The same code is ready for a GPU."
    say(
        f"✓ One training step works on the CPU: loss {losses[0]:.4g} → {losses[-1]:.4g} over {len(losses)} steps. "
        f"{then}"
    )


def call_step(step_fn: Callable[..., Any], step: int) -> Any:
    """Call a training step, with the number of the step when it takes one."""
    try:
        inspect.signature(step_fn).bind(step)
    except TypeError:
        return step_fn()
    except ValueError:  # a built-in without a signature
        pass
    return step_fn(step)


def metrics_of(result: Any) -> dict[str, float]:
    """Return what a training step returned as plain numbers by name; a bare loss is called "loss"."""
    if result is None:
        raise KitError("the step returned None: let it return the loss, or a dict such as {'loss': loss}")
    named = result if isinstance(result, Mapping) else {"loss": result}
    if not named:
        raise KitError("the step returned an empty dict: let it return the loss, or a dict such as {'loss': loss}")
    return {str(name): _number(str(name), value) for name, value in named.items()}


def first_metric(metrics: Mapping[str, float], step: int) -> float:
    """Return the first metric, which is the loss.

    Raises
    ------
    KitError
        When it is NaN or infinite.
    """
    name, value = next(iter(metrics.items()))
    if not math.isfinite(value):
        what = "NaN" if math.isnan(value) else "infinite"
        raise KitError(
            f"the {name} is {what} at step {step}. Usual causes: log of 0, exp of a large number, division by 0, a "
            "learning "
            "rate that is too high. Find the first bad tensor with torch.isfinite(x).all()."
        )
    return value


def _number(name: str, value: Any) -> float:
    if isinstance(value, torch.Tensor):
        if value.numel() != 1:
            raise KitError(
                f"{name!r} has shape {tuple(value.shape)}, not a single number: average over the batch with .mean()"
            )
        return float(value.detach())
    try:
        return float(value)
    except (TypeError, ValueError):
        raise KitError(f"{name!r} is a {type(value).__name__}, not a number") from None


def _require_on_cpu(model: torch.nn.Module) -> None:
    for name, parameter in model.named_parameters():
        if parameter.device.type != "cpu":
            raise KitError(
                f"the parameter {name} is on {parameter.device}: this check is for the CPU, so build the model anew "
                "first"
            )


def _require_gradients(model: torch.nn.Module) -> None:
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if all(p.grad is None for p in trained.values()):
        raise KitError(
            "no parameter has a gradient after the step. Call loss.backward(), let zero_grad() come before it and "
            "not after "
            "optimizer.step(), and do not compute the loss under torch.no_grad() or from .detach() or .item()."
        )
    missing = [name for name, p in trained.items() if p.grad is None]
    if missing:
        raise KitError(
            f"no gradient reached {_some(missing)}: the loss does not depend on "
            f"{'it' if len(missing) == 1 else 'them'}."
        )
    bad = [name for name, p in trained.items() if p.grad is not None and not torch.isfinite(p.grad).all()]
    if bad:
        raise KitError(f"the gradient of {_some(bad)} has entries that are NaN or infinite.")


def _some(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _no_gpu() -> str:
    if any(name in os.environ for name in ("COLAB_TPU_ADDR", "TPU_NAME", "TPU_WORKER_ID")):
        return (
            "Device: CPU. This runtime has a TPU, which this homework does not use: Runtime > Change runtime type > "
            "T4 GPU."
        )
    if in_colab():
        return (
            "Device: CPU. No GPU in this session. Everything can be done on the CPU with the 'cpu' budget.\n"
            "  For a GPU: Runtime > Change runtime type > T4 GPU (this restarts the session; checkpoints on Drive "
            "stay).\n"
            "  If Colab says you cannot connect to a GPU, its free share is used up for now: go on with the CPU."
        )
    return "Device: CPU. No CUDA GPU found; the 'cpu' budget is made for that."
