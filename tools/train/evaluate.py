"""Runs a GGUF through a plain numpy recurrence, token by token.

Usage: evaluate.py MODEL.gguf QUESTIONS.jsonl        accuracy by distance
       evaluate.py MODEL.gguf --complete "TEXT" [-n N]   greedy continuation
       evaluate.py MODEL.gguf --golden PROMPTS.json OUT.json   ids of greedy continuations
"""
import argparse
import collections
import json
import sys

import numpy as np

import bpe
from gguf import Reader


def silu(x):
    return x / (1 + np.exp(-x))


def softplus(x):
    return np.where(x > 20, x, np.log1p(np.exp(np.minimum(x, 20))))


def rms_norm(x, w, eps):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * w


class Recurrence:
    """`size` sequences side by side; step(ids) feeds one token to each and returns logits."""

    def __init__(self, file, size):
        m, self.t = file.meta, file.tensors
        self.layers = m["mamba2.block_count"]
        self.eps = np.float32(m["mamba2.attention.layer_norm_rms_epsilon"])
        self.e, self.n = m["mamba2.ssm.inner_size"], m["mamba2.ssm.state_size"]
        self.h, k = m["mamba2.ssm.time_step_rank"], m["mamba2.ssm.conv_kernel"]
        self.conv = np.zeros((self.layers, size, self.e + 2 * self.n, k - 1), np.float32)
        self.state = np.zeros((self.layers, size, self.h, self.e // self.h, self.n), np.float32)

    def mixer(self, il, x):
        def get(name):
            return self.t["blk.%d.%s" % (il, name)]
        e, n, h = self.e, self.n, self.h
        p = x @ get("ssm_in.weight").T
        z, raw, dt = p[:, :e], p[:, e:2 * e + 2 * n], p[:, 2 * e + 2 * n:]
        window = np.concatenate([self.conv[il], raw[:, :, None]], 2)
        self.conv[il] = window[:, :, 1:]
        xbc = silu((window * get("ssm_conv1d.weight")).sum(2) + get("ssm_conv1d.bias"))
        u, b, c = xbc[:, :e].reshape(-1, h, e // h), xbc[:, e:e + n], xbc[:, e + n:]
        d = softplus(dt + get("ssm_dt.bias"))
        s = self.state[il]
        s *= np.exp(d * get("ssm_a")[:, 0])[:, :, None, None]
        s += (u * d[:, :, None])[..., None] * b[:, None, None, :]
        y = (s @ c[:, None, :, None])[..., 0] + u * get("ssm_d")
        o = y.reshape(len(x), e) * silu(z)
        return rms_norm(o, get("ssm_norm.weight")[0], self.eps) @ get("ssm_out.weight").T

    def step(self, ids):
        x = self.t["token_embd.weight"][ids]
        for il in range(self.layers):
            x = x + self.mixer(il, rms_norm(x, self.t["blk.%d.attn_norm.weight" % il], self.eps))
        return rms_norm(x, self.t["output_norm.weight"], self.eps) @ self.t["token_embd.weight"].T


def greedy(file, prompts, n, stop=None):
    """Greedy continuations of prompts (lists of ids): n tokens, or up to a stop token."""
    run = Recurrence(file, len(prompts))
    out = [[] for _ in prompts]
    done = [False] * len(prompts)
    for t in range(max(map(len, prompts)) + n - 1):
        ids = [(p + o)[t] if t < len(p) + len(o) else 0 for p, o in zip(prompts, out)]
        best = run.step(np.array(ids)).argmax(-1)
        for i, p in enumerate(prompts):
            if t >= len(p) - 1 and not done[i]:
                out[i].append(int(best[i]))
                done[i] = len(out[i]) == n or best[i] == stop
        if all(done):
            break
    return out


def load(path):
    file = Reader(path)
    merges = [tuple(m.split(" ")) for m in file.meta["tokenizer.ggml.merges"]]
    tok = bpe.Tokenizer(merges)
    assert tok.texts == file.meta["tokenizer.ggml.tokens"]
    return file, tok


def bucket(distance):
    ranges = [(0, 50), (51, 100), (101, 200), (201, 500), (501, 2000)]
    return next("%4d..%4d" % (a, b) for a, b in ranges if distance <= b)


def score(file, tok, items):
    newline = tok.encode("\n")[0]
    total, right, wrong = collections.Counter(), collections.Counter(), []
    items = sorted(items, key=lambda q: len(q["prompt"]))
    for at in range(0, len(items), 50):
        part = items[at:at + 50]
        answers = greedy(file, [tok.encode(q["prompt"]) for q in part], 16, newline)
        for q, ids in zip(part, answers):
            text = tok.decode(ids).split("\n")[0].strip()
            total[bucket(q["distance"])] += 1
            right[bucket(q["distance"])] += text == q["answer"]
            if text != q["answer"]:
                wrong.append((q["distance"], q["answer"], text))
    for b in sorted(total):
        share = 100 * right[b] / total[b]
        print("distance %s: %d of %d right (%.1f %%)" % (b, right[b], total[b], share))
    for w in wrong[:15]:
        print("wrong at %d: expected %r, got %r" % w)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("model")
    ap.add_argument("questions", nargs="?")
    ap.add_argument("--complete")
    ap.add_argument("-n", type=int, default=64)
    ap.add_argument("--golden", nargs=2)
    arg = ap.parse_args()
    file, tok = load(arg.model)
    if arg.questions:
        with open(arg.questions, encoding="utf-8") as f:
            score(file, tok, [json.loads(line) for line in f])
    if arg.complete is not None:
        print(arg.complete + tok.decode(greedy(file, [tok.encode(arg.complete)], arg.n)[0]))
    if arg.golden:
        with open(arg.golden[0], encoding="utf-8") as f:
            prompts = json.load(f)
        out = []
        for text in prompts:
            ids = tok.encode(text)
            more = greedy(file, [ids], arg.n)[0]
            out.append({"prompt": text, "prompt_ids": ids, "continuation_ids": more,
                        "continuation": tok.decode(more)})
        with open(arg.golden[1], "w", encoding="utf-8") as f:
            f.write("[\n" + ",\n".join(json.dumps(x) for x in out) + "\n]\n")


if __name__ == "__main__":
    sys.exit(main())
