"""What every test starts from: frameworks that stay quiet, dice that are known. Fixtures of one room live with its tests."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings

from core.settings import quiet_frameworks

quiet_frameworks(Path(tempfile.gettempdir()) / "gembalens-tests")

# A shared machine has slow moments; a slow example is no fault.
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.load_profile("ours")
