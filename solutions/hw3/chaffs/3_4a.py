"""Plausible misconceptions about question 3.4a: each must lose points there."""

# ruff: noqa: F821  (graded names of other questions are there when this replaces an answer)

from hwkit import chaff
from torch import Tensor, nn


@chaff(
    "Without detach, and with zero_grad only at the start, the generator also moves by the discriminator's gradients."
)
def gan_step(
    G: nn.Module, D: nn.Module, opt_g, opt_d, real: Tensor, z_d: Tensor, z_g: Tensor, kind: str, penalty_fn=None
) -> dict[str, float]:
    opt_g.zero_grad()
    fake = G(z_d)
    loss_d = d_loss(kind, D(real), D(fake))
    if penalty_fn is not None:
        loss_d = loss_d + penalty_fn(D, real, fake)
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    loss_g = g_loss(kind, D(G(z_g)))
    loss_g.backward()
    opt_g.step()
    return {"d": float(loss_d.detach()), "g": float(loss_g.detach())}


@chaff("Clear the discriminator's gradients: those of the generator's move are still there.")
def gan_step(
    G: nn.Module, D: nn.Module, opt_g, opt_d, real: Tensor, z_d: Tensor, z_g: Tensor, kind: str, penalty_fn=None
) -> dict[str, float]:
    fake = G(z_d).detach()
    loss_d = d_loss(kind, D(real), D(fake))
    if penalty_fn is not None:
        loss_d = loss_d + penalty_fn(D, real, fake)
    loss_d.backward()
    opt_d.step()
    loss_g = g_loss(kind, D(G(z_g)))
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
    return {"d": float(loss_d.detach()), "g": float(loss_g.detach())}


@chaff("Clear the generator's gradients before its backward pass.")
def gan_step(
    G: nn.Module, D: nn.Module, opt_g, opt_d, real: Tensor, z_d: Tensor, z_g: Tensor, kind: str, penalty_fn=None
) -> dict[str, float]:
    fake = G(z_d).detach()
    loss_d = d_loss(kind, D(real), D(fake))
    if penalty_fn is not None:
        loss_d = loss_d + penalty_fn(D, real, fake)
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    loss_g = g_loss(kind, D(G(z_g)))
    loss_g.backward()
    opt_g.step()
    return {"d": float(loss_d.detach()), "g": float(loss_g.detach())}


@chaff("Only the generator's optimiser steps in the generator's move.")
def gan_step(
    G: nn.Module, D: nn.Module, opt_g, opt_d, real: Tensor, z_d: Tensor, z_g: Tensor, kind: str, penalty_fn=None
) -> dict[str, float]:
    fake = G(z_d).detach()
    loss_d = d_loss(kind, D(real), D(fake))
    if penalty_fn is not None:
        loss_d = loss_d + penalty_fn(D, real, fake)
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    loss_g = g_loss(kind, D(G(z_g)))
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
    opt_d.step()
    return {"d": float(loss_d.detach()), "g": float(loss_g.detach())}


@chaff("z_g is the noise of the generator's move; yours uses z_d for both.")
def gan_step(
    G: nn.Module, D: nn.Module, opt_g, opt_d, real: Tensor, z_d: Tensor, z_g: Tensor, kind: str, penalty_fn=None
) -> dict[str, float]:
    fake = G(z_d).detach()
    loss_d = d_loss(kind, D(real), D(fake))
    if penalty_fn is not None:
        loss_d = loss_d + penalty_fn(D, real, fake)
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    loss_g = g_loss(kind, D(G(z_d)))
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
    return {"d": float(loss_d.detach()), "g": float(loss_g.detach())}


@chaff("z_d is the noise of the discriminator's move; yours uses z_g for both.")
def gan_step(
    G: nn.Module, D: nn.Module, opt_g, opt_d, real: Tensor, z_d: Tensor, z_g: Tensor, kind: str, penalty_fn=None
) -> dict[str, float]:
    fake = G(z_g).detach()
    loss_d = d_loss(kind, D(real), D(fake))
    if penalty_fn is not None:
        loss_d = loss_d + penalty_fn(D, real, fake)
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    loss_g = g_loss(kind, D(G(z_g)))
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
    return {"d": float(loss_d.detach()), "g": float(loss_g.detach())}


@chaff("The detach stands on the wrong side: the generator's gradient must flow through G(z_g).")
def gan_step(
    G: nn.Module, D: nn.Module, opt_g, opt_d, real: Tensor, z_d: Tensor, z_g: Tensor, kind: str, penalty_fn=None
) -> dict[str, float]:
    fake = G(z_d).detach()
    loss_d = d_loss(kind, D(real), D(fake))
    if penalty_fn is not None:
        loss_d = loss_d + penalty_fn(D, real, fake)
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    loss_g = g_loss(kind, D(G(z_g).detach()))
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
    return {"d": float(loss_d.detach()), "g": float(loss_g.detach())}


