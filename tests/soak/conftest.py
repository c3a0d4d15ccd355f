"""Proofs that take long: briefly in every run of the tests, at length with ``--soak SECONDS`` (make soak)."""

from __future__ import annotations

import pytest

from tests.service.conftest import kernels

__all__ = ["kernels", "soak"]


@pytest.fixture
def soak(request: pytest.FixtureRequest) -> float:
    """For how many seconds."""
    return float(request.config.getoption("--soak"))
