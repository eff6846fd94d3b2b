"""Everything that a homework's notebook may import from `hwkit`.

Here it is a package, so that its parts lint and are tested one by one. Students get one file: `starterkit/hwkit.py`
joins these parts with the grader's own modules, drops the imports between them, and replaces `data.py` by the
homework's facts. `__all__` below is the `__all__` of that file.
"""

from autograder.assertions import (
    LawViolation,
    assert_close,
    assert_finite,
    assert_gradients_match,
    assert_inputs_unchanged,
    raises,
)
from autograder.rng import Rng
from autograder.specs import cases, core, float32, heavy, points, probe, timeout, visibility, void
from autograder.statistical import (
    assert_cdf,
    assert_independent,
    assert_integrates_to_one,
    assert_mean_close,
    assert_p_value,
    assert_probs,
    assert_same_distribution,
    assert_var_close,
)
from autograder.testing import run_test

from .budget import budget, preset, set_budget
from .check import CheckFailed, check
from .checkpoint import Checkpointer
from .device import device, one_step_cpu_check
from .figures import plot_style, savefig
from .pages import make_figures_pdf
from .session import KitError, in_colab, set_seed, storage
from .start import start
from .submit import submit
from .training import fit

__all__ = [
    "CheckFailed",
    "Checkpointer",
    "KitError",
    "LawViolation",
    "Rng",
    "assert_cdf",
    "assert_close",
    "assert_finite",
    "assert_gradients_match",
    "assert_independent",
    "assert_inputs_unchanged",
    "assert_integrates_to_one",
    "assert_mean_close",
    "assert_p_value",
    "assert_probs",
    "assert_same_distribution",
    "assert_var_close",
    "budget",
    "cases",
    "check",
    "core",
    "device",
    "fit",
    "float32",
    "heavy",
    "in_colab",
    "make_figures_pdf",
    "one_step_cpu_check",
    "plot_style",
    "points",
    "preset",
    "probe",
    "raises",
    "run_test",
    "savefig",
    "set_budget",
    "set_seed",
    "start",
    "storage",
    "submit",
    "timeout",
    "visibility",
    "void",
]
