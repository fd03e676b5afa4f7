# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the engine as Blender's properties have them."""

from recaster.settings.choices import Choice, Number

from . import messages


def enum_items(choices: dict[str, Choice]) -> tuple[tuple[str, str, str, int], ...]:
    """Choices of the engine as an enumeration; .blend files keep their numbers"""
    items = (
        (name, messages.american(choice.title), messages.american(choice.text), choice.number)
        for name, choice in choices.items()
    )
    return tuple(sorted(items, key=lambda item: item[3]))


def number_limits(number: Number) -> dict[str, float]:
    """Default and range of a number among the engine's options"""
    return {"default": number.default, "min": number.bounds.low, "max": number.bounds.high}
