"""Feeds tools/check_floors.py trees of one file and reads what it says.

usage: check_floors_test.py ROOT
"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv.pop())


def check(path, text):
    """The exit status and output for a tree that holds this one file."""
    with tempfile.TemporaryDirectory() as tree:
        file = pathlib.Path(tree) / path
        file.parent.mkdir(parents=True)
        file.write_text(text, encoding="utf-8")
        run = subprocess.run([sys.executable, ROOT / "tools/check_floors.py", tree],
                             capture_output=True, text=True, check=False)
        return run.returncode, run.stdout


class CheckFloors(unittest.TestCase):
    def allow(self, path, text):
        self.assertEqual(check(path, text), (0, ""))

    def refuse(self, path, text, *words):
        status, output = check(path, text)
        self.assertEqual(status, 1)
        for word in words:
            self.assertIn(word, output)

    def test_own_and_lower_floors_and_public_headers(self):
        self.allow("src/models/a.cpp", '#include <memory>\n#include "models/a.h"\n'
                   '#include "memory/b.h"\n#include "cpu/c.h"\n#include "eddy/result.h"\n')

    def test_higher_floor_with_file_and_line(self):
        self.refuse("src/memory/a.cpp", '#include <vector>\n#  include "models/m.h"\n',
                    "src/memory/a.cpp:2:", "models/m.h", "floor 4", "floor 3")

    def test_rooms_of_one_floor(self):
        self.refuse("src/memory/a.h", '#include "cpu/ops.h"\n', "do not know each other")
        self.refuse("src/text/a.h", '#include "memory/cells.h"\n', "do not know each other")
        self.refuse("src/formats/a.h", '#include "tensor/types.h"\n', "do not know each other")

    def test_public_headers_stand_alone(self):
        self.allow("include/eddy/a.h", '#include <cstdint>\n#include "eddy/types.h"\n')
        self.refuse("include/eddy/a.h", '#include "base/table.h"\n', "include/eddy/a.h:1:")
        self.refuse("include/eddy/a.h", "#include <fmt/format.h>\n", "standard library")

    def test_no_way_around(self):
        self.refuse("src/base/a.h", '#include "../engine/e.h"\n', "quotes")
        self.refuse("src/base/a.h", "#include <engine/e.h>\n", "quotes")
        self.refuse("src/attic/a.h", "#include <vector>\n", "no floor")

    def test_an_empty_tree_is_no_success(self):
        self.assertEqual(check("docs/a.txt", "")[0], 2)


if __name__ == "__main__":
    unittest.main()
