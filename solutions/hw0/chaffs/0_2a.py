"""Plausible misconceptions about question 0.2a: each must lose points there."""

from hwkit import chaff
from torch import nn


@chaff("Gradients add up: clear them before every backward pass.")
def overfit_one_batch(model: nn.Module, loss_fn, batch, optimizer, steps: int) -> list[float]:
    losses = []
    for _ in range(steps):
        loss = loss_fn(model, batch)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@chaff("Without a step of the optimiser nothing changes.")
def overfit_one_batch(model: nn.Module, loss_fn, batch, optimizer, steps: int) -> list[float]:
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_fn(model, batch)
        loss.backward()
        losses.append(loss.item())
    return losses


@chaff("The step comes after the backward pass.")
def overfit_one_batch(model: nn.Module, loss_fn, batch, optimizer, steps: int) -> list[float]:
    losses = []
    for _ in range(steps):
        loss = loss_fn(model, batch)
        optimizer.step()
        optimizer.zero_grad()
        loss.backward()
        losses.append(loss.item())
    return losses


@chaff("A list of tensors keeps every graph alive: return plain numbers.")
def overfit_one_batch(model: nn.Module, loss_fn, batch, optimizer, steps: int) -> list[float]:
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_fn(model, batch)
        loss.backward()
        optimizer.step()
        losses.append(loss)
    return losses


@chaff("Clearing the gradients after the backward pass leaves nothing for the step.")
def overfit_one_batch(model: nn.Module, loss_fn, batch, optimizer, steps: int) -> list[float]:
    losses = []
    for _ in range(steps):
        loss = loss_fn(model, batch)
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()
        losses.append(loss.item())
    return losses


@chaff("The loss is the one before the step, not the one after it.")
def overfit_one_batch(model: nn.Module, loss_fn, batch, optimizer, steps: int) -> list[float]:
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_fn(model, batch)
        loss.backward()
        optimizer.step()
        losses.append(loss_fn(model, batch).item())
    return losses
