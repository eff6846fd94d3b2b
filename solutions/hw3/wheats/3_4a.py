"""Valid alternatives of question 3.4a: each must get full marks."""

# ruff: noqa: F821  (graded names of other questions are there when this replaces an answer)

import torch
from hwkit import wheat
from torch import Tensor, nn


@wheat("requires_grad switched off while the generator moves, zero_grad first")
def gan_step(
    G: nn.Module, D: nn.Module, opt_g, opt_d, real: Tensor, z_d: Tensor, z_g: Tensor, kind: str, penalty_fn=None
) -> dict[str, float]:
    opt_d.zero_grad()
    with torch.no_grad():
        fake = G(z_d)
    cost = d_loss(kind, D(real), D(fake))
    if penalty_fn:
        cost = cost + penalty_fn(D, real, fake)
    cost.backward()
    opt_d.step()
    for parameter in D.parameters():
        parameter.requires_grad_(False)
    opt_g.zero_grad()
    answer = g_loss(kind, D(G(z_g)))
    answer.backward()
    opt_g.step()
    for parameter in D.parameters():
        parameter.requires_grad_(True)
    return {"d": cost.item(), "g": answer.item()}


@wheat("no detach, but both gradients are cleared before each move")
def gan_step(
    G: nn.Module, D: nn.Module, opt_g, opt_d, real: Tensor, z_d: Tensor, z_g: Tensor, kind: str, penalty_fn=None
) -> dict[str, float]:
    report = {}
    opt_g.zero_grad()
    opt_d.zero_grad()
    fake = G(z_d)
    loss = d_loss(kind, D(real), D(fake))
    if penalty_fn is not None:
        loss = loss + penalty_fn(D, real, fake.detach())
    loss.backward()
    opt_d.step()
    report["d"] = float(loss.detach())
    opt_g.zero_grad()
    opt_d.zero_grad()
    loss = g_loss(kind, D(G(z_g)))
    loss.backward()
    opt_g.step()
    opt_d.zero_grad()
    report["g"] = float(loss.detach())
    return report
