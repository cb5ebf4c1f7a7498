"""A check and what came of it. One that cannot be tried because of another is said to be unknown, not red."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from include.errors import Signal
from include.sync.problems import problem_of


@dataclass(frozen=True, kw_only=True)
class Line:
    """What was looked at, whether it is good, what was found, and the step to take. `good`: None is not known."""

    line: str
    good: bool | None
    said: str
    step: str = ""

    @property
    def word(self) -> str:
        """Good, red or unknown."""
        return {True: "good", False: "RED", None: "unknown"}[self.good]

    def __str__(self) -> str:
        return f"{self.word:8}{self.line}: {self.said}{f' {self.step}' if self.step else ''}"


class Red(Signal):
    """A check found something that a person has to mend, by this step."""

    def __init__(self, said: str, step: str) -> None:
        super().__init__(said)
        self.step = step


class Unknown(Signal):
    """A check could not find out."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing to look at. `ask` answers what was found, or raises; it is asked once those that it comes `after` are good."""

    line: str
    ask: Callable[[], str]
    after: tuple[str, ...] = ()


def run(checks: Iterable[Check]) -> list[Line]:
    """Look at each in turn."""
    lines: dict[str, Line] = {}
    for check in checks:
        lines[check.line] = _outcome(check, [name for name in check.after if not lines[name].good])
    return list(lines.values())


def _outcome(check: Check, in_the_way: list[str]) -> Line:
    if in_the_way:
        return Line(line=check.line, good=None, said=f"Not known as long as this is not good: {in_the_way[0]}.")
    try:
        return Line(line=check.line, good=True, said=check.ask())
    except Unknown as unknown:
        return Line(line=check.line, good=None, said=str(unknown))
    except Red as red:
        return Line(line=check.line, good=False, said=str(red), step=red.step)
    except Exception as error:  # noqa: BLE001 - whatever is wrong is a line, and the others are looked at all the same
        problem = problem_of(error)
        return Line(line=check.line, good=False, said=problem.what, step=problem.advice)
