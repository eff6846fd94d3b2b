"""Functions: what a test calls here and in a worker has equal values, gradients and exceptions."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from autograder.worker import CannotCross, StudentError


def close(a: Tensor, b: Tensor) -> None:
    """Equal shape, dtype and values."""
    assert a.shape == b.shape and a.dtype == b.dtype
    assert torch.allclose(a, b, atol=1e-6, equal_nan=True)


def double(*shape: int) -> Tensor:
    """Standard-normal float64 that wants a gradient."""
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def test_value_and_gradient_of_a_pure_function(pair: Any) -> None:
    """A pure function has the same value, dtype and gradients on both sides."""
    mu, logvar = double(3, 4), double(3, 4)
    there, here = pair.there.gaussian_kl(mu, logvar), pair.here.gaussian_kl(mu, logvar)
    close(there, here)
    for a, b in zip(
        torch.autograd.grad(there.sum(), [mu, logvar]), torch.autograd.grad(here.sum(), [mu, logvar]), strict=True
    ):
        close(a, b)


def test_gradcheck_and_gradgradcheck_pass(pair: Any) -> None:
    """Gradients of first and second order agree with finite differences across the boundary."""
    mu, logvar = double(2, 2), double(2, 2)
    assert torch.autograd.gradcheck(pair.there.gaussian_kl, (mu, logvar))
    assert torch.autograd.gradgradcheck(pair.there.gaussian_kl, (mu, logvar))


def test_third_order(pair: Any) -> None:
    """The third derivative of a remote function is the local one."""
    for f in (pair.there.gaussian_kl, pair.here.gaussian_kl):
        x = torch.tensor([0.3], dtype=torch.float64, requires_grad=True)
        y = f(torch.zeros(1, dtype=torch.float64), x)
        for _ in range(3):
            (y,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        assert y.item() == pytest.approx(0.5 * math.exp(0.3))


def test_jacobian_and_hessian(pair: Any) -> None:
    """torch.autograd.functional works across the boundary."""
    x, logvar = double(4), torch.zeros(4, dtype=torch.float64)
    close(torch.autograd.functional.jacobian(lambda m: pair.there.gaussian_kl(m, logvar), x), x.detach())
    close(
        torch.autograd.functional.hessian(lambda m: pair.there.gaussian_kl(m, logvar), x),
        torch.eye(4, dtype=torch.float64),
    )


@pytest.mark.filterwarnings("ignore:.*torch.jit.script")  # torch's own, when jvp is first used
@pytest.mark.parametrize("transform", ["vmap", "jacrev", "jvp"])
def test_torch_func_is_refused_loudly(pair: Any, transform: str) -> None:
    """A torch.func transform over a remote function raises and names the way out."""
    f = lambda m: pair.there.gaussian_kl(m, torch.zeros(4))  # noqa: E731
    x = torch.randn(4)
    run = {
        "vmap": lambda: torch.vmap(f)(torch.randn(3, 4)),
        "jacrev": lambda: torch.func.jacrev(f)(x),
        "jvp": lambda: torch.func.jvp(f, (x,), (x,)),
    }
    with pytest.raises(CannotCross, match="probe"):
        run[transform]()


def test_no_grad_is_respected(pair: Any) -> None:
    """Under no_grad a remote result wants no gradient."""
    with torch.no_grad():
        assert not pair.there.gaussian_kl(double(2), double(2)).requires_grad


def test_default_dtype_travels(pair: Any) -> None:
    """The worker makes tensors in the test's default dtype."""
    torch.set_default_dtype(torch.float64)
    try:
        assert pair.there.noise(2).dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert pair.there.noise(2).dtype == torch.float32


def test_every_plain_kind_of_value(pair: Any) -> None:
    """Numbers, strings, bytes, sets, ranges, slices, NumPy values, sizes, dtypes and devices arrive as themselves, both ways."""
    there, here = pair.there.kinds(), pair.here.kinds()
    assert list(there) == list(here)
    for key, b in here.items():
        for a in (there[key], pair.there.same(b)):
            assert type(a) is type(b), key
            assert (
                np.array_equal(a, b, equal_nan=True)
                if isinstance(b, np.ndarray | float)
                else torch.equal(a, b)
                if isinstance(b, Tensor)
                else a == b
            )


