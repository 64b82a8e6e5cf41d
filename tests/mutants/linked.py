"""Judges a mutant of src/engine: its object is linked in front of the release's archives, so that
engine_test has it in place of the sound one. Needs build/release with engine_test.
"""

import json
import pathlib
import shlex
import subprocess

from edits import edited

ROOT = pathlib.Path(__file__).resolve().parents[2]
RELEASE = ROOT / "build" / "release"
ENGINE = ROOT / "src" / "engine"
PROGRAM = "tests/engine_test"


def compile_command(file):
    for entry in json.loads((RELEASE / "compile_commands.json").read_text()):
        if entry["file"] == str(ENGINE / file):
            return shlex.split(entry["command"]), entry["directory"]
    raise SystemExit(f"{file}: not in {RELEASE}/compile_commands.json")


def link_command():
    done = subprocess.run(["ninja", "-C", str(RELEASE), "-t", "commands", "-s", PROGRAM],
                          capture_output=True, text=True, check=True)
    return done.stdout.strip().splitlines()[-1]


def program_with(name, edits, folder):
    """engine_test with the edits, in folder; its path. Without edits the release's."""
    if not edits:
        return RELEASE / PROGRAM
    folder.mkdir(parents=True, exist_ok=True)
    files = {file for file, _, _ in edits}
    if len(files) != 1:
        raise SystemExit(f"{name}: edits {len(files)} files, expected 1")
    file = files.pop()
    source, out, program = folder / file, folder / "mutant.o", folder / "engine_test"
    source.write_text(edited(name, file, (ENGINE / file).read_text(), edits))
    command, directory = compile_command(file)
    command[command.index("-o") + 1] = str(out)
    command[command.index("-c") + 1] = str(source)
    done = subprocess.run([*command, "-w"], cwd=directory, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name}: does not compile:\n{done.stderr}")
    linked = link_command().replace(f"-o {PROGRAM} ", f"-o {program} {out} ")
    done = subprocess.run(linked, shell=True, cwd=RELEASE, capture_output=True, text=True)
    if done.returncode or not program.exists():
        raise SystemExit(f"{name}: does not link:\n{done.stderr}")
    return program
