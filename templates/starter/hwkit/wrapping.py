"""Breaks text into lines that fit a width on paper."""

from __future__ import annotations

from collections.abc import Callable, Iterator


def wrapped(text: str, size: float, inches: float, weight: str = "normal") -> list[str]:
    """Break text into lines that are at most `inches` wide when set in `size` points; newlines stay."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    font = FontProperties(family="DejaVu Sans", size=size, weight=weight)
    ruler = TextToPath()
    known: dict[str, float] = {}

    def width(word: str) -> float:
        if word not in known:
            known[word] = float(ruler.get_text_width_height_descent(word, font, ismath=False)[0]) / 72
        return known[word]

    lines = []
    for paragraph in text.strip().splitlines():
        line, used = "", 0.0
        for word in _breakable(paragraph, width, inches):
            extra = width(word) + (width("n n") - width("nn") if line else 0.0)
            if line and used + extra > inches:
                lines.append(line)
                line, used = word, width(word)
            else:
                line, used = (f"{line} {word}" if line else word), used + extra
        lines.append(line)
    return lines


def _breakable(paragraph: str, width: Callable[[str], float], inches: float) -> Iterator[str]:
    """Yield the words of a paragraph; one that is wider than the line (a link, text without spaces) in pieces."""
    for word in paragraph.split():
        rest = word
        while width(rest) > inches and len(rest) > 1:
            keep = max(1, int(len(rest) * inches / width(rest)) - 1)
            yield rest[:keep]
            rest = rest[keep:]
        yield rest
