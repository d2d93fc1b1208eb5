"""Read a mapping that is typed as text: ``{"nan": null, 9: .}``, whose keys are cells or names and stay as they are."""

from __future__ import annotations

from typing import Any

__all__ = ["read_value"]


def read_value(text: str) -> Any:
    """Return the value of YAML text; keys of mappings are text as it is written, so that 9, 08 and Yes stay cells.

    Raises
    ------
    ValueError
        If the text is no YAML.
    """
    import yaml

    class TextKeys(yaml.SafeLoader):
        """Keep the keys of a mapping as they are written."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            pairs = node.value
            if not all(isinstance(key, yaml.ScalarNode) for key, _ in pairs):
                raise yaml.YAMLError("a key is not text")
            return {str(key.value): self.construct_object(value, deep=True) for key, value in pairs}

    try:
        return yaml.load(text, Loader=TextKeys)  # a SafeLoader
    except yaml.YAMLError as error:
        raise ValueError(f"not readable as YAML: {shown_start(text)}") from error


def shown_start(text: str) -> str:
    """Return the beginning of a text."""
    return text if len(text) <= 40 else f"{text[:37]}..."