@pytest.mark.parametrize(
    "dtype", [torch.bool, torch.uint8, torch.int64, torch.float16, torch.bfloat16, torch.complex64]
)
def test_dtypes_and_layouts(pair: Any, dtype: torch.dtype) -> None:
    """Tensors of any dtype, transposed, expanded, empty or of no dimension, arrive bit for bit."""
    for t in (
        torch.arange(6).reshape(2, 3).to(dtype).T,
        torch.ones(1, 3).to(dtype).expand(2, 3),
        torch.zeros(0, 2).to(dtype),
        torch.tensor(1).to(dtype),
    ):
        assert torch.equal(pair.there.same(t), t)


def test_dict_tuple_namedtuple(pair: Any) -> None:
    """Dicts and named tuples keep names, order and gradients."""
    x = torch.randn(3, requires_grad=True)
    s = pair.there.stats(x)
    assert s._fields == ("mean", "var")
    s.var.backward()
    assert x.grad is not None and torch.allclose(x.grad, torch.autograd.grad(pair.here.stats(x).var, x)[0])


def test_student_dataclass(pair: Any) -> None:
    """A student's dataclass brings its fields along, with gradients, and answers to its methods."""
    x = torch.randn(3, requires_grad=True)
    out = pair.there.outs(x)
    out.loss.backward()
    assert torch.allclose(x.grad, 2 * x)  # type: ignore[arg-type]
    assert torch.allclose(out.parts["a"], 3 * x)
    x.grad = None
    out.total().backward()
    assert torch.allclose(x.grad, 4 * x)  # type: ignore[arg-type]


def test_given_dataclass_is_one_class(pair: Any) -> None:
    """An instance of a given dataclass is an instance of that class on either side."""
    assert pair.there.uses_config(pair.here.Config(dim=9)) == pair.here.Config(dim=18)


def test_in_place_changes_are_reported_not_applied(pair: Any) -> None:
    """The test's tensor stays as it was; the worker names the edited argument."""
    x, y = torch.ones(3), torch.ones(3)
    assert pair.there.inplace(x).tolist() == [2, 2, 2]
    assert x.tolist() == [1, 1, 1] and pair.worker.edited == [0]
    pair.there.stats(y)
    assert pair.worker.edited == []


def test_hidden_in_place_changes_are_reported_too(pair: Any) -> None:
    """Edits through .data and NumPy, which autograd's versions do not show, are named as well."""
    pair.there.inplace_hidden(torch.ones(3), np.zeros(2))
    assert pair.worker.edited == [0, 1]


def test_distributions_by_value_with_gradients(pair: Any) -> None:
    """A distribution crosses both ways and keeps its gradients."""
    mu = torch.zeros(3, requires_grad=True)
    pair.there.prior(mu).log_prob(torch.ones(3)).sum().backward()
    assert torch.equal(mu.grad, torch.ones(3))  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [
    lambda: torch.distributions.Independent(torch.distributions.Normal(torch.zeros(3), 2.0), 1),
    lambda: torch.distributions.LogNormal(torch.zeros(3), torch.ones(3)),
    lambda: torch.distributions.Laplace(torch.zeros(3), 1.0),
    lambda: torch.distributions.NegativeBinomial(torch.tensor(5.0), logits=torch.zeros(3)),
    lambda: torch.distributions.MultivariateNormal(torch.zeros(3), torch.eye(3) * 2),
    lambda: torch.distributions.MixtureSameFamily(torch.distributions.Categorical(torch.ones(3, 2)), torch.distributions.Normal(torch.zeros(3, 2), 1.0)),
])  # fmt: skip
def test_allowed_distributions(pair: Any, make: Any) -> None:
    """Each allowed distribution assigns the same log-probabilities on the other side."""
    x = torch.ones(3)
    close(pair.there.log_prob(make(), x), make().log_prob(x))


@pytest.mark.parametrize(
    "make", [lambda p: torch.distributions.Bernoulli(probs=p), lambda p: torch.distributions.Categorical(logits=p)]
)
def test_discrete_distributions_with_cached_parameters(pair: Any, make: Any) -> None:
    """A distribution that has computed its other parameter still crosses."""
    d = make(torch.tensor([0.2, 0.7]))
    assert d.probs is not None and d.logits is not None
    close(pair.there.log_prob(d, torch.tensor(1.0)), d.log_prob(torch.tensor(1.0)))


def test_a_generator_gives_the_same_draws(pair: Any) -> None:
    """The worker draws from a generator in the state that the test's had."""
    close(
        pair.there.noise(4, generator=torch.Generator().manual_seed(5)),
        torch.randn(4, generator=torch.Generator().manual_seed(5)),
    )


