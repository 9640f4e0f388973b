"""The lock, the licences and the bill of materials: each held to what is installed, and each seen to be red when it should be."""

from __future__ import annotations

import json
import subprocess
import sys
from email.message import Message
from importlib.metadata import version
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from supply import floors, licences, sbom
from supply.lock import BUILDS, cpu_build, split
from supply.pins import CPU_LOCK, CUDA_LOCK, LOCK, WANTED, Pin, Unlocked, read, read_file, read_files, written
from tests.serving import ROOT

LOCKS = {"CPU": (LOCK, CPU_LOCK), "GPU": (LOCK, CUDA_LOCK)}
HASH = "0123456789abcdef" * 4


@pytest.mark.parametrize("locks", LOCKS.values(), ids=LOCKS)
def test_what_is_wanted_is_locked_at_the_same_version(locks: tuple[Path, ...]) -> None:
    locked = {pin.name: pin.version for pin in read_files(*locks)}
    wanted = read_file(WANTED, hashed=False)
    assert len(wanted) > 20
    assert {pin.name: pin.version for pin in wanted if locked.get(pin.name) != pin.version} == {}, "run `make lock`"


def test_what_is_locked_is_what_runs_here() -> None:
    """Every part that this Python on this machine needs is installed at its locked version; the others are for other machines."""
    build = CPU_LOCK if "+cpu" in version("torch") or sys.platform == "darwin" else CUDA_LOCK
    needed = [pin for pin in read_files(LOCK, build) if pin.is_needed_here() and pin.name != "pip"]  # pip installs; it is as old as Python
    print(f"{len(needed)} distributions are needed here")
    assert len(needed) > 90
    assert {pin.name: found for pin in needed if (found := (floors.installed(pin.name) or "none").split("+")[0]) != pin.version} == {}


@pytest.mark.parametrize("path", [LOCK, CPU_LOCK, CUDA_LOCK], ids=lambda path: path.name)
def test_a_lock_names_hashes_and_no_index(path: Path) -> None:
    text = path.read_text("utf-8")
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text
    pins = read_file(path)
    assert sum(len(pin.hashes) for pin in pins) == text.count("--hash=sha256:")
    assert {pin.name for pin in pins if len(set(pin.hashes)) != len(pin.hashes)} == set()
    assert written(pins, "x") == written(reversed(pins), "x")
    assert read(written(pins, "x"), "x") == pins


def test_only_the_lock_for_gpus_brings_their_libraries() -> None:
    bringing = {
        path.name: [pin.name for pin in read_file(path) if pin.name.startswith(("nvidia", "cuda"))] for path in (LOCK, CPU_LOCK, CUDA_LOCK)
    }
    assert bringing.pop(CUDA_LOCK.name)
    assert list(bringing.values()) == [[], []]


def test_the_build_for_cpus_is_another_file_of_the_same_version() -> None:
    (cpu,) = read_file(CPU_LOCK)
    gpu = next(pin for pin in read_file(CUDA_LOCK) if pin.name == "torch")
    names = {line.split('"')[1]: line.split('"')[3] for line in BUILDS.read_text("utf-8").splitlines() if line.startswith('"torch')}
    assert cpu.version == gpu.version
    assert set(cpu.hashes) == set(names.values())
    for name, digest in names.items():  # the Mac has one build for both; the index's hashes bear out what is written down
        assert (digest in gpu.hashes) == ("macosx" in name), name
    with pytest.raises(Unlocked, match="Write those in first"):
        cpu_build(Pin("torch", "2.99.0", (HASH,)))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("pillow==12.3.0", "no SHA-256"),
        (f"pillow==12.3.0 --hash=md5:{HASH[:32]}", "no SHA-256"),
        (f"pillow==12.3.0 --hash=sha256:{HASH} --hash=sha256:{HASH[:63]}", "no SHA-256"),
        (f"pillow>=12.3.0 --hash=sha256:{HASH}", "not one exact version"),
        (f"pillow==12.* --hash=sha256:{HASH}", "Invalid version"),
        (f"pillow --hash=sha256:{HASH}", "not one exact version"),
        ("--index-url https://index.example/simple", "not one exact version"),
        (f"pillow @ https://index.example/pillow.whl --hash=sha256:{HASH}", "not one exact version"),
        ("-e .", "not one exact version"),
        (f"a==1 --hash=sha256:{HASH}\nA==2 --hash=sha256:{HASH}", "twice"),
        (f"a==1 ; nonsense --hash=sha256:{HASH}", "line 1"),
    ],
    ids=["bare", "md5", "a short hash", "a range", "a star", "no version", "an index", "an address", "a folder", "twice", "a bad marker"],
)
def test_a_loose_line_is_red(line: str, why: str) -> None:
    with pytest.raises(Unlocked, match=why):
        read(f"# a lock\n{line}\n".replace("# a lock\n", ""), "x.lock")


