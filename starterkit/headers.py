"""Cell headers: `# %% solution="2.1a"`, their short keys, and what is wrong with them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from starterkit.diagnostics import Collector, did_you_mean
from starterkit.model import Kind, Option

QUESTION_ID = r"\d+\.\d+[a-z]?"
_CELL_TYPE = re.compile(r"\s*\[([^\]\s=\"]*)\]")
_PAIR = re.compile(r"""\s*([A-Za-z_][\w-]*)\s*=\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s"']+)(?=\s|$)""")
_CURLY = str.maketrans("“”„‘’", '"""\'\'')


@dataclass(frozen=True)
class Rule:
    """One kind of cell: how its id looks, an example, and the further options it takes (True: must be there)."""

    kind: Kind
    pattern: str
    example: str
    options: dict[str, bool]


RULES: dict[str, Rule] = {
    "problem": Rule(Kind.PROBLEM, r"\d+\.\d+", "2.1", {"minutes": False}),
    "solution": Rule(Kind.SOLUTION, QUESTION_ID, "2.1a", {"names": False, "title": False}),
    "tests": Rule(Kind.TESTS, rf"{QUESTION_ID}|\*", "2.1a", {}),
    "experiment": Rule(Kind.EXPERIMENT, QUESTION_ID, "2.1", {"cpu_minutes": False, "t4_minutes": False}),
    "written": Rule(Kind.WRITTEN, rf"W{QUESTION_ID}", "W2.1", {"points": True, "pages": False}),
    "figure": Rule(Kind.FIGURE, rf"F{QUESTION_ID}", "F2.1", {"points": True}),
    "artefact": Rule(Kind.ARTEFACT, r"[a-z][a-z0-9_]*", "pixelcnn_samples", {"file": True, "max_mb": False}),
}
_NUMBERS = {"points": (float, 0.0), "pages": (int, 0), "minutes": (int, 0), "max_mb": (float, 0.0),
            "cpu_minutes": (float, 0.0), "t4_minutes": (float, 0.0)}  # fmt: skip
_ALL_KEYS = sorted({*RULES, *(option for rule in RULES.values() for option in rule.options)})


@dataclass(frozen=True)
class Header:
    """What a header says."""

    kind: Kind
    id: str | None
    options: dict[str, Option]


def parse_header(text: str, *, path: Path, line: int, collector: Collector) -> Header:
    """Return what the header line `text` says; its mistakes go to `collector` and the best guess is returned."""
    lint = _Lint(path, line, collector)
    if not re.match(r"# %%(\s|$)", text):
        lint.add("bad-header", "a cell header starts with `# %%` in the first column", "write `# %%`, then a space")
    rest = text[text.index("%%") + 2 :].lstrip("%")
    markdown, rest = _cell_type(rest, lint)
    values = _pairs(rest, lint)
    kinds = [key for key in values if key in RULES]
    if len(kinds) > 1:
        pair = " and ".join(f"`{key}=`" for key in kinds)
        lint.add("two-kinds", f"one header says {pair}", "a cell is of one kind: split it, or keep one of the two keys")
    if not kinds:
        for key in values:
            lint.unknown_key(key, list(RULES) if key not in _ALL_KEYS else [], _ALL_KEYS)
        return Header(Kind.PROSE if markdown else Kind.GIVEN, None, {})
    key = kinds[0]
    rule = RULES[key]
    if rule.kind.is_markdown != markdown:
        right = f'# %% [markdown] {key}="…"' if rule.kind.is_markdown else f'# %% {key}="…"'
        here = "markdown" if markdown else "code"
        lint.add("wrong-cell-type", f"a {key} cell cannot be a {here} cell", f"write `{right}`")
    return Header(rule.kind, _id(key, values[key], rule, lint), _options(key, values, rule, lint))


@dataclass(frozen=True)
class _Lint:
    path: Path
    line: int
    collector: Collector

    def add(self, code: str, message: str, hint: str) -> None:
        self.collector.add(code, message, path=self.path, line=self.line, hint=hint)

    def unknown_key(self, key: str, likely: list[str], known: list[str]) -> None:
        if key in _ALL_KEYS:
            hint = f"`{key}=` goes with another kind of cell"
        elif near := did_you_mean(key, [*likely, *known]):
            hint = f"did you mean `{near}=`?"
        else:
            hint = f"known keys: {', '.join(known)}"
        self.add("unknown-key", f"`{key}` is not a key of this cell", hint)


def _cell_type(rest: str, lint: _Lint) -> tuple[bool, str]:
    found = _CELL_TYPE.match(rest)
    if not found and (later := re.search(r"\s\[(markdown|md)\](?=\s|$)", rest)):
        lint.add("bad-header", f"`[{later[1]}]` is out of place", "the cell type comes first: `# %% [markdown] …`")
        return True, rest[: later.start()] + rest[later.end() :]
    if not found:
        return False, rest
    word = found[1].lower()
    if word not in {"markdown", "md"}:
        near = did_you_mean(word, ["markdown"])
        hint = "write `[markdown]`" if near else "cells are code (no brackets) or `[markdown]`"
        lint.add("wrong-cell-type", f"`[{found[1]}]` is not a cell type", hint)
        return near is not None, rest[found.end() :]
    return True, rest[found.end() :]