def test_a_sent_generator_moves_on_to_a_fresh_stream(pair: Any) -> None:
    """After a call the test's generator continues neither where it was nor where the worker's is."""
    g, twin = torch.Generator().manual_seed(5), torch.Generator().manual_seed(5)
    pair.there.noise(4, generator=g)
    stay, went = torch.randn(4, generator=twin), torch.randn(4, generator=twin)
    now = torch.randn(4, generator=g)
    assert not torch.equal(now, stay) and not torch.equal(now, went)


def test_the_fresh_stream_is_reproducible(pair: Any) -> None:
    """With the same seeds the whole run draws the same numbers again."""

    def run() -> list[float]:
        torch.manual_seed(3)
        g = torch.Generator().manual_seed(5)
        pair.there.noise(4, generator=g)
        return torch.randn(2, generator=g).tolist()

    assert run() == run()


def test_one_generator_twice_is_one_generator(pair: Any) -> None:
    """Passed as two arguments a generator is shared, as it is locally."""
    a, b = pair.there.two_draws(g := torch.Generator().manual_seed(1), g)
    assert not torch.equal(a, b)


def test_a_lent_function_gets_new_numbers_in_each_call(pair: Any) -> None:
    """A generator that a student passes to a function of ours moves on with each call, the same way every time."""

    def asked() -> list[torch.Tensor]:
        return list(pair.there.asked_twice(lambda g: torch.randn(3, generator=g), torch.Generator().manual_seed(1)))

    (a, b), (again, twice) = asked(), asked()
    assert not torch.equal(a, b)
    close(again, a)
    close(twice, b)


def test_generator_functions(pair: Any) -> None:
    """A student's generator is iterated item by item."""
    assert [b.tolist() for b in pair.there.batches(torch.arange(5), 2)] == [[0, 1], [2, 3], [4]]


def test_closures_keep_differentiable_arguments(pair: Any) -> None:
    """A returned function still knows that its captured tensor wants a gradient."""
    theta = torch.tensor(2.0, requires_grad=True)
    pair.there.closure(theta)(torch.tensor(3.0)).backward()
    assert theta.grad == 3


def test_signature(pair: Any) -> None:
    """inspect.signature sees the student's parameters."""
    assert str(inspect.signature(pair.there.noise)) == "(n, *, generator=None)"
    assert list(inspect.signature(pair.there.VAE).parameters) == ["cfg"]


def test_exceptions_keep_type_text_and_line(pair: Any) -> None:
    """A student's exception is a StudentError, an instance of the built-in of its name, and knows the student's line."""
    with pytest.raises(ValueError, match="mask must be boolean") as caught:
        pair.there.raise_value()
    error = caught.value
    assert isinstance(error, StudentError) and error.type_name == "ValueError"
    source = inspect.getsource  # the line is the one of the file
    assert error.frames[-1][:2] == ("cell 1", "raise_value") and error.frames[-1][2] > 1 and callable(source)


def test_derived_and_control_flow_exceptions(pair: Any) -> None:
    """A class derived from KeyError is one; SystemExit never is anything but a StudentError."""
    with pytest.raises(KeyError) as caught:
        pair.there.raise_odd()
    assert isinstance(caught.value, StudentError) and caught.value.type_name == "Odd" and str(caught.value) == "'k'"
    with pytest.raises(StudentError) as ended:
        pair.there.raise_exit()
    assert ended.value.type_name == "SystemExit" and not isinstance(ended.value, SystemExit)


def test_stub_and_endless_recursion(pair: Any) -> None:
    """A stub raises NotImplementedError with the question; endless recursion raises RecursionError; the worker lives on."""
    with pytest.raises(NotImplementedError, match=r"Question 2\.1a"):
        pair.there.stub(1)
    with pytest.raises(RecursionError):
        pair.there.deep(0)
    assert pair.there.same(1) == 1


def test_handles_have_no_truth_value_or_equality(pair: Any) -> None:
    """An unsendable object cannot make an assertion pass."""
    agent = pair.there.Agent()
    for use in (lambda: bool(agent), lambda: agent == 1, lambda: agent < 1, lambda: agent != 1):
        with pytest.raises(TypeError):
            use()


def test_subclassing_a_student_class_is_refused_loudly(pair: Any) -> None:
    """A test cannot subclass a class of the student's."""
    with pytest.raises(TypeError, match="subclass"):
        type("Sub", (), {}) if False else exec("class Sub(base): pass", {"base": pair.there.VAE})
