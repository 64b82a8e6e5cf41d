"""The documents say what is: the README's example is the compiled one, each guarantee names a test
that exists, and every link and every path in backticks leads somewhere.

usage: docs_test.py ROOT
"""

import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(sys.argv.pop())
DOCS = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]
DOCS += sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))
TOPS = "src|include|tests|tools|bench|fuzz|docs|data|examples|cmake"
PATH = re.compile(rf"`((?:{TOPS})/[^`\s]*)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)#:]+)(?:#[^)]*)?\)")
TEST = re.compile(r"`(tests/\S+?)`:? `(\w+)\.(\w+)`")


def text_of(path):
    return (ROOT / path).read_text(encoding="utf-8")


def exists(path):
    """Whether the path, where <name> and * stand for anything, leads somewhere."""
    pattern = re.sub(r"<[^>]*>", "*", path).rstrip("/")
    return any(ROOT.glob(pattern))


class Docs(unittest.TestCase):
    def test_the_readme_shows_the_compiled_example(self):
        block = re.search(r"```cpp\n(.*?)```", text_of("README.md"), re.DOTALL)
        self.assertEqual(block[1], text_of("examples/hello.cpp"))

    def test_each_guarantee_names_a_test(self):
        rows = re.search(r"## Guarantees\n(.*?)\n## ", text_of("README.md"), re.DOTALL)[1]
        rows = [row for row in rows.splitlines() if row.startswith("| ")][2:]
        self.assertGreater(len(rows), 5)
        for row in rows:
            tests = TEST.findall(row)
            self.assertTrue(tests, row)
            for path, suite, name in tests:
                found = re.search(rf"\((Slow)?{suite},\s*{name}\)|def {name}\(", text_of(path))
                self.assertTrue(found, f"{path}: no test {suite}.{name}")

    def test_links_lead_somewhere(self):
        for doc in DOCS:
            for link in LINK.findall(text_of(doc)):
                self.assertTrue((ROOT / doc).parent.joinpath(link).exists(), f"{doc}: {link}")

    def test_paths_lead_somewhere(self):
        for doc in DOCS:
            for path in PATH.findall(text_of(doc)):
                self.assertTrue(exists(path), f"{doc}: {path}")


if __name__ == "__main__":
    unittest.main()
