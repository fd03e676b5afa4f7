"""Fixtures of the tests of swapping."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def fake() -> Any:
    """The module ``fake.py``: a clip, an analysis and a swapper."""
    spec = importlib.util.spec_from_file_location("recaster_fake_swap", Path(__file__).with_name("fake.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
