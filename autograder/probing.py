"""The source of a probe as it travels to the worker: the function and the imports of the test file that it needs."""

from __future__ import annotations

import ast
import functools
import inspect
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import types

    from autograder.specs import Probe


def shipped(probe: Probe, module: types.ModuleType) -> tuple[str, int]:
    """Source text and the line its first line counts as, so that the `def` keeps its own line of the source notebook.

    Raises OSError when the module's source is not to be had.
    """
    source, line = probe.source()
    imports = _imports(source, inspect.getsource(module))
    return "".join(f"{text}\n" for text in imports) + source, max(1, line - len(imports))


@functools.lru_cache(maxsize=64)
def _imports(source: str, module: str) -> tuple[str, ...]:
    names = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    found = []
    for node in ast.parse(module).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)) and getattr(node, "module", None) != "__future__":
            wanted = [a for a in node.names if (a.asname or a.name.partition(".")[0]) in names]
            if wanted:
                node.names = wanted
                found.append(ast.unparse(node))
    return tuple(dict.fromkeys(found))
