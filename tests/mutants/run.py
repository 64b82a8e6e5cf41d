#!/usr/bin/env python3
"""Applies each mutant to a copy of src/memory (or src/engine), builds the memory's tests (or the
engine's) with it and demands that one of them fails (or crashes, or does not end). Prints a table;
exit code 1 if a mutant survives.

    tests/mutants/run.py [--jobs N] [NAME ...]

Needs what the build needs (tools/packages.txt), and build/release for the engine's; works in
build/mutants. Half an hour.
"""

import argparse
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True  # before the import of mutants

from edits import edited
from engine_mutants import ENGINE_MUTANTS
from linked import program_with
from mutants import MUTANTS

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "mutants"
MEMORY = ROOT / "src" / "memory"
CXX = os.environ.get("CXX", "g++")
CCACHE = [shutil.which("ccache")] if shutil.which("ccache") else []
FLAGS = ["-std=c++20", "-O1", "-DNDEBUG", "-w",  # no asserts: the tests alone must notice
         f'-DEDDY_SOURCE_DIR="{ROOT}"']
LIBS = ["-lgtest_main", "-lgtest", "-lfmt", "-lsqlite3", "-lsodium", "-lzstd",
        "-lpthread"]
TIMEOUT_S = 40  # of a test program that takes a few seconds
PROGRAMS = {
    "memory_test": sorted((ROOT / "tests/memory").glob("*.cpp")),
    "property_test": [ROOT / "tests/property" / name
                      for name in ("memory_property_test.cpp", "memory_runs.cpp",
                                   "memory_world.cpp", "prefix_tree_property_test.cpp",
                                   "prefix_world.cpp")],
}
SUPPORT = [*sorted((ROOT / "tests/memory/support").glob("*.cpp")),
           ROOT / "tests/base/support/faulty_file_system.cpp"]
OTHERS = [p for folder in ("base", "tensor") for p in sorted((ROOT / "src" / folder).glob("*.cpp"))]


def compile_one(source, out, overlay):
    includes = [overlay.parent, ROOT / "src", ROOT / "include", ROOT / "tests",
                ROOT / "tests/memory", ROOT / "tests/property"]
    command = CCACHE + [CXX, *FLAGS, *(f"-I{path}" for path in includes), "-c", str(source),
                        "-o", str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stderr if done.returncode else None


def compile_all(sources, folder, overlay, pool):
    folder.mkdir(parents=True, exist_ok=True)
    outs = [folder / (source.stem + ".o") for source in sources]
    errors = list(pool.map(lambda pair: compile_one(*pair, overlay), zip(sources, outs)))
    error = next((e for e in errors if e), None)
    return outs, error


def link(objects, program):
    done = subprocess.run([CXX, *map(str, objects), "-o", str(program), *LIBS],
                          capture_output=True, text=True)
    return done.stderr if done.returncode else None


def run_tests(program):
    """None if all tests pass, else what happened."""
    command = [str(program), "--gtest_brief=1", "--gtest_fail_fast"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S,
                              errors="replace", cwd=WORK)
    except subprocess.TimeoutExpired:
        return "does not end"
    if done.returncode == 0:
        return None
    failed = [line.split()[3].rstrip(",") for line in done.stdout.splitlines()
              if line.startswith("[  FAILED  ]") and "." in line]
    return failed[0] if failed else f"exit code {done.returncode}"


def mutate(name, edits):
    """A copy of src/memory with the edits; the files that differ."""
    overlay = WORK / name / "memory"
    shutil.rmtree(overlay.parent, ignore_errors=True)
    shutil.copytree(MEMORY, overlay)
    for file in {file for file, _, _ in edits}:
        path = overlay / file
        path.write_text(edited(name, file, path.read_text(), edits))
    return overlay, {file for file, _, _ in edits}


class Build:
    """Objects of the sound sources, made once; a mutant compiles what its edits reach."""

    def __init__(self, pool):
        self.pool = pool
        base = WORK / "base"
        self.memory = self._compile(sorted(MEMORY.glob("*.cpp")), base / "memory")
        self.others = self._compile(OTHERS, base / "others")
        self.support = self._compile(SUPPORT, base / "support")
        self.tests = {program: self._compile(sources, base / program)
                      for program, sources in PROGRAMS.items()}

    def _compile(self, sources, folder):
        outs, error = compile_all(sources, folder, MEMORY, self.pool)
        if error:
            sys.exit(f"the sound sources do not compile:\n{error}")
        return outs

    def judge(self, name, edits):
        """How the first test program that notices says so; None if none does."""
        overlay, changed = mutate(name, edits)
        folder = WORK / name
        memory, tests = self.memory, self.tests
        if any(file.endswith(".h") for file in changed):
            memory, error = compile_all(sorted(overlay.glob("*.cpp")), folder, overlay, self.pool)
            tests = {}
            for program, sources in PROGRAMS.items():
                tests[program], failed = compile_all(sources, folder / f"{program}.o", overlay,
                                                     self.pool)
                error = error or failed
        else:
            new, error = compile_all([overlay / file for file in changed], folder, overlay,
                                     self.pool)
            replaced = {out.name: out for out in new}
            memory = [replaced.get(out.name, out) for out in self.memory]
        if error:
            sys.exit(f"{name}: does not compile:\n{error}")
        for program in PROGRAMS:
            objects = [*tests[program], *memory, *self.support, *self.others]
            error = link(objects, folder / program)
            if error:
                sys.exit(f"{name}: does not link:\n{error}")
            verdict = run_tests(folder / program)
            if verdict:
                return verdict
        return None


def judge_engine(name, edits):
    """As Build.judge."""
    return run_tests(program_with(name, edits, WORK / name))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="mutants to run; all if none is named")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    n_killed = n_wanted = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for mutants, judge_of in ((MUTANTS, lambda: Build(pool).judge),
                                  (ENGINE_MUTANTS, lambda: judge_engine)):
            wanted = [m for m in mutants if not args.names or m[0] in args.names]
            if not wanted:
                continue
            judge = judge_of()
            verdict = judge("none", [])
            if verdict:
                sys.exit(f"without a mutant: {verdict}")
            for name, what, edits in wanted:
                verdict = judge(name, edits)
                n_wanted += 1
                n_killed += verdict is not None
                print(f"{name:5} {what:62} {verdict or 'SURVIVES'}", flush=True)
                shutil.rmtree(WORK / name)
    print(f"{n_killed} of {n_wanted} mutants are noticed")
    return 0 if n_killed == n_wanted else 1


if __name__ == "__main__":
    sys.exit(main())
