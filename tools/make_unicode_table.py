#!/usr/bin/env python3
"""Makes src/text/char_kinds.inc, the kinds of all code points.

usage: make_unicode_table.py < tools/unicode15_1_categories.txt > src/text/char_kinds.inc

The input has the major general categories of Unicode 15.1 as lines "start end category":
inclusive ranges in hex, in order; code points that are not listed are unassigned. The version is
part of what a vocabulary was trained with: do not replace it by a newer one.
"""

import sys

KINDS = {"L": "kLetter", "M": "kMark", "N": "kNumber", "P": "kPunctuation", "S": "kSymbol",
         "Z": "kSpace", "C": "kOther"}
# \s of the patterns: the category Z and these controls.
CONTROL_SPACES = [*range(0x09, 0x0E), 0x85]
LIMIT = 0x110000


def main():
    kinds = ["kOther"] * LIMIT
    for line in sys.stdin:
        if line.startswith("#"):
            continue
        start, end, category = line.split()
        for code_point in range(int(start, 16), int(end, 16) + 1):
            kinds[code_point] = KINDS[category]
    for code_point in CONTROL_SPACES:
        kinds[code_point] = "kSpace"

    starts = [c for c in range(LIMIT) if c == 0 or kinds[c] != kinds[c - 1]]
    runs = [f"{{0x{c:X}, CharKind::{kinds[c]}}}," for c in starts]
    print("// Made by tools/make_unicode_table.py. The first code point of each run of one kind.")
    for i in range(0, len(runs), 3):
        print(*runs[i:i + 3])


if __name__ == "__main__":
    main()
