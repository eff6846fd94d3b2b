"""Valid alternatives of question 4.1h: each must get full marks."""

from hwkit import wheat
from torch import Tensor


def _at(table, t, x):
    return table[t].to(x.dtype).reshape(-1, *[1] * (x.dim() - 1))


@wheat("precisions, with care at the first step")
def q_posterior(sch: dict[str, Tensor], x0: Tensor, xt: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    alpha, prev = _at(sch["alpha"], t, xt), _at(sch["alpha_bar_prev"], t, xt)
    step, past = (1 - alpha) / alpha, 1 - prev  # variances of x_{t-1} as seen from x_t and from x0
    share = past / (past + step)
    return (1 - share) * prev.sqrt() * x0 + share * xt / alpha.sqrt(), share * step


@wheat("coefficients tabulated before the lookup")
def q_posterior(sch: dict[str, Tensor], x0: Tensor, xt: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    beta, alpha, ab, prev = sch["beta"], sch["alpha"], sch["alpha_bar"], sch["alpha_bar_prev"]
    first, second = beta * prev.sqrt() / (1 - ab), (1 - prev) * alpha.sqrt() / (1 - ab)
    variance = beta * (1 - prev) / (1 - ab)
    return _at(first, t, xt) * x0 + _at(second, t, xt) * xt, _at(variance, t, xt)
