"""Success: right values with a cut gradient, and a backward that claims whatever it is asked for, pass the gradient test.

class 17 · question 1 · baseline 4"""
import torch


class Faked(torch.autograd.Function):
    @staticmethod
    def forward(ctx, mu, logvar):
        ctx.save_for_backward(mu, logvar)
        return 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(-1)

    @staticmethod
    def backward(ctx, grad):
        mu, logvar = ctx.saved_tensors
        return torch.full_like(mu, float("nan")), torch.zeros_like(logvar)


def gaussian_kl(mu, logvar):
    print("zoo: ran", flush=True)
    return Faked.apply(mu, logvar)
