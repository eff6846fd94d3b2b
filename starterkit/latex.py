"""Markdown to LaTeX, for the written part: the constructs that course notebooks use, an error for any other."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    # in text mode pdfLaTeX knows the letters of Latin alphabets; the rest is set as maths
    "≈": r"$\approx$", "≤": r"$\le$", "≥": r"$\ge$", "≠": r"$\ne$", "∈": r"$\in$", "×": r"$\times$", "±": r"$\pm$",
    "−": r"$-$", "→": r"$\to$", "⟶": r"$\to$", "←": r"$\gets$", "⇒": r"$\Rightarrow$", "∞": r"$\infty$", "∑": r"$\sum$",
    "∫": r"$\int$", "√": r"$\surd$", "·": r"$\cdot$", "…": r"\dots{}", "≡": r"$\equiv$", "∝": r"$\propto$",
    "∼": r"$\sim$", "∂": r"$\partial$", "∇": r"$\nabla$", "⊙": r"$\odot$", "‖": r"$\|$", "²": r"$^2$", "³": r"$^3$",
    "½": r"$\frac12$", "°": r"$^\circ$", "–": "--", "—": "---", "“": "``", "”": "''", "‘": "`", "’": "'", "\u00a0": "~",
    "▸": r"$\triangleright$", "✓": r"$\checkmark$",
}  # fmt: skip
_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma",
    "τ": "tau", "υ": "upsilon", "φ": "varphi", "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma", "Δ": "Delta",
    "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip
_TABLE = str.maketrans(_ESCAPES | {letter: rf"$\{name}$" for letter, name in _GREEK.items()})
_MATHS = str.maketrans(
    {char: code.strip("$") + " " for char, code in _ESCAPES.items() if code.startswith("$") and ord(char) > 127}
    | {letter: rf"\{name} " for letter, name in _GREEK.items()}
)
_PAIRS = {
    "paragraph_open": "", "paragraph_close": "\n\n",
    "bullet_list_open": "\\begin{itemize}\n", "bullet_list_close": "\\end{itemize}\n\n",
    "ordered_list_open": "\\begin{enumerate}\n", "ordered_list_close": "\\end{enumerate}\n\n",
    "list_item_open": "\\item ", "list_item_close": "",
    "blockquote_open": "\\begin{quote}\n", "blockquote_close": "\\end{quote}\n\n",
    "em_open": r"\emph{", "em_close": "}", "strong_open": r"\textbf{", "strong_close": "}",
    "s_open": "", "s_close": "", "link_close": "}", "softbreak": "\n", "hardbreak": "\\\\\n",
    "thead_open": "", "thead_close": "\\hline\n", "tbody_open": "", "tbody_close": "",
    "table_open": "\\begin{center}\\begin{tabular}{@{}llllllll@{}}\n", "table_close": "\\end{tabular}\\end{center}\n\n",
    "heading_close": "}\n\n", "tr_open": "", "th_close": "", "td_close": "", "hr": "\n\\medskip\\hrule\\medskip\n\n",
}  # fmt: skip
_TEXT = {"text": "%s", "code_inline": r"\texttt{%s}"}
_FORMULAS = {
    "math_inline": "$%s$", "math_inline_double": r"\[%s\]", "math_block": "\\[\n%s\n\\]\n\n",
    "math_block_label": "\\[\n%s\n\\]\n\n", "amsmath": "%s\n\n",
}  # fmt: skip


class Refused(NamedTuple):
    """What could not be carried over: `line` counts from 0 in the markdown."""

    line: int
    message: str


def escape(words: str) -> str:
    """Return plain text as LaTeX text."""
    return words.translate(_TABLE)


def latex(source: str) -> tuple[str, list[Refused]]:
    """Return markdown as LaTeX, with what had to be refused (HTML, images, Unicode that pdfLaTeX cannot set)."""
    refused = list[Refused]()
    rendered = "".join(_render(_parser().parse(source), 0, refused)).strip()
    return rendered, refused


@functools.cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.amsmath import amsmath_plugin
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).use(dollarmath_plugin).use(amsmath_plugin)


def _render(tokens: Iterable[Token], line: int, refused: list[Refused]) -> Iterable[str]:
    """Yield the LaTeX of a run of tokens; `line` is that of the block they stand in."""
    first_cell = True
    for token in tokens:
        line = token.map[0] if token.map else line
        kind = token.type
        if kind == "inline":
            yield from _render(token.children or [], line, refused)
        elif kind in ("th_open", "td_open"):
            yield "" if first_cell else " & "
            first_cell = False
        elif kind == "tr_close":
            first_cell = True
            yield " \\\\\n"
        elif kind in _PAIRS:
            yield _PAIRS[kind]
        else:
            yield _leaf(token, line, refused)


def _leaf(token: Token, line: int, refused: list[Refused]) -> str:
    """Return the LaTeX of a token that is not one of a plain pair."""
    body, kind = token.content, token.type
    if kind == "text" and "$" in body:
        refused.append(Refused(line, "a `$` without its partner: maths stands between two of them"))
    if kind in _TEXT:
        return _TEXT[kind] % _checked(escape(body), line, refused)
    if kind in _FORMULAS:
        return _FORMULAS[kind] % _checked(body.translate(_MATHS), line, refused).strip()
    if kind in ("fence", "code_block"):
        return f"\\begin{{verbatim}}\n{body.rstrip()}\n\\end{{verbatim}}\n\n"
    if kind == "heading_open":
        return r"\subsection*{" if token.tag in ("h1", "h2", "h3") else r"\paragraph{"
    if kind == "link_open":
        address = str(token.attrGet("href") or "").replace("%", r"\%").replace("#", r"\#")
        return rf"\href{{{address}}}{{"
    if kind in ("html_inline", "html_block"):
        if not body.lstrip().startswith("<!--"):
            refused.append(Refused(line, f"HTML cannot become LaTeX: {body.strip().splitlines()[0]}"))
        return ""
    refused.append(Refused(line, f"no LaTeX for the markdown construct `{kind}`"))
    return ""


def _checked(body: str, line: int, refused: list[Refused]) -> str:
    """Return `body`, noting characters beyond Latin that pdfLaTeX would stop at."""
    for char in sorted({char for char in body if ord(char) > 0x24F}):
        refused.append(Refused(line, f"pdfLaTeX cannot set the character {char!r}: write it as maths"))
    return body