def test_what_only_gpus_want_is_split_off() -> None:
    torch = next(pin for pin in read_file(CUDA_LOCK) if pin.name == "torch")
    files = split((torch, Pin("pillow", "12.3.0", (HASH,)), Pin("nvidia-cublas", "13.0", (HASH,)), Pin("triton", "3.7", (HASH,))))
    found = {path: [pin.name for pin in read(text, path.name)] for path, text in files.items()}
    assert found == {LOCK: ["pillow"], CPU_LOCK: ["torch"], CUDA_LOCK: ["nvidia-cublas", "torch", "triton"]}


@pytest.mark.slow
def test_a_clean_environment_installs_by_hash_what_is_locked_and_nothing_else(tmp_path: Path) -> None:
    """Needs the package index, and is red without it: then nothing was shown."""
    cpu = "+cpu" in version("torch") or sys.platform == "darwin"
    subprocess.run([sys.executable, "-m", "venv", tmp_path], check=True)
    pip = [str(tmp_path / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    locks = ["-r", str(LOCK), "-r", str(CPU_LOCK if cpu else CUDA_LOCK)]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--require-hashes", *locks], check=True, timeout=3000)
    subprocess.run([*pip, "check"], check=True)
    listed = json.loads(subprocess.run([*pip, "list", "--format", "json"], check=True, capture_output=True, text=True).stdout)
    found = {entry["name"].lower().replace("_", "-"): entry["version"].split("+")[0] for entry in listed}
    needed = {pin.name: pin.version for pin in read_files(LOCK, CPU_LOCK if cpu else CUDA_LOCK) if pin.is_needed_here()}
    assert found == needed


def test_every_licence_is_one_that_is_allowed() -> None:
    rules = licences.rules()
    found = licences.installed([pin.name for pin in read_files(LOCK, CPU_LOCK)], rules)
    print(f"{len(found)} licences read")
    assert len(found) > 90
    assert list(licences.faults(found, rules)) == []


def said(*lines: tuple[str, str]) -> Message:
    """What a distribution says of itself."""
    made = Message()
    for name, value in lines:
        made[name] = value
    return made


@pytest.mark.parametrize(
    ("metadata", "allowed"),
    [
        (said(("License-Expression", "MIT")), True),
        (said(("License-Expression", "Apache-2.0 WITH LLVM-exception AND MIT")), True),
        (said(("License-Expression", "GPL-3.0-only OR MIT")), True),
        (said(("Classifier", "License :: OSI Approved :: MIT License")), True),
        (said(("License", "Apache License 2.0")), True),
        (said(("License-Expression", "GPL-3.0-only")), False),
        (said(("License-Expression", "AGPL-3.0-or-later AND MIT")), False),
        (said(("License-Expression", "MIT AND (GPL-2.0-only OR SSPL-1.0)")), False),
        (said(("Classifier", "License :: OSI Approved :: GNU General Public License v3 (GPLv3)")), False),
        (said(("Classifier", "License :: OSI Approved :: MIT License"), ("Classifier", "License :: Other/Proprietary License")), False),
        (said(("License", "ask us")), False),
        (said(), False),
        (said(("License-Expression", "(MIT")), False),
        (said(("License-Expression", "MIT MIT")), False),
        (said(("License-Expression", "")), False),
    ],
    ids=[
        "one", "several", "a choice", "a classifier", "words", "GPL", "AGPL and another", "no choice that is allowed", "a GPL classifier",
        "proprietary too", "free words", "nothing", "a bracket that stays open", "two in a row", "empty",
    ],
)  # fmt: skip
def test_a_licence_is_judged_by_what_it_says(metadata: Message, allowed: bool) -> None:
    rules = licences.rules()
    faults = list(licences.faults({"part": licences.of(metadata, rules)}, rules))
    assert bool(faults) != allowed, faults


@pytest.mark.parametrize("build", ["CPU", pytest.param("GPU", marks=pytest.mark.slow)])
def test_the_bill_of_materials_is_the_lock(build: str, tmp_path: Path) -> None:
    locks, place = LOCKS[build], tmp_path / "dist" / "x.json"
    assert sbom.main(["--out", str(place), *(["--cuda"] if build == "GPU" else [])]) == 0
    bill = json.loads(place.read_text("utf-8"))
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill))
    assert fault is None, fault
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    locked = {(pin.name, pin.version) for pin in read_files(*locks)}
    assert {(component["name"], component["version"]) for component in bill["components"]} == locked
    assert len(bill["components"]) == len(locked)
    hashed = {c["name"]: {h["content"] for ref in c["externalReferences"] for h in ref.get("hashes", ())} for c in bill["components"]}
    assert hashed == {pin.name: set(pin.hashes) for pin in read_files(*locks)}
    assert sum("licenses" in component for component in bill["components"]) > 90
    assert bill["metadata"]["component"]["version"] == sbom.version()


def test_the_makefile_runs_them_and_git_ignores_what_they_write() -> None:
    assert "/dist/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
    targets = (ROOT / "Makefile").read_text("utf-8")
    assert all(f"-m supply.{target}" in targets and f"\n{target}:" in targets for target in ("lock", "audit", "sbom"))
