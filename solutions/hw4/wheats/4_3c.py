"""Valid alternatives of question 4.3c: each must get full marks."""

import torch
from hwkit import wheat


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


@wheat("a list with the clean end appended")
@torch.no_grad()
def sample_loop(model_fn, sch, xT, timesteps, eta, noises=None, clip=None):
    steps = [*map(int, timesteps), -1]
    x = xT.clone()
    for i in range(len(steps) - 1):
        t = torch.full((x.shape[0],), steps[i], dtype=torch.long)
        x = _step(sch, model_fn(x, t), x, steps[i], steps[i + 1], eta, None if noises is None else noises[i], clip)
    return x


@wheat("pops the times one by one, graph cut at every step")
@torch.no_grad()
def sample_loop(model_fn, sch, xT, timesteps, eta, noises=None, clip=None):
    x, left = xT, list(timesteps)
    n = len(left)
    while left:
        now = left.pop(0)
        then = left[0] if left else -1
        guess = model_fn(x, torch.ones(len(x), dtype=torch.long) * now).detach()
        x = _step(sch, guess, x, now, then, eta, noises[n - len(left) - 1] if eta else None, clip)
    return x
