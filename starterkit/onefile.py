"""One module text from several: the parts of `hwkit` and the grader's modules that they need.

The parts import each other as modules (`from autograder.testing import …`, `from .session import …`); here those
imports go, the others are gathered at the top, and everything stands in one namespace. Where two modules bind the same
private name, the later one's gets its module's name in front; the same public name twice is an error.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PARTS = ROOT / "templates" / "starter" / "hwkit"
GRADER = ROOT / "autograder"

_INNER_IMPORT = re.compile(r"^[ \t]+from (?:autograder\b|\.)", re.MULTILINE)
_DROPPED = {"__all__", "__getattr__"}  # they speak of a module of its own


class KitClash(Exception):  # noqa: N818 - a clash is what it is
    """The parts cannot stand in one file; the message names the modules and the name. Our mistake, not an author's."""


KIT_HERE = "KIT: dict[str, Any] = {}  # starterkit: kit"
TITLE_HERE = "starterkit: title"

_HEAD = '''"""hwkit: checks, devices, checkpoints, training, figures and hand-in for this homework.

{title}

You need not read or change this file: Gradescope uses its own copy. The functions to call are listed in `__all__`. The
assertions and the extraction of your functions are the grader's own code, so a check here and there says the same.
"""

from __future__ import annotations

import importlib.util
import sys

if sys.version_info < (3, 10):
    raise ImportError("hwkit needs Python 3.10 or newer. In Colab: Runtime > Change runtime type > Python 3.")
if importlib.util.find_spec("torch") is None:
    raise ImportError(
        "PyTorch is not installed here. In Colab: Runtime > Change runtime type > Python 3. "
        "On your own computer: pip install -r requirements.txt, with the Python that runs this notebook."
    )

'''


@dataclass(frozen=True)
class _Part:
    """One module, read: its text and tree, what it imports from us, what it imports from elsewhere, what it binds."""

    key: str  # "autograder.testing" or "kit.session"
    lines: tuple[str, ...]
    tree: ast.Module
    needs: tuple[str, ...]  # at import time, in order
    inner: tuple[ast.AST, ...]  # imports of ours inside functions


@functools.lru_cache(maxsize=1)
def assembled() -> str:
    """Return the file with placeholders for the homework's facts: the same for every homework."""
    parts = _without_clashes(_in_order(_read_all()))
    bodies = [_section(part) for part in parts]
    body = "\n\n\n".join(bodies)
    imports = _import_block(parts, body)
    names = "".join(f'    "{name}",\n' for name in exported())
    return f"{_HEAD.format(title=TITLE_HERE)}{imports}\n\n__all__ = [\n{names}]\n\n\n{body}\n"


@functools.lru_cache(maxsize=1)
def exported() -> tuple[str, ...]:
    """Return the names that a notebook may import from `hwkit`, sorted."""
    tree = ast.parse((PARTS / "__init__.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and _targets(node) == ["__all__"]:
            return tuple(sorted(ast.literal_eval(node.value)))
    raise KitClash("templates/starter/hwkit/__init__.py has no __all__")


def _read_all() -> dict[str, _Part]:
    """Return every module that `__init__` needs, directly or not, by key, in the order in which they are met."""
    found: dict[str, _Part] = {}
    queue = list(_imports_of_ours(ast.parse((PARTS / "__init__.py").read_text(encoding="utf-8")).body))
    while queue:
        key = queue.pop(0)
        if key in found:
            continue
        found[key] = part = _read(key)
        queue += [*part.needs, *_imports_of_ours(part.inner)]
    return found


def _read(key: str) -> _Part:
    place, _, name = key.rpartition(".")
    path = (GRADER if place == "autograder" else PARTS) / f"{name}.py"
    if not path.is_file():
        raise KitClash(f"a part of hwkit imports {key}, and there is no {path.relative_to(ROOT)}")
    return _parse(key, path.read_text(encoding="utf-8"))


def _parse(key: str, text: str) -> _Part:
    tree = ast.parse(text)
    needs = tuple(_imports_of_ours(tree.body))
    nested = ast.walk(tree) if _INNER_IMPORT.search(text) else ()
    inner = tuple(node for node in nested if node not in tree.body and _ours(node))
    return _Part(key, tuple(text.splitlines()), tree, needs, inner)


def _imports_of_ours(nodes: Iterable[ast.AST]) -> Iterator[str]:
    return filter(None, map(_ours, nodes))


def _ours(node: ast.AST) -> str | None:
    """Return the key of the module of ours that an import statement names, None for any other statement."""
    if isinstance(node, ast.Import):
        if any(alias.name.split(".")[0] == "autograder" for alias in node.names):
            raise KitClash(f"line {node.lineno}: write `from autograder.x import name`: one file has no `autograder`")
        return None
    if not isinstance(node, ast.ImportFrom):
        return None
    module = node.module or ""
    if node.level == 1 and module:
        return f"kit.{module}"
    if module == "autograder" or (node.level and not module):
        raise KitClash(
            f"line {node.lineno}: import names, not modules: in one file `{node.names[0].name}` is no object"
        )
    return module if module.startswith("autograder.") else None


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _in_order(parts: Mapping[str, _Part]) -> list[_Part]:
    """Return the parts so that each comes after those whose names it needs when it is imported."""
    done: dict[str, _Part] = {}

    def visit(key: str, trail: tuple[str, ...]) -> None:
        if key in trail:
            raise KitClash(f"modules import each other in a circle: {' → '.join([*trail, key])}")
        if key not in done:
            for need in parts[key].needs:
                visit(need, (*trail, key))
            done[key] = parts[key]

    for key in parts:
        visit(key, ())
    return list(done.values())


def _targets(node: ast.stmt) -> list[str]:
    """Return the names that a statement of a module's top level binds."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, (ast.If, ast.Try, ast.With, ast.For, ast.While)):
        inner = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
        return [name for child in inner for name in _targets(child)]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return []
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)]


def _without_clashes(parts: Sequence[_Part]) -> list[_Part]:
    """Return the parts with private names that two of them bind made different; raise for public ones."""
    owner: dict[str, str] = {}
    imported = _imported(parts)
    problems, kept = [], []
    for part in parts:
        twice = []
        for name in sorted(_bound(part)):
            there = owner.get(name) or (f"an import of {imported[name][1]}" if name in imported else None)
            if there and name.startswith("_"):
                twice.append(name)
            elif there:
                problems.append(f"{name} ({there} and {part.key})")
            else:
                owner[name] = part.key
        kept.append(_renamed(part, twice))
    if problems:
        raise KitClash(f"names bound twice in hwkit.py; rename one of each: {', '.join(problems)}")
    return kept


def _bound(part: _Part) -> set[str]:
    return {name for node in part.tree.body if not _is_type_checking(node) for name in _targets(node)} - _DROPPED


def _renamed(part: _Part, names: Sequence[str]) -> _Part:
    """Return a part in which each of the names at its top level carries the module's name in front."""
    if not names:
        return part
    inner = {
        getattr(node, "name", None) or getattr(node, "arg", None)
        for node in ast.walk(part.tree)
        if node not in part.tree.body and isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.arg, ast.keyword))
    }
    text = "\n".join(part.lines)
    for name in names:
        if name in inner:
            raise KitClash(
                f"{name} in {part.key} is bound in another part too, and an argument or method has its name: rename it"
            )
        text = re.sub(rf"(?<![\w.]){name}\b", f"_{part.key.rpartition('.')[2]}{name}", text)
    return _parse(part.key, text)


