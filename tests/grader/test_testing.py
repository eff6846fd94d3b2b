"""What tests are written with: assertions, decorators, probes, and running one test."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from autograder import testing
from autograder.edits import note_edits
from autograder.rng import make_rng
from autograder.specs import probe_runner
from autograder.testing import LawViolation, TestSpec


def broken(call, *args, **kwargs) -> LawViolation:
    """The LawViolation that a call raises."""
    with pytest.raises(LawViolation) as caught:
        call(*args, **kwargs)
    return caught.value


class TestAssertClose:
    def test_accepts_what_is_within_tolerance(self):
        """Values within rtol and atol are close."""
        testing.assert_close(torch.tensor([1.0, 2.0]), torch.tensor([1.0 + 1e-6, 2.0]))

    def test_gives_both_shapes(self):
        """A wrong shape is told with both shapes."""
        error = broken(testing.assert_close, torch.ones(3), torch.ones(3, 1))
        assert (str(error), error.kind) == ("expected shape (3, 1), got (3,)", "shape")

    def test_gives_both_dtypes(self):
        """A wrong dtype is told with both dtypes."""
        error = broken(testing.assert_close, torch.ones(2).float(), torch.ones(2).double())
        assert (str(error), error.kind) == ("expected torch.float64, got torch.float32", "dtype")

    def test_counts_entries_and_shows_no_value(self):
        """A wrong value is told by how many entries differ, without any number of the expectation."""
        error = broken(testing.assert_close, torch.tensor([1.0, 7.25, 8.5]), torch.tensor([1.0, 2.0, 3.0]), "the law.")
        assert str(error) == "the law: 2 of 3 entries differ"

    def test_nan_is_not_finite(self):
        """NaN is reported before values are compared, even where NaN was expected."""
        nan = torch.tensor([1.0, float("nan")])
        assert broken(testing.assert_close, nan, nan).kind == "not_finite"

    def test_equal_infinities_are_equal(self):
        """log 0 equals log 0; an infinity where a number was expected does not."""
        inf = torch.tensor([float("-inf"), 1.0])
        testing.assert_close(inf, inf)
        assert broken(testing.assert_close, inf, torch.tensor([0.0, 1.0])).kind == "not_finite"
        assert broken(testing.assert_close, -inf, torch.tensor([float("-inf"), -1.0])).kind == "law"
        assert broken(testing.assert_close, torch.zeros(2), inf).kind == "law"

    @pytest.mark.parametrize("value", [None, "text", object(), [1.0]])
    def test_what_is_no_tensor_is_said(self, value):
        """A value that is no tensor is told by its type."""
        assert broken(testing.assert_close, value, torch.ones(1)).kind == "type"

    def test_a_made_up_type_is_not_named(self):
        """The name of an answer's own type could carry a hidden test's inputs to students."""
        with pytest.raises(LawViolation) as caught:
            testing.assert_close(type("Input383", (), {})(), torch.zeros(2))
        assert str(caught.value) == "expected a tensor, got a value of another type"

    def test_takes_numbers_and_numpy(self):
        """Python numbers and numpy arrays compare with tensors."""
        testing.assert_close(2.0, torch.tensor(2.0))
        testing.assert_close(np.ones(3), torch.ones(3))
        testing.assert_close(torch.tensor(2), 2)

    def test_walks_trees(self):
        """Tuples and dicts are compared part by part, by length first."""
        testing.assert_close((torch.ones(1), {"a": 1.0}), (torch.ones(1), {"a": 1.0}))
        assert broken(testing.assert_close, (1.0,), (1.0, 2.0)).kind == "shape"
        assert broken(testing.assert_close, {"b": 1.0}, {"a": 1.0}).kind == "type"

    def test_complex_and_bool(self):
        """Complex and bool tensors are compared too."""
        testing.assert_close(torch.tensor([1j]), torch.tensor([1j]))
        assert broken(testing.assert_close, torch.tensor([True]), torch.tensor([False])).kind == "law"

    def test_an_empty_tensor_is_close_to_an_empty_one(self):
        """Nothing differs in nothing."""
        testing.assert_close(torch.ones(0, 3), torch.ones(0, 3))


class TestOtherAssertions:
    def test_finite(self):
        """Infinities and NaN are found wherever they hide."""
        testing.assert_finite({"a": [torch.ones(2), 3.0]})
        assert str(broken(testing.assert_finite, [torch.tensor([1.0, float("inf")])])) == "1 of 2 entries are infinite"
        assert broken(testing.assert_finite, None).kind == "type"

    def test_inputs_unchanged_returns_the_result(self):
        """The result of the call is handed on when nothing was edited."""
        assert testing.assert_inputs_unchanged(lambda x: x + 1, torch.zeros(())).item() == 1

    def test_inputs_unchanged_names_the_argument(self):
        """An argument edited in place is named, also inside a list or by keyword."""
        assert "argument 2 " in str(
            broken(testing.assert_inputs_unchanged, lambda a, b: b[0].add_(1), 1, [torch.ones(2)])
        )
        assert "argument x " in str(broken(testing.assert_inputs_unchanged, lambda x: x.data.add_(1), x=torch.ones(2)))

    def test_inputs_unchanged_hears_reports(self):
        """What a worker reports as edited counts, though the tensor here is untouched: also a view of the argument."""
        one, two = torch.ones(1), torch.ones(3)
        for changed in (two, two[1:]):
            error = broken(testing.assert_inputs_unchanged, lambda a, b, c=changed: note_edits([c]), one, two)
            assert "argument 2 " in str(error)

    def test_inputs_unchanged_ignores_reports_of_other_tensors(self):
        """A copy that the test made on the way is nobody's input."""
        x = torch.ones(3)
        testing.assert_inputs_unchanged(lambda a: note_edits([a + 1]), x)

    def test_inputs_unchanged_sees_arrays(self):
        """A NumPy array edited in place is named like a tensor."""
        assert "argument 1 " in str(broken(testing.assert_inputs_unchanged, lambda a: a.fill(2.0), np.ones(3)))

    def test_gradients_match(self):
        """A right gradient passes, a cut one is told with the argument it does not reach."""
        x, y = torch.randn(2, 3), torch.randn(2, 3)
        testing.assert_gradients_match(lambda x, y: (x**2 * y).sum(-1), x, y)
        error = broken(testing.assert_gradients_match, lambda x, y: (x**2 * y.detach()).sum(-1), x, y)
        assert (str(error), error.kind) == ("no gradient reaches argument 2", "gradient")
        assert "no gradient flows" in str(broken(testing.assert_gradients_match, lambda x: x.detach(), x))
        scaled = broken(testing.assert_gradients_match, lambda x: (x + x.detach()) * x, x)
        assert "disagree in" in str(scaled)

    @pytest.mark.parametrize("beside", [float("nan"), float("inf")])
    def test_a_function_that_is_finite_at_one_point_only_has_no_gradient(self, beside):
        """What is NaN or infinite beside the input agrees with no gradient, wrong or absent."""
        for connected in (True, False):
            calls = []

            def spiked(x, y, calls=calls, connected=connected):
                calls.append(1)
                value = 7 * y.sum() + (7 * x.sum() if connected else 0)
                return value if len(calls) == 1 else value.detach() + (beside if len(calls) % 2 else 0.0)

            error = broken(testing.assert_gradients_match, spiked, torch.ones(2), torch.ones(1))
            assert error.kind == "not_finite" and "finite differences with respect to argument 1" in str(error)

    def test_gradients_match_bounds_its_cost(self):
        """More than 30 elements is the author's mistake."""
        with pytest.raises(ValueError, match="1 to 30"):
            testing.assert_gradients_match(lambda x: x, torch.ones(31))


