"""YAML files read so that nothing in them is silently lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from unrolled.values import SettingsError


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML mapping, in which a key given twice is an error rather than silently the last one.

    Raises:
        SettingsError: missing, not UTF-8, not YAML, a doubled key, or not a mapping.
    """
    try:
        value = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=_StrictLoader)  # noqa: S506 (a SafeLoader)
    except FileNotFoundError:
        raise SettingsError(f"{path} is missing; restore it from the repository.") from None
    except (yaml.YAMLError, TypeError, ValueError) as error:  # a ValueError: not UTF-8, or a date such as 2024-13-45
        where = " ".join(str(error).split())
        raise SettingsError(f"{path} is not readable YAML: {where}; mend that line.") from None
    if not isinstance(value, dict):
        raise SettingsError(f"{path} must be a mapping of sections, but is {type(value).__name__}.")
    return value


class _StrictLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """A SafeLoader, ten times faster where PyYAML was built with libyaml, that refuses a mapping with the same key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping after checking its keys."""
        seen = []  # no set, since a list may stand as a key, of which YAML itself complains below
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue  # <<: *anchor takes over another mapping's keys
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", key_node.start_mark)
            seen.append(key)
        return super().construct_mapping(node, deep)
