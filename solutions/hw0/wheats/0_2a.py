"""Valid alternatives of question 0.2a: each must get full marks."""

from hwkit import wheat
from torch import nn


@wheat("gradients cleared after the step")
def overfit_one_batch(model: nn.Module, loss_fn, batch, optimizer, steps: int) -> list[float]:
    losses = []
    for _ in range(steps):
        loss = loss_fn(model, batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    return losses


@wheat("set_to_none=False, and detach")
def overfit_one_batch(model: nn.Module, loss_fn, batch, optimizer, steps: int) -> list[float]:
    losses = []
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=False)
        loss = loss_fn(model, batch)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach().item())
    return losses
