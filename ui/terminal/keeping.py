"""`launch.py backup`, `restore` and `check`: their flags, and what they print. What is done is done in `annotations`.

launch.py backup [TO]                 beside a running server or without one; TO is a folder of backups (default: backups, in the data folder)
launch.py restore FROM --data EMPTY   bring one back into an empty folder
launch.py check                       is everything still what was written; exit code 1 when not
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.rights import LOCAL
from core.settings import Settings
from ui.texts import Texts

FOLDER = "backups"
"""In the data folder: where backups go when nobody names another place."""

KEEP = 7
"""So many newest backups stay, however old they are."""

Verb = Callable[[argparse.Namespace, Settings], int]


def arguments(verbs: Any, common: argparse.ArgumentParser, beside: Sequence[str]) -> None:
    """Adds the three verbs to those of `launch.py`. `beside`: what of the data folder matters beside record and frames."""

    def verb(name: str, does: Verb, text: str) -> argparse.ArgumentParser:
        one: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.", parents=[common])
        one.add_argument("--json", action="store_true", help="as JSON")
        one.set_defaults(verb=does)
        return one

    one = verb("backup", lambda asked, settings: backup(asked, settings, beside), "back record and frames up, while people work")
    one.add_argument("to", metavar="TO", type=Path, nargs="?", help=f"folder of backups (default {FOLDER}, in the data folder)")
    one.add_argument("--copy", action="store_true", help="copy frames even where a link would do: needs their room once more")
    one.add_argument(
        "--keep-days", metavar="DAYS", type=_whole, default=90, help="after which `--prune` may remove it (default %(default)s)"
    )
    one.add_argument("--prune", action="store_true", help=f"then remove backups whose days are over, but never the newest {KEEP}")
    one = verb("restore", restore, "bring a backup back into an empty data folder, after all of it was checked")
    one.add_argument("source", metavar="FROM", type=Path, help="a folder that `backup` made")
    one.add_argument("--copy", action="store_true", help="copy frames even where a link would do")
    verb("check", check, "tell whether record and frames are still what was written; what is damaged is named and set apart")


def backup(asked: argparse.Namespace, settings: Settings, beside: Sequence[str]) -> int:
    """0; 1 when frames are missing or damaged in the data folder itself and so could not be backed up."""
    from annotations.keeping import manifest
    from annotations.keeping.backup import back_up

    to = asked.to or settings.data / FOLDER
    made = back_up(settings.data, to, beside=beside, keep_days=asked.keep_days, link=not asked.copy)
    gone = manifest.prune(to, now=datetime.now(UTC), keep=KEEP) if asked.prune else []
    if asked.json:
        told: dict[str, object] = {
            "folder": str(made.folder),
            "stated": made.stated.isoformat(),
            "expires": made.expires and made.expires.isoformat(),
        }
        told |= {"schema": made.schema, "audit": made.audit, "counts": made.counts, "left_out": made.left_out}
        print(json.dumps({**told, "pruned": [str(each) for each in gone]}, ensure_ascii=False))
        return 1 if made.left_out else 0
    say = Texts(settings.language)
    frames, size = made.counts["frame_files"], made.counts["frame_bytes"]
    print(say("backup.made", folder=made.folder, frames=frames, mib=f"{size / 2**20:.1f}", stated=_shown(made.stated), seq=made.audit[0]))
    if made.folder.stat().st_dev == settings.data.stat().st_dev:
        print(say("backup.same_disk"))
    for each in gone:
        print(say("backup.pruned", folder=each))
    for frame_id, why in made.left_out.items():
        print(say(f"backup.{why}", frame=frame_id[:12]))
    return 1 if made.left_out else 0


def restore(asked: argparse.Namespace, settings: Settings) -> int:
    """Refuses a folder that holds something; 1 when frames were missing in the backup already."""
    from annotations.keeping.restoring import restore as bring_back

    back = bring_back(asked.source, settings.data, by=LOCAL, now=datetime.now(UTC), link=not asked.copy)
    left_out = back.backup.left_out
    if asked.json:
        told = {"data": str(settings.data), "frames": back.frames, "schema": back.schema, "stated": back.backup.stated.isoformat()}
        print(json.dumps({**told, "left_out": left_out}, ensure_ascii=False))
        return 1 if left_out else 0
    say = Texts(settings.language)
    print(say("restore.done", data=settings.data, frames=back.frames, stated=_shown(back.backup.stated)))
    for frame_id, why in left_out.items():
        print(say(f"backup.{why}", frame=frame_id[:12]))
    return 1 if left_out else 0


def check(asked: argparse.Namespace, settings: Settings) -> int:
    """1 when something is not what was written."""
    from annotations.keeping.scrubbing import check as look_through

    found = look_through(settings.data)
    if asked.json:
        told = {"sound": not found.faults, "faults": found.faults, "frames": found.frames, "bytes": found.bytes, "seconds": found.seconds}
        print(json.dumps(told, ensure_ascii=False))
        return 1 if found.faults else 0
    say = Texts(settings.language)
    speed = found.bytes / 2**20 / found.seconds if found.seconds else 0.0
    print(say("check.read", frames=found.frames, mib=f"{found.bytes / 2**20:.1f}", speed=f"{speed:.0f}"))
    print(say("check.sound") if not found.faults else say("check.faults", n=len(found.faults)))
    for fault in found.faults:
        print(f"  {fault}")
    return 1 if found.faults else 0


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _whole(said: str) -> int:
    if not (said.isascii() and said.isdecimal() and int(said) >= 1):
        raise argparse.ArgumentTypeError(f"{said!r} is not a whole number of days")
    return int(said)
