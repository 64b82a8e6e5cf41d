"""A small GGUF v3 writer and reader: just what tinyworld needs."""
import struct

import numpy as np

F32, F16, Q8_0 = 0, 1, 8
ALIGN = 32
BLOCK_Q8_0 = [("d", "<f2"), ("q", "i1", 32)]


class U32(int):
    pass


def pack_string(s):
    data = s.encode("utf-8")
    return struct.pack("<Q", len(data)) + data


def pack_value(v):
    """(type id, bytes) of a metadata value."""
    if isinstance(v, bool):
        return 7, struct.pack("<B", v)
    if isinstance(v, U32):
        return 4, struct.pack("<I", v)
    if isinstance(v, int):
        return 5, struct.pack("<i", v)
    if isinstance(v, float):
        return 6, struct.pack("<f", v)
    if isinstance(v, str):
        return 8, pack_string(v)
    kind = pack_value(v[0])[0]
    return 9, struct.pack("<IQ", kind, len(v)) + b"".join(pack_value(x)[1] for x in v)


def quantise_q8_0(x):
    blocks = x.astype(np.float32).reshape(-1, 32)
    d = np.abs(blocks).max(1, keepdims=True) / np.float32(127)
    q = np.rint(np.divide(blocks, d, out=np.zeros_like(blocks), where=d > 0)).astype(np.int8)
    out = np.empty(len(blocks), dtype=BLOCK_Q8_0)
    out["d"], out["q"] = d[:, 0], q
    return out.tobytes()


def pack_tensor(x, kind):
    if kind == Q8_0:
        return quantise_q8_0(x)
    return np.ascontiguousarray(x, dtype="<f2" if kind == F16 else "<f4").tobytes()


def write(path, meta, tensors):
    """meta: {key: value}; tensors: [(name, array in row-major order, type)]."""
    out = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(meta))
    for key, value in meta.items():
        kind, data = pack_value(value)
        out += pack_string(key) + struct.pack("<I", kind) + data
    body = b""
    for name, x, kind in tensors:
        out += pack_string(name) + struct.pack("<I", x.ndim)
        out += struct.pack("<%dQ" % x.ndim, *reversed(x.shape))
        out += struct.pack("<IQ", kind, len(body))
        data = pack_tensor(x, kind)
        body += data + b"\0" * (-len(data) % ALIGN)
    with open(path, "wb") as f:
        f.write(out + b"\0" * (-len(out) % ALIGN) + body)


class Reader:
    """Reads a file of `write`: .meta and .tensors (float32 arrays, rows first)."""

    SCALARS = {0: "<B", 4: "<I", 5: "<i", 6: "<f", 7: "<?"}

    def __init__(self, path):
        with open(path, "rb") as f:
            self.data = f.read()
        self.at = 0
        magic, version, n_tensors, n_meta = self.take("<4sIQQ")
        assert magic == b"GGUF" and version == 3
        self.meta = {}
        for _ in range(n_meta):
            key = self.string()
            self.meta[key] = self.value(self.take("<I")[0])
        infos = []
        for _ in range(n_tensors):
            name, n = self.string(), self.take("<I")[0]
            infos.append((name, self.take("<%dQ" % n)[::-1], *self.take("<IQ")))
        base = self.at + -self.at % ALIGN
        self.tensors = {name: self.tensor(shape, kind, base + offset)
                        for name, shape, kind, offset in infos}

    def take(self, fmt):
        v = struct.unpack_from(fmt, self.data, self.at)
        self.at += struct.calcsize(fmt)
        return v

    def string(self):
        n = self.take("<Q")[0]
        self.at += n
        return self.data[self.at - n:self.at].decode("utf-8")

    def value(self, kind):
        if kind == 8:
            return self.string()
        if kind == 9:
            element, n = self.take("<IQ")
            return [self.value(element) for _ in range(n)]
        return self.take(self.SCALARS[kind])[0]

    def tensor(self, shape, kind, at):
        n = int(np.prod(shape))
        if kind == Q8_0:
            raw = np.frombuffer(self.data, dtype=BLOCK_Q8_0, count=n // 32, offset=at)
            return (raw["d"].astype(np.float32)[:, None] * raw["q"]).reshape(shape)
        raw = np.frombuffer(self.data, dtype="<f2" if kind == F16 else "<f4", count=n, offset=at)
        return raw.astype(np.float32).reshape(shape)