def _pairs(rest: str, lint: _Lint) -> dict[str, str | Option]:
    """The key=value pairs; strings unquoted, numbers and booleans converted, anything else reported."""
    values: dict[str, str | Option] = {}
    if rest.translate(_CURLY) != rest:
        lint.add("missing-quotes", "typographic quotes in a cell header", 'use the plain sign ": solution="2.1a"')
        rest = rest.translate(_CURLY)
    position = 0
    while rest[position:].strip():
        found = _PAIR.match(rest, position)
        if not found:
            _report_rest(rest[position:].strip(), lint)
            break
        key, raw = found[1], found[2]
        if key in values:
            lint.add("repeated-key", f"`{key}=` stands twice in one header", "keep one of them")
        values[key] = _value(key, raw, lint)
        position = found.end()
    return values


def _report_rest(rest: str, lint: _Lint) -> None:
    first = rest.split(maxsplit=1)[0]
    if rest.count('"') % 2:
        lint.add(
            "missing-quotes", f"a quote is never closed: {rest}", 'write the value between two signs: solution="2.1a"'
        )
    elif "=" in first:
        lint.add("bad-header", f"cannot read `{rest}`", 'write key="text" or key=number, separated by spaces')
    else:
        near = did_you_mean(first, _ALL_KEYS)
        hint = f'did you mean `{near}="…"`?' if near else "titles go into the text of the cell, not into its header"
        lint.add("bad-header", f"`{rest}` is not key=value", hint)


def _value(key: str, raw: str, lint: _Lint) -> Option:
    if raw[0] == '"':
        try:
            return str(json.loads(raw))
        except json.JSONDecodeError:
            return raw[1:-1]
    if raw[0] == "'":
        return raw[1:-1]
    if raw in {"true", "false", "True", "False"}:
        return raw.lower() == "true"
    if re.fullmatch(r"[+-]?\d+", raw) and key not in RULES:
        return int(raw)
    if re.fullmatch(r"[+-]?\d*\.?\d+", raw) and key not in RULES:
        return float(raw)
    lint.add("missing-quotes", f"the value of `{key}` needs quotes", f'write {key}="{raw}"')
    return raw


def _id(key: str, value: Option, rule: Rule, lint: _Lint) -> str:
    text = str(value)
    if not re.fullmatch(rule.pattern, text):
        guess = _repaired(text, rule)
        hint = f'did you mean {key}="{guess}"?' if guess else f'write it as {key}="{rule.example}"'
        lint.add("bad-id", f'"{text}" is not the number of a {key} cell', hint)
    return text


def _repaired(text: str, rule: Rule) -> str | None:
    """The id that was probably meant: "Q2.1A" for a solution is 2.1a, "2.1" for a figure is F2.1."""
    number = re.search(r"\d+[._]\d+[a-zA-Z]?", text)
    if not number:
        return None
    bare = number[0].replace("_", ".").lower()
    for guess in (f"{rule.example[0]}{bare}", bare, bare.rstrip("abcdefghijklmnopqrstuvwxyz")):
        if re.fullmatch(rule.pattern, guess) and (guess == bare or rule.example[0].isupper() or guess in bare):
            return guess
    return None


def _options(key: str, values: dict[str, str | Option], rule: Rule, lint: _Lint) -> dict[str, Option]:
    options: dict[str, Option] = {}
    for option, value in values.items():
        if option in RULES:
            continue
        if option not in rule.options:
            lint.unknown_key(option, [name for name in rule.options if name not in values], [key, *rule.options])
        elif option in _NUMBERS:
            options.update(_number(option, value, lint))
        elif not isinstance(value, str) or not value.strip():
            lint.add("bad-value", f"`{option}` needs a text", f'write {option}="…"')
        else:
            options[option] = value
    for option, needed in rule.options.items():
        if needed and option not in values:
            example = "4" if option in _NUMBERS else '"*.npz"'
            lint.add("missing-key", f"a {key} cell needs `{option}=`", f"add {option}={example} to the header")
    return options


def _number(option: str, value: Option, lint: _Lint) -> dict[str, Option]:
    kind, least = _NUMBERS[option]
    whole = kind is int
    fine = isinstance(value, int) if whole else isinstance(value, (int, float))
    if isinstance(value, bool) or not fine or not float(value) > least:
        noun = "a whole number" if whole else "a number"
        bare = re.sub(r"[^\d.]", "", str(value)) or "4"
        hint = f"write {option}={bare}, without quotes" if isinstance(value, str) else f"write {option}=4"
        lint.add("bad-value", f"`{option}` must be {noun} above {least:g}, not {value!r}", hint)
        return {}
    return {option: value}
