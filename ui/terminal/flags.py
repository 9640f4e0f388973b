"""The flags of the verbs that have no file of their own here, and those of every verb. Opens nothing and decides nothing."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.geometry import FAMILIES
from core.rights import ROLES
from core.settings import LANGUAGES


def everywhere() -> argparse.ArgumentParser:
    """The flags of every verb, as a parent. A flag that was not given is None, so that environment and file can speak."""
    common = argparse.ArgumentParser(add_help=False)
    place = common.add_argument_group(
        "everywhere", "Each can also be set as GEMBALENS_NAME in the environment, or as name in a settings file."
    )
    place.add_argument("--settings", metavar="FILE", help="a TOML file of settings")
    place.add_argument("--data", metavar="FOLDER", help="where record and frames are kept (default ~/.local/share/gembalens)")
    place.add_argument("--profile", metavar="NAME", help="what is looked for: a name in assets/profiles or a .toml file (default bench)")
    place.add_argument(
        "--model",
        metavar="NAME",
        help="of the catalogue (`models list`), one in assets/models, a model folder, or scripted:FILE (default: the one in use, else compact)",
    )
    place.add_argument("--language", choices=LANGUAGES, help="what a first visitor sees (default en)")
    place.add_argument("--threads", metavar="N", help="CPU threads of the model (default 2)")
    place.add_argument("--max-upload-mib", metavar="N", help="largest file that is taken (default 25)")
    place.add_argument("--max-megapixels", metavar="N", help="largest frame that is taken (default 50)")
    place.add_argument("--max-side", metavar="PIXELS", help="longest side that is taken (default 16384)")
    return common


def run(one: argparse.ArgumentParser) -> None:
    """Those of `run`."""
    one.add_argument("--host", help="address to listen at (default 127.0.0.1: this machine only)")
    one.add_argument("--port", metavar="N", help="port to listen at (default 7860)")
    one.add_argument("--no-browser", dest="open_browser", action="store_const", const="no", help="do not open the browser")
    one.add_argument(
        "--login", action="store_const", const="yes", help="ask for a login even while nobody is known; prints a link for the first admin"
    )
    one.add_argument(
        "--behind-tls", action="store_const", const="yes", help="something in front of this server speaks https (see docs/operations.md)"
    )
    one.add_argument(
        "--public-hosts", metavar="NAMES", help="other host names it answers to, with commas, as behind a proxy (default none)"
    )
    one.add_argument("--oidc-issuer", metavar="ADDRESS", help="where people may log in too, by OpenID Connect (see docs/operations.md)")
    one.add_argument("--oidc-client-id", metavar="NAME", help="by which name that place knows this server")
    one.add_argument("--oidc-name", metavar="NAME", help="what the button of the login page calls that place")
    one.add_argument("--site", metavar="NAME", help="where the frames come from that this server takes in (default: not said)")
    one.add_argument(
        "--see-faces", choices=ROLES, help="the least role that is shown faces; for those below they are covered (default inspector)"
    )
    one.add_argument(
        "--keep-days", metavar="N", help="frames that came in longer ago are erased, with all that was said of them (default: kept)"
    )


def export(one: argparse.ArgumentParser) -> None:
    """Those of `export`."""
    one.add_argument("kind", choices=("sft",))
    one.add_argument("out", metavar="OUT", type=Path, help="a new or empty folder; an earlier export there is replaced")
    one.add_argument(
        "--family", choices=tuple(FAMILIES), default="qwen2.5-vl", help="whose convention the boxes follow (default %(default)s)"
    )
    one.add_argument("--dataset", metavar="NAME", help="a frozen set, in its parts; without it all reviewed frames, in one")
    one.add_argument(
        "--formats",
        metavar="NAME,...",
        type=lambda said: said.split(","),
        help="which files (default: all that trainers of this family read)",
    )
    one.add_argument("--no-pictures", action="store_true", help="labels only, in the formats of other tools")
    one.add_argument("--json", action="store_true", help="the report as JSON")


def bring_in(one: argparse.ArgumentParser) -> None:
    """Those of `import`."""
    one.add_argument(
        "source", metavar="FROM", type=Path, help="a folder of records or of a training set of ours, or a COCO file beside its pictures"
    )
    one.add_argument("--json", action="store_true", help="what was done as JSON")


def calibrate(one: argparse.ArgumentParser) -> None:
    """Those of `calibrate`."""
    one.add_argument("--json", action="store_true", help="one JSON object a line")


def doctor(one: argparse.ArgumentParser) -> None:
    """Those of `doctor`."""
    one.add_argument("--port", metavar="N", help="the port to look at (default 7860)")
    one.add_argument("--json", action="store_true", help="one JSON object a line")
