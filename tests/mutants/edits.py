"""What a mutant does to the text of a file."""


def edited(name, file, text, edits):
    """The text with those of the edits that are the file's; each must fit exactly once."""
    for _, old, new in (edit for edit in edits if edit[0] == file):
        if text.count(old) != 1:
            raise SystemExit(f"{name}: {file}: the text occurs {text.count(old)} times, expected 1:\n"
                             f"{old}")
        text = text.replace(old, new)
    return text
