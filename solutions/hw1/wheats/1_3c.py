"""Valid alternatives of question 1.3c: each must get full marks."""

from hwkit import wheat
from torch import Tensor, nn
from torch.nn import functional


@wheat("log-softmax and gather")
def pixel_nll(model: nn.Module, x: Tensor, y: Tensor | None = None) -> Tensor:
    log_p = model(x, y).log_softmax(dim=1)
    return -log_p.gather(1, x).sum(dim=(1, 2, 3))


@wheat("pixels flattened first")
def pixel_nll(model: nn.Module, x: Tensor, y: Tensor | None = None) -> Tensor:
    logits = model(x, y).flatten(2)
    return functional.cross_entropy(logits, x.flatten(1), reduction="none").sum(-1)