@chaff("The generator must answer the discriminator as it is after its step.")
def gan_step(
    G: nn.Module, D: nn.Module, opt_g, opt_d, real: Tensor, z_d: Tensor, z_g: Tensor, kind: str, penalty_fn=None
) -> dict[str, float]:
    fake = G(z_d).detach()
    loss_d = d_loss(kind, D(real), D(fake))
    if penalty_fn is not None:
        loss_d = loss_d + penalty_fn(D, real, fake)
    loss_g = g_loss(kind, D(G(z_g)))
    opt_g.zero_grad()
    loss_g.backward()
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    opt_g.step()
    return {"d": float(loss_d.detach()), "g": float(loss_g.detach())}


@chaff("Return Python floats: tensors keep their graph and fill the memory.")
def gan_step(
    G: nn.Module, D: nn.Module, opt_g, opt_d, real: Tensor, z_d: Tensor, z_g: Tensor, kind: str, penalty_fn=None
) -> dict[str, float]:
    fake = G(z_d).detach()
    loss_d = d_loss(kind, D(real), D(fake))
    if penalty_fn is not None:
        loss_d = loss_d + penalty_fn(D, real, fake)
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    loss_g = g_loss(kind, D(G(z_g)))
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
    return {"d": loss_d, "g": loss_g}


@chaff("The discriminator is left in evaluation mode.")
def gan_step(
    G: nn.Module, D: nn.Module, opt_g, opt_d, real: Tensor, z_d: Tensor, z_g: Tensor, kind: str, penalty_fn=None
) -> dict[str, float]:
    fake = G(z_d).detach()
    loss_d = d_loss(kind, D(real), D(fake))
    if penalty_fn is not None:
        loss_d = loss_d + penalty_fn(D, real, fake)
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    D.eval()
    loss_g = g_loss(kind, D(G(z_g)))
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
    return {"d": float(loss_d.detach()), "g": float(loss_g.detach())}


@chaff("penalty_fn is not used.")
def gan_step(
    G: nn.Module, D: nn.Module, opt_g, opt_d, real: Tensor, z_d: Tensor, z_g: Tensor, kind: str, penalty_fn=None
) -> dict[str, float]:
    fake = G(z_d).detach()
    loss_d = d_loss(kind, D(real), D(fake))
    if penalty_fn is not None:
        loss_d = loss_d + 0 * penalty_fn(D, real, fake)
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    loss_g = g_loss(kind, D(G(z_g)))
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
    return {"d": float(loss_d.detach()), "g": float(loss_g.detach())}


@chaff("The penalty gets the real batch twice: penalty_fn(D, real, fake).")
def gan_step(
    G: nn.Module, D: nn.Module, opt_g, opt_d, real: Tensor, z_d: Tensor, z_g: Tensor, kind: str, penalty_fn=None
) -> dict[str, float]:
    fake = G(z_d).detach()
    loss_d = d_loss(kind, D(real), D(fake))
    if penalty_fn is not None:
        loss_d = loss_d + penalty_fn(D, real, real)
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    loss_g = g_loss(kind, D(G(z_g)))
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
    return {"d": float(loss_d.detach()), "g": float(loss_g.detach())}


@chaff("The kind of game is an argument of both losses.")
def gan_step(
    G: nn.Module, D: nn.Module, opt_g, opt_d, real: Tensor, z_d: Tensor, z_g: Tensor, kind: str, penalty_fn=None
) -> dict[str, float]:
    fake = G(z_d).detach()
    loss_d = d_loss(kind, D(real), D(fake))
    if penalty_fn is not None:
        loss_d = loss_d + penalty_fn(D, real, fake)
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    loss_g = g_loss("ns", D(G(z_g)))
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
    return {"d": float(loss_d.detach()), "g": float(loss_g.detach())}


@chaff("Real and fake are swapped in the discriminator's loss.")
def gan_step(
    G: nn.Module, D: nn.Module, opt_g, opt_d, real: Tensor, z_d: Tensor, z_g: Tensor, kind: str, penalty_fn=None
) -> dict[str, float]:
    fake = G(z_d).detach()
    loss_d = d_loss(kind, D(fake), D(real))
    if penalty_fn is not None:
        loss_d = loss_d + penalty_fn(D, real, fake)
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    loss_g = g_loss(kind, D(G(z_g)))
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
    return {"d": float(loss_d.detach()), "g": float(loss_g.detach())}
