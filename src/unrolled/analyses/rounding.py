"""Numbers as short as a picture of them needs, so that the page stays small."""

from __future__ import annotations

from typing import Any

import numpy as np


def short(values: Any, digits: int = 4) -> Any:
    """Return a number, or (nested) lists of them, with so many significant digits; what is not finite becomes None."""
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if isinstance(values, list | tuple):
        return [short(value, digits) for value in values]
    if isinstance(values, float | np.floating):
        found = float(f"{values:.{digits}g}") if np.isfinite(values) else None
        return int(found) if found is not None and found.is_integer() and abs(found) < 1e6 else found
    return values