def _foreign_imports(part: _Part) -> Iterator[tuple[str, str, str]]:
    """Yield (bound name, module, statement) for the imports at a module's top level that are not ours."""
    for node in part.tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.split(".")[0]
                yield bound, "", f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
        elif isinstance(node, ast.ImportFrom) and not _ours(node) and node.module != "__future__":
            for alias in node.names:
                what = alias.name + (f" as {alias.asname}" if alias.asname else "")
                yield alias.asname or alias.name, node.module or "", what


def _imported(parts: Sequence[_Part]) -> dict[str, tuple[tuple[str, str], str]]:
    """Return ((module, what), key of the part) by bound name; the same name from two places is a clash."""
    found: dict[str, tuple[tuple[str, str], str]] = {}
    for part in parts:
        for bound, module, what in _foreign_imports(part):
            before = found.setdefault(bound, ((module, what), part.key))
            if before[0] != (module, what) and module:
                raise KitClash(
                    f"{bound} is imported from two places: {before[0]} in {before[1]}, {(module, what)} in {part.key}"
                )
    return found


def _import_block(parts: Sequence[_Part], body: str) -> str:
    """Return the imports of all parts, each once, without those that only dropped lines used."""
    whole: set[str] = set()
    some: dict[str, set[str]] = {}
    words = set(re.findall(r"\w+", body))
    for part in parts:
        for bound, module, what in _foreign_imports(part):
            if bound in words and module:
                some.setdefault(module, set()).add(what)
            elif bound in words:
                whole.add(what)
    whole -= {"import importlib.util", "import sys"}  # the head has them
    lines = [
        *sorted(whole),
        *(f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(some.items())),
    ]
    return "\n".join(lines) + "\n"


def _section(part: _Part) -> str:
    """Return a module's text without its docstring and without the lines that one file does not need."""
    name = part.key.partition(".")[2]
    drop: set[int] = set()  # 0-based
    instead: dict[int, str] = {}
    docstring = ast.get_docstring(part.tree)
    for index, node in enumerate(part.tree.body):
        is_docstring = index == 0 and docstring is not None
        is_import = isinstance(node, ast.Import | ast.ImportFrom)
        if is_docstring or is_import or _is_type_checking(node) or set(_targets(node)) & _DROPPED:
            drop |= _span(node)
            if aliases := _aliases(node):
                instead[node.lineno - 1] = aliases
    for local in part.inner:
        drop |= _span(local)
        instead[min(_span(local))] = " " * getattr(local, "col_offset", 0) + (_aliases(local) or "pass")
    if part.key == "kit.data":
        return f"{_rule(name)}\n{KIT_HERE}"
    kept = [instead.get(i, None if i in drop else line) for i, line in enumerate(part.lines)]
    text = "\n".join(line for line in kept if line is not None).strip("\n")
    comment = "".join(f"# {line}".rstrip() + "\n" for line in (docstring or "").splitlines())
    return f"{_rule(name)}\n{comment}\n{re.sub(chr(10) + '{4,}', chr(10) * 3, text)}"


def _rule(name: str) -> str:
    return f"# ---- {name} " + "-" * (90 - len(name))


def _span(node: ast.AST) -> set[int]:
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])  # type: ignore[attr-defined]
    return set(range(first - 1, node.end_lineno))  # type: ignore[attr-defined]


def _aliases(node: ast.AST) -> str:
    """Return the assignments that stand for `from autograder.x import a as b`."""
    if not isinstance(node, ast.ImportFrom) or not _ours(node):
        return ""
    return "; ".join(f"{a.asname} = {a.name}" for a in node.names if a.asname and a.asname != a.name)
