"""`check` on functions that are right, wrong, missing, of the wrong shape: what the student reads."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

NOTEBOOK = '''
import torch
from hwkit_here import assert_close, cases, core, points

def reparameterize(mu, logvar, eps):
    return mu + torch.exp(0.5 * logvar) * eps

@core
@points(1)
def test_zero_noise_returns_the_mean(rng):
    """Zero noise returns the mean."""
    b, d = rng.size(2, 6), rng.size(1, 5)
    mu = torch.randn(b, d, generator=rng)
    assert_close(reparameterize(mu, torch.randn(b, d, generator=rng), torch.zeros(2, b, d)), mu.expand(2, b, d))

@points(0.5)
@cases("n", 1, 3)
def test_unit_noise(n):
    """Unit noise moves by one standard deviation.

    Hint: logvar is the logarithm of the variance, not of the standard deviation.
    """
    out = reparameterize(torch.zeros(n, 1), torch.full((n, 1), 2.0), torch.ones(n, 1))
    assert_close(out, torch.full((n, 1), 1.0).exp(), "one standard deviation")
'''


@pytest.fixture
def notebook(kit: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A notebook's namespace after its solution and test cells have run."""
    module = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "hwkit_here", kit)
    monkeypatch.setitem(sys.modules, "__main__", module)
    exec(compile(NOTEBOOK, "<cell 7>", "exec"), module.__dict__)
    return module.__dict__


def run(kit: Any, notebook: dict[str, Any], function: Any = None) -> None:
    if function is not None:
        notebook["reparameterize"] = function
    kit.check("2.1a", notebook["test_zero_noise_returns_the_mean"], notebook["test_unit_noise"])


