# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract tests use the vault stand-in's fixtures, and the published description where it lies beside the checkout."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Lies beside the checkout, or where ASR_SHARED says.
SHARED = Path(os.environ.get("ASR_SHARED") or ROOT.parent / "shared")
SPEC = SHARED / "asr" / "spec" / "2024-04-01" / "service.json"
RECORDINGS = SHARED / "asr" / "recordings"

for directory in (ROOT / "extensions", ROOT / "tests" / "rehearsal" / "azure"):
    if str(directory) not in sys.path:
        sys.path.insert(0, str(directory))

from asr_spec import Spec  # noqa: E402
from vault_fixture import run_vault  # noqa: E402

from rehearsal import tls  # noqa: E402

__all__ = ["run_vault"]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tls.Certificates:
    return tls.make(tmp_path_factory.mktemp("tls"))


def need(path: Path) -> None:
    """Skip with a reason where shared is absent; fail where the contract is demanded."""
    if path.exists():
        return
    reason = f"the published API description is not here: {path} does not exist (it lies beside the checkout)"
    if os.environ.get("ASR_CONTRACT") == "required":
        pytest.fail(f"ASR_CONTRACT=required, but {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def spec() -> Spec:
    need(SPEC)
    return Spec(SPEC)


@pytest.fixture(scope="session")
def recordings() -> Path:
    need(RECORDINGS)
    return RECORDINGS
