"""Trains tinyworld. Usage: train.py OUT_DIR [--tokens MILLIONS] [--seed S] [--layers L] [--width W]

Writes OUT_DIR/merges.txt (once), OUT_DIR/checkpoint.pt (every two minutes) and a log to stdout. A stopped
run goes on from its checkpoint."""
import argparse
import json
import math
import os
import random
import time

import torch
import torch.nn.functional as F

import bpe
import world
from model import Model, Shape

# (up to this share of the training tokens, length of a tale in tokens, tales per step)
STAGES = [(0.09, 64, 32), (0.30, 128, 16), (0.60, 256, 8), (0.80, 512, 4), (1.00, 1024, 2)]
# What a token's loss counts, and the share of the tokens for which it is computed at all.
WEIGHTS = {world.NARRATIVE: 0.15, world.QUESTION: 0.08, world.ANSWER: 0.3, world.VALUE: 1.0}
SHARE = {world.NARRATIVE: 0.3, world.QUESTION: 0.3, world.ANSWER: 1.0, world.VALUE: 1.0}


def tokenizer(out):
    path = os.path.join(out, "merges.txt")
    if not os.path.exists(path):
        text = "\n".join("".join(s for s, _ in world.training_tale(random.Random(2 * i), 200))
                         for i in range(2500)).replace(bpe.END, "")
        with open(path, "w", encoding="utf-8") as f:
            f.writelines("%s %s\n" % m for m in bpe.learn_merges(text, 1200))
    with open(path, encoding="utf-8") as f:
        return bpe.Tokenizer([tuple(line.rstrip("\n").split(" ")) for line in f])


def batch(tok, seed, length, size):
    """ids [size, length + 1], weights [size, length], and where the deciding words are."""
    ids, weights, values = [], [], []
    for i in range(size):
        rng = random.Random(2 * (seed * 64 + i))
        row, w, v = [], [], []
        for text, kind in world.training_tale(rng, length + 12):
            t = tok.encode(text)
            row += t
            w += [WEIGHTS[kind] if rng.random() < SHARE[kind] else 0.0 for _ in t]
            v += [kind == world.VALUE] * len(t)
        row, w, v = row[:length + 1], w[:length + 1], v[:length + 1]
        pad = length + 1 - len(row)
        ids.append(row + [0] * pad)
        weights.append((w + [0.0] * pad)[1:])
        values.append((v + [False] * pad)[1:])
    return torch.tensor(ids), torch.tensor(weights), torch.tensor(values)


def rate(done, step, peak):
    """Learning rate: warm-up over 100 steps, level, cosine down over the last half."""
    tail = 1.0 if done < 0.5 else 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (done - 0.5) / 0.5))
    return peak * min(1.0, (step + 1) / 100) * tail


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("out")
    ap.add_argument("--tokens", type=float, default=12, help="tokens to see, in millions")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--layers", type=int, default=2)
    ap.add_argument("--width", type=int, default=128)
    ap.add_argument("--rate", type=float, default=3e-3)
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--scale", type=int, default=1, help="tales per step, times this")
    arg = ap.parse_args()
    os.makedirs(arg.out, exist_ok=True)
    torch.set_num_threads(arg.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(arg.seed)
    tok = tokenizer(arg.out)
    shape = Shape(len(tok.texts), n_embd=arg.width, n_layer=arg.layers)
    model = Model(shape)
    big = [p for p in model.parameters() if p.dim() == 2]
    small = [p for p in model.parameters() if p.dim() != 2]
    opt = torch.optim.AdamW([{"params": big, "weight_decay": 0.02}, {"params": small, "weight_decay": 0.0}],
                            lr=arg.rate, betas=(0.9, 0.98))
    step, tokens, spent = 0, 0, 0.0
    path = os.path.join(arg.out, "checkpoint.pt")
    if os.path.exists(path):
        saved = torch.load(path)
        model.load_state_dict(saved["model"])
        opt.load_state_dict(saved["opt"])
        step, tokens, spent = saved["step"], saved["tokens"], saved["spent"]
    print("vocabulary %d, parameters %d" % (len(tok.texts), sum(p.numel() for p in model.parameters())), flush=True)

    def save():
        torch.save({"model": model.state_dict(), "opt": opt.state_dict(), "step": step, "tokens": tokens,
                    "spent": spent, "shape": vars(shape)}, path + ".new")
        os.replace(path + ".new", path)

    start, saved_at, loss_sum, hit, asked, n = time.time() - spent, spent, 0.0, 0, 0, 0
    while tokens < 1e6 * arg.tokens:
        done = tokens / (1e6 * arg.tokens)
        _, length, size = next(s for s in STAGES if done < s[0])
        ids, weights, values = batch(tok, step + arg.seed * 10000000, length, size * arg.scale)
        hidden = model(ids[:, :-1])
        pick = weights > 0
        logits = model.logits(hidden[pick])
        target = ids[:, 1:][pick]
        w = weights[pick]
        loss = (F.cross_entropy(logits, target, reduction="none") * w).sum() / w.sum()
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for g in opt.param_groups:
            g["lr"] = rate(done, step, arg.rate)
        opt.step()
        v = values[pick]
        hit += (logits[v].argmax(-1) == target[v]).sum().item()
        asked += v.sum().item()
        loss_sum, n, step, tokens = loss_sum + loss.item(), n + 1, step + 1, tokens + ids.numel()
        spent = time.time() - start
        if step % 50 == 0:
            print("step %d  %.1f min  tokens %.2fM  length %d  loss %.4f  answers right %.1f%%" %
                  (step, spent / 60, tokens / 1e6, length, loss_sum / n, 100.0 * hit / max(1, asked)), flush=True)
            loss_sum, hit, asked, n = 0.0, 0, 0, 0
        if spent - saved_at > 120:
            save()
            saved_at = spent
    save()


if __name__ == "__main__":
    main()
