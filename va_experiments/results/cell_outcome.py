"""Hold a recorded cell with what its run knows about it; the columns of its row are computed from this."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # reading results needs no model
    from va_experiments.cell import Cell, Result

__all__ = ["CellOutcome"]

WARNING_CHARACTERS = 500
"""Characters of a row's warnings; the log has them in full."""


@dataclass(frozen=True)
class CellOutcome:
    """A cell, its result, and the run and job that asked for it."""

    cell: Cell
    result: Result
    run_id: str
    job: str
    """Overrides of the job."""
    model: str
    """Name of the model in the job."""
    simulated: bool
    """Whether the data are simulated."""
    computed: bool = True
    """False for a cell that was requested and neither computed nor found."""

    @property
    def status(self) -> str:
        """``done``, ``failed`` or ``missing``."""
        return self.result.status if self.computed else "missing"

    @property
    def model_params(self) -> str:
        """The model's parameters as JSON with sorted keys."""
        return json.dumps(dict(self.cell.model.params), sort_keys=True, default=list)

    @property
    def csmf_options(self) -> str:
        """How the CSMF is estimated, as JSON with sorted keys."""
        return json.dumps(self.cell.setting.csmf_options, sort_keys=True, default=list)

    @property
    def testset(self) -> str:
        """Name of the test-set design."""
        return str(self.cell.setting.testset.get("name", "natural"))

    @property
    def older_versions(self) -> str:
        """Libraries that a reused result was computed with and that differ from those installed; may be empty."""
        from va_experiments.cell.serialization import versions

        then = self.result.facts.get("versions")
        if not self.result.reused or not then:
            return ""
        now = versions()
        return ", ".join(f"{k} {then[k]} (now {now.get(k, 'absent')})" for k in sorted(then) if then[k] != now.get(k))

    @property
    def warning(self) -> str:
        """Warnings of the model and of its libraries, joined by semicolons."""
        warnings = list(self.fact("warnings") or [])
        text = self.result.diagnostics.get("warning")
        if isinstance(text, str) and text:
            warnings.insert(0, text)
        return "; ".join(warnings)[:WARNING_CHARACTERS]

    @property
    def converged(self) -> bool | None:
        """Whether an iterative model says that it converged; None where it says nothing, or no plain yes or no."""
        value = self.result.diagnostics.get("converged")
        return value if isinstance(value, bool) else None

    def fact(self, name: str) -> Any:
        """Return a fact that was recorded with the result, or None."""
        return self.result.facts.get(name)

    def failure(self, name: str) -> str | None:
        """Return an attribute of the failure; None for a cell that did not fail."""
        return None if self.result.failure is None else str(getattr(self.result.failure, name))
