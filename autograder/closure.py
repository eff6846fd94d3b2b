"""Which statements of a notebook a set of names needs, and which of several definitions of a name counts."""

from __future__ import annotations

import ast
from functools import cached_property
from typing import TYPE_CHECKING

from autograder.kinds import called_names, is_alias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from autograder.statements import Statement

_CALLABLE_KINDS = ("def", "import")


class Closure:
    """The providers of every name, with the rules of a careful reader:

    - a later definition wins, except that an untouched stub never wins over an attempt;
    - a value that rebinds a function is ignored (`elbo = elbo(model, x)`), an alias or a partial is honoured;
    - names of given cells are never taken from the submission.
    """

    def __init__(
        self,
        statements: Iterable[Statement],
        given: Mapping[str, frozenset[str]],
        stubs: set[Statement],
        graded: set[str],
    ) -> None:
        self.statements = [s for s in statements if not s.given]
        self.given = given
        self.graded = graded
        self.order = {statement: index for index, statement in enumerate(self.statements)}
        self.shadows: list[tuple[Statement, str]] = []
        self.overridden_stubs: list[tuple[Statement, str]] = []
        self.definitions: dict[str, list[Statement]] = {}
        self._providers: dict[str, list[Statement]] = {}
        for statement in self.statements:
            if statement.kind == "def":
                for name in statement.binds - given.keys():
                    self.definitions.setdefault(name, []).append(statement)
        self._index(stubs)

    def providers(self, name: str) -> list[Statement]:
        """The statements that bind `name` (or change its object), in order, without those that are ignored."""
        return self._providers.get(name, [])

    def binding(self, name: str) -> Statement | None:
        """The statement that decides what `name` is: the last one that binds it."""
        return next((s for s in reversed(self.providers(name)) if name in s.binds), None)

    def needed(self, roots: Iterable[str]) -> list[Statement]:
        """The statements that the names `roots` need, in notebook order; definitions that are replaced before anything
        could have used them are left out.
        """
        chosen = self._reach(roots, frozenset())
        dead = self._dead(chosen)
        if dead:
            chosen = self._reach(roots, dead)
        return self._with_last_word(sorted(chosen, key=self.order.__getitem__))

    def _index(self, stubs: set[Statement]) -> None:
        callables = set(self.definitions)
        for statement in self.statements:
            if statement.kind == "import":
                callables |= statement.binds
            for name in statement.binds | statement.changes:
                if name in self.given:
                    continue
                if name in statement.binds and self._ignored(statement, name, stubs, callables):
                    continue
                self._providers.setdefault(name, []).append(statement)

    def _ignored(self, statement: Statement, name: str, stubs: set[Statement], callables: set[str]) -> bool:
        definitions = self.definitions.get(name, [])
        if statement in stubs:
            attempts = [d for d in definitions if d not in stubs]
            if attempts and self.order[attempts[-1]] < self.order[statement]:
                self.overridden_stubs.append((statement, name))
            return bool(attempts)
        if statement.kind in _CALLABLE_KINDS or is_alias(statement.node, name, callables):
            return False
        if definitions:
            if not (name in self.graded or name in self._called):
                return False
            if self.order[definitions[-1]] < self.order[statement]:
                self.shadows.append((statement, name))
            return True
        return name in statement.loop_targets and bool(self._providers.get(name))

    @cached_property
    def _called(self) -> set[str]:
        return {name for s in self.statements if s.kind == "def" for name in called_names(s.node)}

    def _reach(self, roots: Iterable[str], without: frozenset[Statement]) -> set[Statement]:
        chosen = {s for s in self._special if s.kind == "star"}
        seen: set[str] = set()
        todo = list(roots)
        while True:
            while todo:
                name = todo.pop()
                if name in seen:
                    continue
                seen.add(name)
                todo.extend(self.given.get(name, ()))
                for statement in self._submodule_imports.get(name, []) if name in self.given else self.providers(name):
                    if statement not in chosen and statement not in without:
                        chosen.add(statement)
                        todo.extend(statement.uses)
            setups = self._setups(chosen)
            if not setups:
                return chosen
            chosen |= setups
            todo = [name for s in setups for name in s.uses]

    def _setups(self, chosen: set[Statement]) -> set[Statement]:
        """Seeds and default dtypes matter where something is computed while the notebook loads."""
        if not any(s.kind in ("light", "heavy") for s in chosen):
            return set()
        return {s for s in self._special if s.kind == "setup" and s not in chosen}

    @cached_property
    def _special(self) -> list[Statement]:
        return [s for s in self.statements if s.kind in ("star", "setup")]

    @cached_property
    def _submodule_imports(self) -> dict[str, list[Statement]]:
        """`import torch.distributions` rebinds a given `torch` to itself but loads the submodule: worth keeping."""
        found: dict[str, list[Statement]] = {}
        for s in self.statements:
            if (
                s.kind == "import"
                and isinstance(s.node, ast.Import)
                and "." in s.node.names[0].name
                and not s.node.names[0].asname
            ):
                found.setdefault(s.node.names[0].name.partition(".")[0], []).append(s)
        return found

    def _dead(self, chosen: set[Statement]) -> frozenset[Statement]:
        """Definitions replaced by a later one, with nothing between them that runs code or reads the name."""
        dead: set[Statement] = set()
        ordered = sorted(chosen, key=self.order.__getitem__)
        last: dict[str, Statement] = {}
        for statement in ordered:
            if statement.kind not in ("def", "import"):
                last.clear()
                continue
            for name in statement.names.now:
                last.pop(name, None)
            for name in statement.binds:
                if statement.kind == "def":
                    if name in last:
                        dead.add(last[name])
                    last[name] = statement
                else:
                    last.pop(name, None)
        return frozenset(dead)

    def _with_last_word(self, ordered: list[Statement]) -> list[Statement]:
        """Repeat a definition after a statement that is needed for another name but would overwrite it."""
        shadows, present = set(self.shadows), set(ordered)
        repeat: dict[Statement, None] = {}
        for statement in ordered:
            for name in statement.binds:
                if (statement, name) in shadows:
                    repeat.update(dict.fromkeys(s for s in self.providers(name) if s in present))
        return ordered + list(repeat)