class TestRaises:
    def test_catches_the_error(self):
        """The awaited error is caught and handed over."""
        with testing.raises(ValueError, match="bad") as caught:
            raise ValueError("a bad value")
        assert isinstance(caught.value, ValueError)

    def test_nothing_raised_is_a_violation(self):
        """A block that raises nothing breaks the law."""
        with pytest.raises(LawViolation, match="should raise ValueError"), testing.raises(ValueError):
            pass

    def test_another_text_is_a_violation_without_showing_the_pattern(self):
        """A wrong text breaks the law, and the pattern stays with the author."""
        with pytest.raises(LawViolation) as caught, testing.raises(ValueError, match="secret"):
            raise ValueError("other")
        assert "secret" not in str(caught.value)

    def test_a_stub_is_never_what_was_awaited(self):
        """NotImplementedError is a RuntimeError, but an untouched stub passes no `raises`."""
        with pytest.raises(NotImplementedError), testing.raises((RuntimeError, NotImplementedError)):
            raise NotImplementedError("Question 2.1a")


class TestDecorators:
    def test_only_set_attributes(self):
        """Decorators hand back the function itself."""

        def fn():
            return 1

        out = testing.core(testing.points(3, bonus=True)(testing.timeout(5)(testing.visibility("visible")(fn))))
        assert out is fn
        assert fn.__hw__ == TestSpec(points=3.0, bonus=True, core=True, timeout=5.0, visibility="visible")

    def test_cases_multiply(self):
        """Stacked cases form the product, the upper one moving slowest."""

        @testing.cases("n", 1, 2)
        @testing.cases("a, b", (3, 4), (5, 6))
        def fn():
            pass

        assert [tuple(c[k] for k in "nab") for c in fn.__hw__.cases] == [(1, 3, 4), (1, 5, 6), (2, 3, 4), (2, 5, 6)]

    @pytest.mark.parametrize(
        "mistake",
        [lambda: testing.points(-1), lambda: testing.points(True), lambda: testing.points(float("nan")),
         lambda: testing.timeout(0), lambda: testing.visibility("hidden"), lambda: testing.cases("a,b", 1),
         lambda: testing.cases("a")],
    )  # fmt: skip
    def test_mistakes_are_told_at_once(self, mistake):
        """A decorator that makes no sense raises ValueError where it stands."""
        with pytest.raises(ValueError, match=r"points|timeout|visibility|cases"):
            mistake()

    def test_probe_is_an_ordinary_call_outside_the_grader(self):
        """Without a runner a probe calls its function; with one the runner is asked."""

        @testing.probe
        def double(x):
            """Doc."""
            return 2 * x

        assert (double(4), double.__name__, double.__doc__) == (8, "double", "Doc.")
        with probe_runner(lambda probe, args, kwargs: (probe.__name__, args, kwargs)):
            assert double(4, y=1) == ("double", (4,), {"y": 1})
        source, line = double.source()
        assert source.startswith("def double(x):\n    ") and line > 1

    def test_every_exported_name_exists(self):
        """All names of __all__ can be had, the statistical ones included."""
        assert all(getattr(testing, name) is not None for name in testing.__all__)


