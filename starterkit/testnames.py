"""What the tests of a homework see and use: one namespace per question, helpers of `tests="*"` in all of them."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from starterkit.code import Code
from starterkit.model import Kind, TestFunction
from starterkit.names import closure, line_of_use, used_names
from starterkit.probes import check_probe
from starterkit.testcells import Draft, hidden_names, read_functions


@dataclass(frozen=True)
class TestNames:
    """The functions of all test cells, by question ("*" for the shared ones), and what they reach."""

    __test__ = False  # not for pytest to collect

    drafts: Mapping[str, list[Draft]]
    codes: Mapping[str, list[Code]]
    graded: Mapping[str, str]
    given_uses: Mapping[str, frozenset[str]]

    @classmethod
    def of(
        cls, codes: Iterable[Code], graded: Mapping[str, str], given_uses: Mapping[str, frozenset[str]], visibility: str
    ) -> TestNames:
        """Read all test cells; `visibility` is that of hidden tests without @visibility."""
        drafts: dict[str, list[Draft]] = {"*": []}
        by_question: dict[str, list[Code]] = {"*": []}
        for code in codes:
            if code.cell.kind is Kind.TESTS:
                drafts.setdefault(str(code.cell.id), []).extend(read_functions(code, visibility))
                by_question.setdefault(str(code.cell.id), []).append(code)
        names = cls(drafts, by_question, graded, given_uses)
        names._check_shared()
        for question in drafts:
            names._check_namespace(question)
            names._check_probes(question)
        return names

    def tests(self, question: str) -> tuple[TestFunction, ...]:
        """Return the tests of one question with their `uses`; a test that reaches none of its names is reported."""
        uses = self._uses(question)
        found = []
        for draft in self.drafts.get(question, []):
            if draft.test is None:
                continue
            reached = closure(used_names(draft.node), uses, stop=frozenset(self.graded))
            used = tuple(name for name in self.graded if name in reached)
            if not any(self.graded[name] == question for name in used):
                mine = [name for name, owner in self.graded.items() if owner == question]
                hint = f"call {' or '.join(mine) or 'its function'}; no answer could change this result"
                message = f"{draft.node.name} uses nothing of question {question}"
                draft.code.add("test-ignores-question", message, draft.node.lineno, hint)
            found.append(dataclasses.replace(draft.test, uses=used))
        return tuple(found)

    def _uses(self, question: str) -> dict[str, frozenset[str]]:
        """What given code, shared helpers and the question's own helpers read, by name."""
        uses = dict(self.given_uses)
        for name in dict.fromkeys(("*", question)):
            for code in self.codes.get(name, []):
                uses.update(code.uses)
        return uses

    def _check_shared(self) -> None:
        for draft in self.drafts["*"]:
            if draft.test is not None:
                hint = 'move it to a cell `# %% tests="2.1a"`; tests="*" holds helpers'
                draft.code.add(
                    "test-of-no-question", f"{draft.node.name} belongs to no question", draft.node.lineno, hint
                )

    def _check_namespace(self, question: str) -> None:
        """One definition per name; nothing public may need what does not ship."""
        seen: dict[str, int] = {}
        if question != "*":
            seen = {draft.node.name: draft.node.lineno for draft in self.drafts["*"]}
        for draft in self.drafts[question]:
            name, line = draft.node.name, draft.node.lineno
            if name in seen:
                kind = "test" if draft.test else "helper"
                hint = f"line {seen[name]} defines it already, and only the last one would run: rename one"
                draft.code.add(f"duplicate-{kind}", f"{name} is defined twice", line, hint)
            seen.setdefault(name, line)
        hidden = set[str]().union(*(hidden_names(code) for key in {"*", question} for code in self.codes[key]))
        for draft in self.drafts[question]:
            for name in sorted(() if draft.hidden else used_names(draft.node) & hidden):
                hint = f"move {name} above `### BEGIN HIDDEN TESTS`, or this test below it"
                message = f"{draft.node.name} ships, but {name} does not"
                draft.code.add("public-uses-hidden", message, line_of_use(draft.node, name), hint)

    def _check_probes(self, question: str) -> None:
        mine = {name for name, owner in self.graded.items() if owner == question}
        imports = set[str]()
        helpers = set[str]()
        for code in (*self.codes["*"], *self.codes.get(question, [])):
            for name, statement in code.bound.items():
                (imports if isinstance(statement, ast.Import | ast.ImportFrom) else helpers).add(name)
        why_not = {name: f"graded in question {owner}" for name, owner in self.graded.items()}
        why_not |= dict.fromkeys(helpers, "a name of the test cells")
        for draft in self.drafts[question]:
            if draft.probe:
                check_probe(draft, mine | imports | set(self.given_uses), why_not)
