# ruff: noqa: C408, N812, N818, PYI024
import collections
import copy
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass
class Config:
    dim: int = 4
    hidden: int = 8


@dataclass
class Out:
    loss: Tensor
    parts: dict = field(default_factory=dict)

    def total(self):
        return self.loss * 2


Stats = collections.namedtuple("Stats", "mean var")


def gaussian_kl(mu, logvar):
    return 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(-1)


def reparameterize(mu, logvar, eps):
    return mu + torch.exp(0.5 * logvar) * eps


def elbo(model, x, eps):
    mu, logvar = model.encode(x)
    z = reparameterize(mu, logvar, eps)
    return -((model.decode(z) - x) ** 2).sum(-1) - gaussian_kl(mu, logvar)


class VAE(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.encoder = nn.Sequential(nn.Linear(cfg.dim, cfg.hidden), nn.ReLU(), nn.Dropout(0.5))
        self.mu = nn.Linear(cfg.hidden, 2)
        self.lv = nn.Linear(cfg.hidden, 2, bias=False)
        self.dec = nn.Linear(2, cfg.dim)
        self.register_buffer("seen", torch.zeros(()))
        self.register_buffer("scratch", torch.ones(2), persistent=False)
        self.name = "vae"

    def encode(self, x):
        h = self.encoder(x)
        return self.mu(h), self.lv(h)

    def decode(self, z):
        return self.dec(z)

    def forward(self, x):
        self.seen += len(x)
        return self.decode(self.encode(x)[0])


class Lazy(nn.Module):
    """Makes its parameters at the first batch."""

    def __init__(self):
        super().__init__()
        self.register_buffer("ready", torch.tensor(False))
        self.scale = None

    def forward(self, x):
        if not self.ready:
            self.scale = nn.Parameter(1 / x.std(0))
            self.head = nn.Linear(x.shape[1], 1, bias=False)
            nn.init.ones_(self.head.weight)
            self.ready = torch.tensor(True)
        return self.head(x * self.scale)


def sampler(model, x, steps):
    for t in reversed(range(steps)):
        x = x - 0.01 * model(x, t)
    return x


def gradient_penalty(critic, x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((g.norm(dim=1) - 1) ** 2).mean()


def train_step(model, opt, x, y):
    opt.zero_grad()
    loss = F.mse_loss(model(x), y)
    loss.backward()
    opt.step()
    return loss.item()


def train_own(model, x, y, lr=0.1):
    opt = torch.optim.SGD(model.parameters(), lr)
    F.mse_loss(model(x), y).backward()
    opt.step()


def make_opt(model):
    return torch.optim.SGD(model.parameters(), 0.5)


def noise(n, *, generator=None):
    return torch.randn(n, generator=generator)


def two_draws(generator, again):
    return torch.randn(3, generator=generator), torch.randn(3, generator=again)


def asked_twice(draw, generator):
    return draw(generator), draw(generator)


def outs(x):
    return Out(loss=(x**2).sum(), parts={"a": x * 3})


def stats(x):
    return Stats(x.mean(), x.var())


def kinds():
    return dict(
        none=None, flag=True, npa=np.arange(3.0), nps=np.float64(2.5), size=torch.Size([2, 3]), dt=torch.float64, dev=torch.device("cpu"),
        rng=range(3), st={1, 2}, cx=1j, big=1 << 80, nan=float("nan"), text="é" * 5000, raw=b"\0\1", empty=torch.zeros(0, 3), half=slice(1, None),
    )  # fmt: skip


def same(x):
    return x


def closure(theta):
    def f(x):
        return theta * x

    return f


def prior(mu):
    return torch.distributions.Normal(mu, 1.0)


def log_prob(dist, x):
    return dist.log_prob(x)


def batches(x, n):
    for i in range(0, len(x), n):
        yield x[i : i + n]


def inplace(x):
    x.mul_(2)
    return x


def inplace_hidden(x, a):
    x.data.add_(1)
    a[0] = 7.0
    return float(a.sum())


def uses_config(cfg):
    return Config(dim=cfg.dim * 2)


def ema(avg, model, decay):
    with torch.no_grad():
        for a, p in zip(avg.parameters(), model.parameters(), strict=True):
            a.mul_(decay).add_(p, alpha=1 - decay)


class Agent:
    def __init__(self):
        self.net = nn.Linear(3, 1)

    def loss(self, x):
        return (self.net(x) ** 2).sum()

    def __len__(self):
        return 3

    def __getitem__(self, i):
        return i * 2


def append_cache(x, cache):
    cache["k"] = torch.cat([cache["k"], x]) if "k" in cache else x
    cache["n"] = cache.get("n", 0) + 1
    return cache["k"].cumsum(0)


def log_losses(x, log):
    log.append(float(x.sum()))


def greedy(schedule):
    schedule["alpha"] = torch.zeros(1)
    return 1


def mode_of(model):
    was = model.training
    model.eval()
    return (
        was,
        model.training,
        sum(p.numel() for p in model.parameters()),
        [n for n, _ in model.named_parameters()],
        sorted(model.state_dict()),
    )


def freeze_then_call(model, x):
    for p in model.parameters():
        p.requires_grad_(False)
    return model(x)


def zero_it(model):
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()


def copy_it(model):
    return copy.deepcopy(model)


def apply_twice(f, x):
    return f(lambda y: f(None, y), x)


def over_loader(loader):
    return [float(a.sum()) for a in loader], len(loader)


def pull(stream, n):
    return [next(stream) for _ in range(n)]


def make_net(layer, activation):
    return nn.Sequential(layer(3, 3), activation())


def raise_value():
    raise ValueError("mask must be boolean")


class Odd(KeyError):
    pass


def raise_odd():
    raise Odd("k")


def raise_exit():
    raise SystemExit(3)


def deep(n):
    return 1 + deep(n + 1)


def stub(x):
    raise NotImplementedError("Question 2.1a")
