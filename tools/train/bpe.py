"""Byte-level BPE in the GPT-2 manner: training, encoding, decoding.

Text here is ASCII (the tales)."""
import collections
import re

PIECES = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+")
END = "<|endoftext|>"


def byte_map():
    """byte -> printable character."""
    keep = list(range(0x21, 0x7F)) + list(range(0xA1, 0xAD)) + list(range(0xAE, 0x100))
    table, extra = {b: chr(b) for b in keep}, 0
    for b in range(256):
        if b not in table:
            table[b] = chr(0x100 + extra)
            extra += 1
    return table


BYTES = byte_map()
CHARS = {c: b for b, c in BYTES.items()}


def mapped(piece):
    return [BYTES[b] for b in piece.encode("utf-8")]


def join(symbols, pair):
    """Replaces every occurrence of the pair, left to right."""
    out, i = [], 0
    while i < len(symbols):
        if i + 1 < len(symbols) and (symbols[i], symbols[i + 1]) == pair:
            out.append(symbols[i] + symbols[i + 1])
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return out


def learn_merges(text, limit):
    """Merges, most frequent pair first, until every piece is one symbol or `limit` is reached."""
    words = {p: mapped(p) for p in set(PIECES.findall(text))}
    counts = collections.Counter(PIECES.findall(text))
    merges = []
    while len(merges) < limit:
        pairs = collections.Counter()
        for p, symbols in words.items():
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += counts[p]
        if not pairs:
            break
        best = max(pairs, key=lambda x: (pairs[x], x))
        merges.append(best)
        words = {p: join(s, best) for p, s in words.items()}
    return merges


class Tokenizer:
    def __init__(self, merges, multiple=16):
        self.merges = [tuple(m) for m in merges]
        self.ranks = {m: i for i, m in enumerate(self.merges)}
        self.texts = [BYTES[b] for b in range(256)] + ["".join(m) for m in self.merges] + [END]
        self.end = len(self.texts) - 1
        self.n_real = len(self.texts)
        while len(self.texts) % multiple:
            self.texts.append("[PAD%d]" % len(self.texts))
        self.ids = {t: i for i, t in enumerate(self.texts)}
        assert len(self.ids) == len(self.texts)
        self.cache = {}

    def piece(self, piece):
        if piece not in self.cache:
            symbols = mapped(piece)
            while True:
                known = [x for x in zip(symbols, symbols[1:]) if x in self.ranks]
                if not known:
                    break
                symbols = join(symbols, min(known, key=self.ranks.get))
            self.cache[piece] = [self.ids[s] for s in symbols]
        return self.cache[piece]

    def encode(self, text):
        """Ids of a text; the end mark is recognised as a token."""
        ids = []
        for i, part in enumerate(text.split(END)):
            if i:
                ids.append(self.end)
            for p in PIECES.findall(part):
                ids += self.piece(p)
        return ids

    def decode(self, ids):
        data = b""
        for i in ids:
            data += END.encode() if i >= self.end else bytes(CHARS[c] for c in self.texts[i])
        return data.decode("utf-8", "replace")