class TestRunTest:
    def test_seeds_everything(self):
        """The same seed gives the same draws of rng, torch, numpy and random; rng and torch draw differently."""
        seen = []

        def fn(rng):
            seen.append(
                (torch.rand(2, generator=rng).tolist(), torch.rand(2).tolist(), np.random.rand(), random.random())
            )

        for seed in (5, 5, 6):
            testing.run_test(fn, seed=seed)
        assert seen[0] == seen[1] != seen[2]
        assert seen[0][0] != seen[0][1]

    def test_default_dtype_is_float64_and_put_back(self):
        """Tests see float64, or float32 when they ask for it; afterwards the default is what it was."""
        seen = []
        before = torch.get_default_dtype()
        testing.run_test(lambda: seen.append(torch.ones(1).dtype), seed=0)
        single = testing.float32(lambda: seen.append(torch.ones(1).dtype))
        testing.run_test(single, seed=0)
        with pytest.raises(ZeroDivisionError):
            testing.run_test(lambda: 1 / 0, seed=0)
        assert seen == [torch.float64, torch.float32] and torch.get_default_dtype() is before

    def test_runs_all_cases_or_one(self):
        """Without a case all run, each with a seed of its own; a single one gets the seed it has among all."""
        seen = []

        @testing.cases("n", 1, 2)
        def fn(n, rng):
            seen.append((n, torch.rand((), generator=rng).item()))

        testing.run_test(fn, seed=3)
        testing.run_test(fn, seed=3, case={"n": 2})
        assert [n for n, _ in seen] == [1, 2, 2]
        assert seen[1] == seen[2] != seen[0]

    def test_unknown_fixture(self):
        """A test may take rng, device and its cases, nothing else."""
        with pytest.raises(TypeError, match="unknown argument 'tmp_path'"):
            testing.run_test(lambda tmp_path: None, seed=0)

    def test_sizes_include_both_ends(self):
        """rng.size draws every integer from low to high."""
        rng = make_rng(0)
        assert {rng.size(2, 4) for _ in range(60)} == {2, 3, 4}
        with pytest.raises(ValueError, match="empty"):
            rng.size(3, 2)


class TestFailureMessage:
    def test_law(self):
        """A broken law speaks for itself."""
        assert (
            testing.failure_message(LawViolation("the law: 1 of 2 entries differ")) == "the law: 1 of 2 entries differ"
        )

    def test_bare_and_rewritten_asserts_show_no_operand(self):
        """What pytest's rewriting appends is cut off."""
        assert testing.failure_message(AssertionError()) == "the law does not hold"
        assert testing.failure_message(AssertionError("assert 1.25 == 2")) == "the law does not hold"
        assert testing.failure_message(AssertionError("sums to one\nassert 1.25 == 1\n +  where")) == "sums to one"

    def test_stub(self):
        """A stub is not attempted."""
        assert testing.failure_message(NotImplementedError("Question 2.1a")) == "Question 2.1a is not attempted yet"

    def test_other_errors_give_the_students_line(self):
        """Another exception is told with its type, text and deepest line."""

        def student(x):
            return x.nothing

        with pytest.raises(AttributeError) as caught:
            student(None)
        said = testing.failure_message(caught.value)
        assert said.startswith("AttributeError: 'NoneType' object has no attribute 'nothing' (line ")
        assert said.endswith("in student)")

    def test_a_workers_error_is_the_students_even_when_it_is_an_assertion(self):
        """An AssertionError that came over from a worker is told as an error, with its cell."""

        class Foreign(AssertionError):  # noqa: N818
            type_name, text, frames = "AssertionError", "mine", [("cell 3", "f", 7)]

        assert testing.failure_message(Foreign()) == "AssertionError: mine (cell 3, line 7, in f)"