def test_right(kit: Any, notebook: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """A right function gets a tick per test with its points, and the closing words."""
    run(kit, notebook)
    out = capsys.readouterr().out
    assert "Question 2.1a: 2 of 2 checks pass" in out
    assert "✓ Zero noise returns the mean.  (1 point)" in out and "(0.5 points)" in out
    assert out.rstrip().endswith(
        "On Gradescope, other questions' functions are ours, and 2 more tests of this question run there."
    )


def test_wrong(kit: Any, notebook: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong function gets the law, the assertion's words and the test's hint, and never an expected value."""
    with pytest.raises(kit.CheckFailed, match=r"2\.1a: 1 of 2 checks failed"):
        run(kit, notebook, lambda mu, logvar, eps: mu + logvar.exp() * eps)
    out = capsys.readouterr().out
    assert "✓ Zero noise" in out and "✗ Unit noise moves by one standard deviation." in out
    assert "one standard deviation: " in out and "Hint: logvar is the logarithm of the variance" in out
    assert "2.718" not in out and "7.389" not in out


def test_not_attempted(kit: Any, notebook: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """A stub is called not attempted, with one hint for all its tests."""

    def stub(mu: Any, logvar: Any, eps: Any) -> Any:
        raise NotImplementedError("Question 2.1a")

    with pytest.raises(kit.CheckFailed):
        run(kit, notebook, stub)
    out = capsys.readouterr().out
    assert out.count("Question 2.1a is not attempted yet") == 2
    assert out.count("Hint:") == 1 and "raise NotImplementedError" in out


def test_shape_error(kit: Any, notebook: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong shape is reported with both shapes."""
    with pytest.raises(kit.CheckFailed):
        run(kit, notebook, lambda mu, logvar, eps: (mu + logvar * eps)[0])
    out = capsys.readouterr().out
    assert "shape (2, " in out and "got (" in out


def test_an_error_names_the_students_line(
    kit: Any, notebook: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """An exception is reported with its type, its text, and the line in the student's function."""
    source = "def reparameterize(mu, logvar, eps):\n    x = mu\n    return x @ eps.bogus\n"
    exec(compile(source, "<cell 5>", "exec"), notebook)
    with pytest.raises(kit.CheckFailed):
        run(kit, notebook)
    out = capsys.readouterr().out
    assert "AttributeError" in out and "line 3, in reparameterize" in out


def test_an_undefined_function_says_run_the_cell(
    kit: Any, notebook: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """A NameError comes with the advice to run the cell that defines the name."""
    del notebook["reparameterize"]
    with pytest.raises(kit.CheckFailed):
        run(kit, notebook)
    assert "run the cell that defines this name first" in capsys.readouterr().out


def test_float32_inside_gets_a_hint(kit: Any, notebook: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """A hard-coded dtype is named as such."""
    with pytest.raises(kit.CheckFailed):
        run(kit, notebook, lambda mu, logvar, eps: (mu + (0.5 * logvar).exp() * eps).float())
    out = capsys.readouterr().out
    assert "float32" in out and "x.new_zeros" in out


def test_again_by_id(kit: Any, notebook: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """After a repair, `check("2.1a")` runs the same tests on the new function; the inputs are those of before."""
    right = notebook["reparameterize"]
    with pytest.raises(kit.CheckFailed):
        run(kit, notebook, lambda mu, logvar, eps: mu)
    first = capsys.readouterr().out
    with pytest.raises(kit.CheckFailed):
        kit.check("2.1a")
    assert capsys.readouterr().out == first
    notebook["reparameterize"] = right
    kit.check("2.1a")
    assert "2 of 2 checks pass" in capsys.readouterr().out


def test_tests_in_two_cells_add_up(kit: Any, notebook: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Each of two test cells runs its own tests; `check("2.1a")` runs both."""
    kit.check("2.1a", notebook["test_zero_noise_returns_the_mean"])
    kit.check("2.1a", notebook["test_unit_noise"])
    assert capsys.readouterr().out.count("1 of 1 check passes") == 2
    kit.check("2.1a")
    assert "2 of 2 checks pass" in capsys.readouterr().out


def test_overview(kit: Any, notebook: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """`check()` lists every question with its points and what is known of it."""
    run(kit, notebook)
    capsys.readouterr()
    kit.check()
    out = capsys.readouterr().out
    assert (
        "2.1a" in out and "2 of 2 checks passed" in out and "4.5 points" in out and "not checked in this session" in out
    )


def test_an_unknown_question_gets_a_suggestion(kit: Any) -> None:
    """A misspelt id raises with the nearest one."""
    with pytest.raises(kit.KitError, match=r"no question '2\.1c'; did you mean '2\.1"):
        kit.check("2.1c")


def test_an_id_before_its_tests_says_which_cell_to_run(kit: Any) -> None:
    """`check("2.1b")` before its test cell was run says so."""
    with pytest.raises(kit.KitError, match=r'run the cell that ends in check\("2\.1b"'):
        kit.check("2.1b")


def test_a_question_without_public_tests_tells_attempted_from_not(
    kit: Any, notebook: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Missing and stubbed functions fail; an attempt passes and says where its tests run."""
    with pytest.raises(kit.CheckFailed, match="elbo is not defined yet"):
        kit.check("2.2a")
    exec('def elbo(x):\n    raise NotImplementedError("Question 2.2a")', notebook)
    with pytest.raises(kit.CheckFailed, match="not attempted yet"):
        kit.check("2.2a")
    exec("def elbo(x):\n    return x", notebook)
    kit.check("2.2a")
    assert "run on Gradescope" in capsys.readouterr().out


def test_the_notebook_shows_one_line(kit: Any, notebook: dict[str, Any]) -> None:
    """IPython prints what `_render_traceback_` returns: one line, no traceback."""
    with pytest.raises(kit.CheckFailed) as caught:
        run(kit, notebook, lambda mu, logvar, eps: mu)
    assert caught.value._render_traceback_() == [f"CheckFailed: {caught.value}"]


def test_the_default_dtype_is_put_back(kit: Any, notebook: dict[str, Any]) -> None:
    """Tests run in float64 and leave float32 behind, even when they fail."""
    import torch

    before = torch.get_default_dtype()
    with pytest.raises(kit.CheckFailed):
        run(kit, notebook, lambda mu, logvar, eps: mu)
    assert torch.get_default_dtype() == before
