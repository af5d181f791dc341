"""Write cpu.txt, cuda.txt and test.txt from pyproject.toml; needs `uv` on the path. Run by `make lock`.

The three files come from one resolution, so that they never disagree. `cpu.txt` leaves out the CUDA packages and, for
torch, admits only builds without CUDA: the CPU build for Linux, and the macOS and Windows wheels of the registry.
"""

import subprocess
import tempfile
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
# torch-2.13.0+cpu for CPython 3.11, Linux x86-64: the build that the project is tested with.
TORCH_CPU_HASHES = {"sha256:6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"}
ALWAYS = "python_full_version >= '3.11'"  # pyproject asks for it anyway
COOL_DOWN = timedelta(days=7)  # stolen releases are usually found and withdrawn within days
CUDA_PREFIXES = ("nvidia-", "cuda-", "triton")

Package = dict[str, Any]


def resolve(*extras: str) -> list[Package]:
    """Resolve the project with `extras` for every platform; returns the packages of the lock, by name."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "pylock.toml"
        flags = [word for extra in extras for word in ("--extra", extra)]
        command = ["uv", "pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.11", "-q"]
        command += ["--exclude-newer", (datetime.now(UTC) - COOL_DOWN).date().isoformat()]
        subprocess.run([*command, "--format", "pylock.toml", *flags, "-o", str(out)], cwd=HERE.parent, check=True)
        return list(tomllib.loads(out.read_text())["packages"])


def hashes(package: Package) -> set[str]:
    """Collect the sha256 of every file of a package."""
    files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
    return {f"sha256:{file['hashes']['sha256']}" for file in files}


def cpu_torch_hashes(package: Package) -> set[str]:
    """Keep the builds of torch that carry no CUDA."""
    plain = [w for w in package["wheels"] if "linux" not in w["url"].rsplit("/", 1)[-1]]
    return TORCH_CPU_HASHES | {f"sha256:{w['hashes']['sha256']}" for w in plain}


def entry(package: Package, digests: set[str]) -> str:
    """Write one pinned and hashed requirement."""
    marker = package.get("marker", "").replace(ALWAYS, "").removeprefix(" and ")
    marker = f" ; {marker}" if marker else ""
    return " \\\n".join(
        [f"{package['name']}=={package['version']}{marker}", *(f"    --hash={d}" for d in sorted(digests))]
    )


def main() -> None:
    """Resolve once with everything, once with what `make solve` needs, and write the three files."""
    core = {(p["name"], p["version"]) for p in resolve("sample", "app", "build")}
    full = resolve("sample", "app", "build", "test", "docs", "bench")
    cuda = [p for p in full if (p["name"], p["version"]) in core]
    cpu = [p for p in cuda if not p["name"].startswith(CUDA_PREFIXES)]
    test = [p for p in full if (p["name"], p["version"]) not in core]
    texts = {
        "cuda.txt": [entry(p, hashes(p)) for p in cuda],
        "cpu.txt": [entry(p, cpu_torch_hashes(p) if p["name"] == "torch" else hashes(p)) for p in cpu],
        "test.txt": [entry(p, hashes(p)) for p in test],
    }
    for name, entries in texts.items():
        (HERE / name).write_text("\n".join(["# Made by `make lock`; do not edit.", *entries]) + "\n")


if __name__ == "__main__":
    main()
