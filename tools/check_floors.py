#!/usr/bin/env python3
"""Checks that no file includes what its floor may not know (ARCHITECTURE.md, "Floors").

usage: check_floors.py ROOT

A file below ROOT/src includes its own folder, the folders of lower floors and include/eddy/; a
file of include/eddy/ includes include/eddy/ and the standard library. Prints one line for each
include that breaks a rule; the exit status is 1 if there is any, 2 for wrong usage.
"""

import pathlib
import re
import sys

FLOORS = {
    "base": 1,
    "formats": 2, "tensor": 2,
    "memory": 3, "cpu": 3, "text": 3,
    "models": 4, "convert": 4,
    "engine": 5,
    "cli": 6, "server": 6,
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
STANDARD = re.compile(r"^[a-z_]+$")


def includes(path):
    """Yields (line number, quote, included name)."""
    text = path.read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match[1], match[2]


def check_public(quote, name):
    """The rule that an include of include/eddy/ breaks, or None."""
    if name.startswith("eddy/") or (quote == "<" and STANDARD.match(name)):
        return None
    return "include/eddy/ includes itself and the standard library only"


def check_floor(folder, quote, name):
    """The rule that an include of src/<folder>/ breaks, or None."""
    target, slash, _ = name.partition("/")
    if quote == "<":
        ours = slash and target in FLOORS
        return "our own headers are included with quotes" if ours else None
    if target in ("eddy", folder):
        return None
    if target not in FLOORS:
        return 'an include with quotes is "<folder>/<file>" of src/, or "eddy/<file>"'
    if FLOORS[target] == FLOORS[folder]:
        return f"{folder}/ and {target}/ are rooms of one floor and do not know each other"
    if FLOORS[target] > FLOORS[folder]:
        return f"{target}/ (floor {FLOORS[target]}) is above {folder}/ (floor {FLOORS[folder]})"
    return None


def check_file(root, path):
    """Yields a message for each include of the file that breaks a rule."""
    where = path.relative_to(root)
    public = where.parts[0] == "include"
    if not public and where.parts[1] not in FLOORS:
        yield f"{where}: src/{where.parts[1]} has no floor; give it one in tools/check_floors.py"
        return
    for number, quote, name in includes(path):
        broken = check_public(quote, name) if public else check_floor(where.parts[1], quote, name)
        if broken:
            yield f"{where}:{number}: includes {name}: {broken}"


def main(arguments):
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    root = pathlib.Path(arguments[0])
    files = [p for top in ("src", "include") for p in sorted((root / top).rglob("*"))
             if p.suffix in (".h", ".cpp", ".inc")]
    if not files:
        print(f"{root}: no sources below src/ and include/", file=sys.stderr)
        return 2
    problems = [message for path in files for message in check_file(root, path)]
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
