"""Names of cities, for the template grammar."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import airportsdata

from unrolled import results
from unrolled.data.base import DataSet

HELD_OUT = {"taipei"}  # the lecture's own city must never be seen in training


class Cities(DataSet):
    """Cities of one word with an international airport."""

    name = "cities"
    card = {
        "title": "City names", "title_zh": "城市名",
        "origin": "airportsdata: airports with an IATA code whose name says they are international",
        "origin_zh": "airportsdata：有 IATA 代码且名称中带“International”的机场",
        "licence": "MIT", "licence_zh": "MIT",
        "flaws": ["only names of one English word"], "flaws_zh": ["只取单个英文单词的城市名"],
    }

    def freeze(self, source: str, folder: Path) -> dict[str, Any]:
        """Write the sorted names; the same for both sources."""
        airports = airportsdata.load("IATA").values()
        names = sorted({city.lower() for airport in airports if "International" in airport["name"]
                        and (city := airport["city"]).isascii() and city.isalpha() and len(city) > 3} - HELD_OUT)
        results.write_json(folder / "cities.json", names)
        return {"splits": {"all": len(names)}}


def load(folder: Path) -> list[str]:
    """Return the names, sorted."""
    return results.read_json(folder / "cities.json")
