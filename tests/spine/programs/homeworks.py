# ruff: noqa: N803, N812
"""One function or class for each style of signature in the five homeworks."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


# ---- homework 0
def log_mean_exp(a: Tensor, dim: int) -> Tensor:
    return torch.logsumexp(a, dim) - math.log(a.shape[dim])


def overfit_one_batch(model, loss_fn, batch, steps):
    opt = torch.optim.SGD(model.parameters(), 0.1) if not hasattr(model, "_hid") else None
    losses = []
    for _ in range(steps):
        loss = loss_fn(model(batch[0]), batch[1])
        if opt is not None:
            opt.zero_grad()
            loss.backward()
            opt.step()
        losses.append(loss.item())
    return losses


# ---- homework 1
class MaskedLinear(nn.Linear):
    def __init__(self, n_in, n_out, mask):
        super().__init__(n_in, n_out)
        self.register_buffer("mask", mask)

    def forward(self, x):
        return F.linear(x, self.mask * self.weight, self.bias)


class MADE(nn.Module):
    def __init__(self, D, hidden, order=None):
        super().__init__()
        order = torch.arange(D) if order is None else order
        degrees, masks = [order], []
        for h in hidden:
            degrees.append(torch.arange(h) % max(1, D - 1))
            masks.append((degrees[-1][:, None] >= degrees[-2][None, :]).float())
        masks.append((order[:, None] > degrees[-1][None, :]).float())
        layers = []
        for m in masks:
            layers += [MaskedLinear(m.shape[1], m.shape[0], m), nn.ReLU()]
        self.net, self.D = nn.Sequential(*layers[:-1]), D
        self.register_buffer("order", order)

    def forward(self, x):
        return self.net(x)

    def log_prob(self, x):
        return -F.binary_cross_entropy_with_logits(self(x), x, reduction="none").sum(-1)

    @torch.no_grad()
    def sample(self, n, generator=None):
        x = torch.zeros(n, self.D)
        for i in self.order.argsort():
            x[:, i] = torch.bernoulli(torch.sigmoid(self(x)[:, i]), generator=generator)
        return x


class CausalSelfAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.qkv, self.out, self.heads = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim), heads

    def forward(self, x, cache=None):
        b, t, c = x.shape
        q, k, v = (z.view(b, t, self.heads, -1).transpose(1, 2) for z in self.qkv(x).chunk(3, -1))
        if cache is not None:
            if "k" in cache:
                k, v = torch.cat([cache["k"], k], 2), torch.cat([cache["v"], v], 2)
            cache["k"], cache["v"] = k, v
        s = k.shape[2]
        mask = torch.ones(t, s, dtype=torch.bool).tril(s - t)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out(y.transpose(1, 2).reshape(b, t, c))


def generate(model, n, L, bos, temperature=1.0, generator=None):
    was = model.training
    model.eval()
    x = torch.full((n, 1), bos)
    with torch.no_grad():
        for _ in range(L):
            p = torch.softmax(model(x)[:, -1] / temperature, -1)
            x = torch.cat([x, torch.multinomial(p, 1, generator=generator)], 1)
    model.train(was)
    return x[:, 1:]


# ---- homework 2
def elbo_terms(vae, x, eps):
    mu, logvar = vae.encode(x)
    z = mu + torch.exp(0.5 * logvar) * eps
    rec = -F.binary_cross_entropy_with_logits(vae.decode(z), x.expand(len(eps), *x.shape), reduction="none").sum(-1)
    kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(-1)
    log_p, log_q = (-0.5 * z**2).sum(-1), (-0.5 * (eps**2) - 0.5 * logvar).sum(-1)
    return {"rec": rec, "kl": kl, "log_w": rec + log_p - log_q}


def vector_quantize(z, codebook, beta):
    idx = torch.cdist(z, codebook).argmin(1)
    e = codebook[idx]
    loss = F.mse_loss(e, z.detach()) + beta * F.mse_loss(z, e.detach())
    return z + (e - z).detach(), idx, loss


def score_function_grad(f_vals, logits, b, baseline="none"):
    base = (
        0.0
        if baseline == "none"
        else (f_vals.sum() - f_vals) / (len(f_vals) - 1)
        if baseline == "mean_loo"
        else baseline
    )
    return ((f_vals - base)[:, None] * (b - torch.sigmoid(logits))).mean(0)


# ---- homework 3
class AffineCoupling(nn.Module):
    def __init__(self, D, mask, hidden, net=None):
        super().__init__()
        self.register_buffer("mask", mask.float())
        self.net = nn.Sequential(nn.Linear(D, hidden), nn.Tanh(), nn.Linear(hidden, 2 * D)) if net is None else net

    def _st(self, x):
        s, t = self.net(x * self.mask).chunk(2, -1)
        return torch.tanh(s) * (1 - self.mask), t * (1 - self.mask)

    def forward(self, x):
        s, t = self._st(x)
        return x * s.exp() + t, s.sum(-1)

    def inverse(self, z):
        s, t = self._st(z)
        return (z - t) * (-s).exp(), -s.sum(-1)


class ActNorm(nn.Module):
    def __init__(self, D):
        super().__init__()
        self.loc, self.log_scale = nn.Parameter(torch.zeros(D)), nn.Parameter(torch.zeros(D))
        self.register_buffer("initialised", torch.tensor(False))

    def forward(self, x):
        if self.training and not self.initialised:
            with torch.no_grad():
                self.loc.copy_(x.mean(0))
                self.log_scale.copy_(-x.std(0).log())
                self.initialised.fill_(True)
        return (x - self.loc) * self.log_scale.exp(), self.log_scale.sum().expand(len(x))


def gan_step(G, D, opt_g, opt_d, real, z_d, z_g, kind, penalty_fn=None):
    opt_d.zero_grad()
    loss_d = F.softplus(-D(real)).mean() + F.softplus(D(G(z_d).detach())).mean()
    if penalty_fn is not None:
        loss_d = loss_d + penalty_fn(D, real)
    loss_d.backward()
    opt_d.step()
    for p in D.parameters():
        p.requires_grad_(False)
    opt_g.zero_grad()
    loss_g = F.softplus(-D(G(z_g))).mean()
    loss_g.backward()
    opt_g.step()
    for p in D.parameters():
        p.requires_grad_(True)
    return {"d": loss_d.item(), "g": loss_g.item()}


def r1_penalty(critic, real):
    real = real.detach().requires_grad_()
    (g,) = torch.autograd.grad(critic(real).sum(), real, create_graph=True)
    return 0.5 * (g**2).flatten(1).sum(1).mean()


# ---- homework 4
def make_schedule(alpha_bar):
    prev = torch.cat([torch.ones(1, dtype=alpha_bar.dtype), alpha_bar[:-1]])
    return {"beta": 1 - alpha_bar / prev, "alpha": alpha_bar / prev, "alpha_bar": alpha_bar, "alpha_bar_prev": prev}


def q_sample(sch, x0, t, eps):
    a = sch["alpha_bar"][t].view(-1, *[1] * (x0.dim() - 1))
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


def ddpm_loss(model, sch, x0, t, eps, y=None, drop_mask=None, null_label=None, weight=None):
    if y is not None and drop_mask is not None:
        y = torch.where(drop_mask, torch.full_like(y, null_label), y)
    xt = q_sample(sch, x0, t, eps)
    out = model(xt, t) if y is None else model(xt, t, y)
    return ((out - eps) ** 2).mean()


def sample_loop(model_fn, sch, xT, timesteps, eta, noises=None):
    x = xT
    for i, t in enumerate(timesteps):
        last = i + 1 == len(timesteps)
        a, b = sch["alpha_bar"][t], sch["alpha_bar"].new_ones(()) if last else sch["alpha_bar"][timesteps[i + 1]]
        eps = model_fn(x, torch.full((len(x),), t))
        s = eta * ((1 - b) / (1 - a) * (1 - a / b)).sqrt()
        x = b.sqrt() * (x - (1 - a).sqrt() * eps) / a.sqrt() + (1 - b - s**2).clamp(min=0).sqrt() * eps
        if noises is not None and not last:
            x = x + s * noises[i]
    return x


def langevin(score_fn, x, step, n, noises):
    for i in range(n):
        x = x + 0.5 * step * score_fn(x) + math.sqrt(step) * noises[i]
    return x


def mdlm_sample(model, n, L, mask_id, steps, generator):
    x = torch.full((n, L), mask_id)
    for s in range(steps):
        p = torch.softmax(model(x), -1)
        new = torch.multinomial(p.flatten(0, 1), 1, generator=generator).view(n, L)
        free = (x == mask_id) & (torch.rand(n, L, generator=generator) < 1 / (steps - s))
        x = torch.where(free, new, x)
    return x


def pg_surrogate(logp, ref_logp, rewards, beta):
    r = rewards - beta * (logp - ref_logp).detach()
    adv = r - (r.sum() - r) / (len(r) - 1)
    return -(adv.detach() * logp).mean()
