"""Renew the table of what mail programs support, from the npm package `caniemail`.

    python docs/refresh_caniemail.py [FOLDER]

FOLDER is the unpacked package; without one, the newest is fetched with `npm pack`. The same package gives the same
file, byte for byte. Run the tests in tests/lint afterwards: they say what the new data asks of the templates.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TABLE = Path(__file__).resolve().parent.parent / "newsletter" / "rendering" / "lint" / "caniemail.json"

DATA_LICENCE = "The data: Copyright (c) 2019 HTeuMeuLeu, MIT License. The package:"

CLIENTS = {
    # name: family and platform in the package
    "Gmail (web)": ("gmail", "desktop-webmail"),
    "Gmail (iOS)": ("gmail", "ios"),
    "Gmail (Android)": ("gmail", "android"),
    "Gmail (mobile web)": ("gmail", "mobile-webmail"),
    "Outlook (Windows)": ("outlook", "windows"),
    "Outlook (macOS)": ("outlook", "macos"),
    "Outlook.com": ("outlook", "outlook-com"),
    "Outlook (iOS)": ("outlook", "ios"),
    "Outlook (Android)": ("outlook", "android"),
    "Apple Mail (macOS)": ("apple-mail", "macos"),
    "Apple Mail (iOS)": ("apple-mail", "ios"),
    "Yahoo! Mail": ("yahoo", "desktop-webmail"),
    "Samsung Email": ("samsung-email", "android"),
    "Thunderbird": ("thunderbird", "macos"),
    "Proton Mail": ("protonmail", "desktop-webmail"),
}


def verdict(versions: Mapping[str, str]) -> str:
    """One letter for the newest version tested: y(es), a(lmost), n(o), u(nknown). The package lists oldest first."""
    newest = next(reversed(versions.values()), "u")
    return newest[0] if newest[:1] in {"y", "a", "n"} else "u"


def table(package: Path) -> dict[str, object]:
    """The compact table: for each feature one letter per client, in the order of `clients`, and when it was tested."""
    described = json.loads((package / "package.json").read_text(encoding="utf-8"))
    known = json.loads((package / "data" / "caniemail.json").read_text(encoding="utf-8"))
    features: list[dict[str, Any]] = sorted(known["data"], key=lambda feature: feature["slug"])
    return {
        "source": "caniemail.com, as packed in the npm package caniemail; made by docs/refresh_caniemail.py",
        "version": described["version"],
        "date": known["last_update_date"][:10],
        "licence": " ".join([DATA_LICENCE, *(package / "LICENSE").read_text(encoding="utf-8").split()]),
        "letters": {"y": "supported", "a": "partly supported", "n": "not supported", "u": "unknown"},
        "clients": list(CLIENTS),
        "features": {
            feature["slug"]: "".join(
                verdict(feature["stats"].get(family, {}).get(platform, {})) for family, platform in CLIENTS.values()
            )
            + f" {feature['last_test_date'][:7]}"
            for feature in features
        },
    }


def fetched(folder: Path) -> Path:
    """The newest package, unpacked into `folder`."""
    # By its tag: asked for the bare name, npm prefers an older one that fits the Node.js at hand. Nothing of it is run.
    packing = ["npm", "pack", "--silent", "--ignore-scripts", "caniemail@latest"]
    subprocess.run(packing, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    [archive] = folder.glob("caniemail-*.tgz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / "package"


def main(arguments: list[str]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        made = table(Path(arguments[0]) if arguments else fetched(Path(scratch)))
    TABLE.write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
