"""Plausible misconceptions about question 4.3c: each must lose points there."""

import torch
from hwkit import chaff


def _step(sch, e, x, now, then, eta, noise, clip):
    a = float(sch["alpha_bar"][now])
    s = 1.0 if then < 0 else float(sch["alpha_bar"][then])
    x0 = (x - (1 - a) ** 0.5 * e) / a**0.5
    if clip is not None:
        x0 = x0.clamp(-clip, clip)
        e = (x - a**0.5 * x0) / (1 - a) ** 0.5
    variance = max(0.0, eta**2 * (1 - s) / (1 - a) * (1 - a / s))
    mean = s**0.5 * x0 + max(0.0, 1 - s - variance) ** 0.5 * e
    return mean if eta == 0 else mean + variance**0.5 * noise


@chaff("Time runs from noise to data: the list is decreasing and is followed as it is.")
@torch.no_grad()
def sample_loop(model_fn, sch, xT, timesteps, eta, noises=None, clip=None):
    x, steps = xT, sorted(map(int, timesteps))
    for i, now in enumerate(steps):
        then = steps[i + 1] if i + 1 < len(steps) else -1
        t = torch.full((len(x),), now)
        x = _step(sch, model_fn(x, t), x, now, then, eta, None if noises is None else noises[i], clip)
    return x


@chaff("With a stride, the step goes to the next time of the list, not to t - 1.")
@torch.no_grad()
def sample_loop(model_fn, sch, xT, timesteps, eta, noises=None, clip=None):
    x = xT
    for i, now in enumerate(map(int, timesteps)):
        t = torch.full((len(x),), now)
        x = _step(sch, model_fn(x, t), x, now, now - 1, eta, None if noises is None else noises[i], clip)
    return x


@chaff("The last step goes to the clean end, -1; here the samples keep the noise of the last time.")
@torch.no_grad()
def sample_loop(model_fn, sch, xT, timesteps, eta, noises=None, clip=None):
    x, steps = xT, list(map(int, timesteps))
    for i, (now, then) in enumerate(zip(steps[:-1], steps[1:], strict=True)):
        t = torch.full((len(x),), now)
        x = _step(sch, model_fn(x, t), x, now, then, eta, None if noises is None else noises[i], clip)
    return x


@chaff("The network is told the time at which x is now, not the one to which it goes.")
@torch.no_grad()
def sample_loop(model_fn, sch, xT, timesteps, eta, noises=None, clip=None):
    x, steps = xT, list(map(int, timesteps))
    for i, now in enumerate(steps):
        then = steps[i + 1] if i + 1 < len(steps) else -1
        t = torch.full((len(x),), max(then, 0))
        x = _step(sch, model_fn(x, t), x, now, then, eta, None if noises is None else noises[i], clip)
    return x


@chaff("Every step has its own noise.")
@torch.no_grad()
def sample_loop(model_fn, sch, xT, timesteps, eta, noises=None, clip=None):
    x, steps = xT, list(map(int, timesteps))
    for i, now in enumerate(steps):
        then = steps[i + 1] if i + 1 < len(steps) else -1
        t = torch.full((len(x),), now)
        x = _step(sch, model_fn(x, t), x, now, then, eta, None if noises is None else noises[0], clip)
    return x


@chaff("clip has to be passed on to every step.")
@torch.no_grad()
def sample_loop(model_fn, sch, xT, timesteps, eta, noises=None, clip=None):
    x, steps = xT, list(map(int, timesteps))
    for i, now in enumerate(steps):
        then = steps[i + 1] if i + 1 < len(steps) else -1
        t = torch.full((len(x),), now)
        x = _step(sch, model_fn(x, t), x, now, then, eta, None if noises is None else noises[i], None)
    return x


@chaff("xT belongs to the caller: it is overwritten here.")
@torch.no_grad()
def sample_loop(model_fn, sch, xT, timesteps, eta, noises=None, clip=None):
    steps = list(map(int, timesteps))
    for i, now in enumerate(steps):
        then = steps[i + 1] if i + 1 < len(steps) else -1
        t = torch.full((len(xT),), now)
        xT.copy_(_step(sch, model_fn(xT, t), xT, now, then, eta, None if noises is None else noises[i], clip))
    return xT.clone()


@chaff("The network is asked once per step, at the present x; its first answer does not last.")
@torch.no_grad()
def sample_loop(model_fn, sch, xT, timesteps, eta, noises=None, clip=None):
    x, steps = xT, list(map(int, timesteps))
    guess = model_fn(x, torch.full((len(x),), steps[0]))
    for i, now in enumerate(steps):
        then = steps[i + 1] if i + 1 < len(steps) else -1
        x = _step(sch, guess, x, now, then, eta, None if noises is None else noises[i], clip)
    return x


@chaff("clip limits the guess of every step; limiting the finished samples does not repair the steps.")
@torch.no_grad()
def sample_loop(model_fn, sch, xT, timesteps, eta, noises=None, clip=None):
    x = xT
    for k, now in enumerate(timesteps):
        then = timesteps[k + 1] if k + 1 < len(timesteps) else -1
        noise = None if noises is None else noises[k]
        x = _step(sch, model_fn(x, torch.full((len(x),), now)), x, now, then, eta, noise, None)
    return x if clip is None else x.clamp(-clip, clip)
