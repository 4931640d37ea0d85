"""Transfer functions as JSON: how they travel and are saved under a user's own names.

``{"tissues": [{"name", "on", "opacity": [[value, opacity]…], "colour": [[value, red, green, blue]…]}]}``; colours and
opacities run from 0 to 1.
"""

from __future__ import annotations

import json
from typing import Any

from renderpool.scene.transfer_function import ColourPoint, OpacityPoint, Tissue, TransferFunction
from webviewer.core.errors import InvalidInput


def function_to_plain(function: TransferFunction) -> dict[str, Any]:
    """Return what the JSON of a function is made of."""
    return {
        "tissues": [
            {
                "name": tissue.name,
                "on": tissue.on,
                "opacity": [[point.value, point.opacity] for point in tissue.opacity],
                "colour": [[point.value, point.red, point.green, point.blue] for point in tissue.colour],
            }
            for tissue in function.tissues
        ]
    }


def function_to_json(function: TransferFunction) -> str:
    """Return a function as compact JSON."""
    return json.dumps(function_to_plain(function), separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def function_from_plain(plain: Any) -> TransferFunction:
    """Return the function of parsed JSON.

    Raises
    ------
    InvalidInput
        It is something else, or breaks a rule of transfer functions.
    """
    try:
        return TransferFunction(tuple(_tissue(tissue) for tissue in _list(plain["tissues"])))
    except (TypeError, KeyError, ValueError, OverflowError) as exc:
        raise InvalidInput("A transfer function cannot be read: it is no JSON of this program.") from exc


def function_from_json(text: str) -> TransferFunction:
    """Return the function that `function_to_json` wrote; errors as `function_from_plain`."""
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise InvalidInput("A transfer function cannot be read: it is no JSON.") from exc
    return function_from_plain(plain)


def _tissue(plain: Any) -> Tissue:
    if not isinstance(plain["name"], str) or not isinstance(plain["on"], bool):
        raise TypeError
    return Tissue(
        name=plain["name"],
        on=plain["on"],
        opacity=tuple(OpacityPoint(*_numbers(point, 2)) for point in _list(plain["opacity"])),
        colour=tuple(ColourPoint(*_numbers(point, 4)) for point in _list(plain["colour"])),
    )


def _list(plain: Any) -> list[Any]:
    if not isinstance(plain, list):
        raise TypeError
    return plain


def _numbers(plain: Any, count: int) -> list[float]:
    numbers = _list(plain)
    if len(numbers) != count or not all(isinstance(number, int | float) for number in numbers):
        raise TypeError
    return [float(number) for number in numbers]
