"""Trains tinyworld. Usage: train.py OUT_DIR [--tokens MILLIONS] [--seed S] [--layers L] [--width W]

Writes OUT_DIR/merges.txt (once), OUT_DIR/checkpoint.pt (every two minutes) and a log to stdout. A
stopped run goes on from its checkpoint."""
import argparse
import math
import os
import random
import sys
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F

import bpe
import world
from model import Model, Shape

# (up to this share of the training tokens, length of a tale in tokens, tales per step)
STAGES = [(0.08, 64, 32), (0.20, 128, 16), (0.40, 256, 8), (0.65, 512, 4), (1.00, 1024, 2)]
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
    tail = 1.0
    if done >= 0.5:
        tail = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (done - 0.5) / 0.5))
    return peak * min(1.0, (step + 1) / 100) * tail


class Tally:
    """What the log tells about the steps since the last line."""

    def __init__(self):
        self.loss, self.steps, self.right, self.asked = 0.0, 0, 0, 0

    def add(self, loss, logits, target):
        self.loss, self.steps = self.loss + loss, self.steps + 1
        self.right += (logits.argmax(-1) == target).sum().item()
        self.asked += len(target)

    def line(self):
        return "loss %.4f  answers right %.1f%%" % (
            self.loss / self.steps, 100.0 * self.right / max(1, self.asked))


class Run:
    """A training run and its checkpoint. Workers see other tales and average their gradients."""

    def __init__(self, arg, rank):
        self.arg, self.rank, self.path = arg, rank, os.path.join(arg.out, "checkpoint.pt")
        self.tok = tokenizer(arg.out)
        self.model = Model(Shape(len(self.tok.texts), n_embd=arg.width, n_layer=arg.layers))
        big = [p for p in self.model.parameters() if p.dim() == 2]
        small = [p for p in self.model.parameters() if p.dim() != 2]
        groups = [{"params": big, "weight_decay": 0.02}, {"params": small, "weight_decay": 0.0}]
        self.opt = torch.optim.AdamW(groups, lr=arg.rate, betas=(0.9, 0.98))
        self.step, self.tokens, self.spent = 0, 0, 0.0
        if os.path.exists(self.path):
            self.load()

    def load(self):
        saved = torch.load(self.path)
        self.model.load_state_dict(saved["model"])
        self.opt.load_state_dict(saved["opt"])
        self.step, self.tokens, self.spent = saved["step"], saved["tokens"], saved["spent"]

    def save(self):
        if self.rank != 0:
            return
        torch.save({"model": self.model.state_dict(), "opt": self.opt.state_dict(),
                    "step": self.step, "tokens": self.tokens, "spent": self.spent,
                    "shape": vars(self.model.s)}, self.path + ".new")
        os.replace(self.path + ".new", self.path)

    def done(self):
        return self.tokens / (1e6 * self.arg.tokens)

    def average_gradients(self):
        if self.arg.workers == 1:
            return
        grads = [p.grad for p in self.model.parameters()]
        flat = torch.cat([g.reshape(-1) for g in grads])
        dist.all_reduce(flat)
        flat /= self.arg.workers
        for g, new in zip(grads, flat.split([g.numel() for g in grads])):
            g.copy_(new.view_as(g))

    def train_step(self, length, size, tally):
        seed = self.step * self.arg.workers + self.rank + self.arg.seed * 10000000
        ids, weights, values = batch(self.tok, seed, length, size)
        hidden = self.model(ids[:, :-1])
        pick = weights > 0
        logits, target, w = self.model.logits(hidden[pick]), ids[:, 1:][pick], weights[pick]
        loss = (F.cross_entropy(logits, target, reduction="none") * w).sum() / w.sum()
        self.opt.zero_grad()
        loss.backward()
        self.average_gradients()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for group in self.opt.param_groups:
            group["lr"] = rate(self.done(), self.step, self.arg.rate)
        self.opt.step()
        v = values[pick]
        tally.add(loss.item(), logits[v], target[v])
        self.step, self.tokens = self.step + 1, self.tokens + ids.numel() * self.arg.workers

    def train(self):
        start, saved_at, tally = time.time() - self.spent, self.spent, Tally()
        while self.done() < 1:
            _, length, size = next(s for s in STAGES if self.done() < s[0])
            self.train_step(length, size, tally)
            self.spent = time.time() - start
            if self.step % 50 == 0 and self.rank == 0:
                self.report(length, tally)
                tally = Tally()
            if self.spent - saved_at > 120:
                self.save()
                saved_at = self.spent
        self.save()

    def report(self, length, tally):
        print("step %d  %.1f min  tokens %.2fM  length %d  %s" % (
            self.step, self.spent / 60, self.tokens / 1e6, length, tally.line()))
        sys.stdout.flush()


def work(rank, arg):
    """One worker: the same seed and checkpoint, other tales."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(arg.seed)
    if arg.workers > 1:
        dist.init_process_group("gloo", init_method="tcp://127.0.0.1:%d" % arg.port, rank=rank,
                                world_size=arg.workers)
    run = Run(arg, rank)
    if rank == 0:
        print("vocabulary %d, parameters %d" % (
            len(run.tok.texts), sum(p.numel() for p in run.model.parameters())))
    run.train()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("out")
    ap.add_argument("--tokens", type=float, default=16, help="tokens to see, in millions")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--layers", type=int, default=3)
    ap.add_argument("--width", type=int, default=128)
    ap.add_argument("--rate", type=float, default=3e-3)
    ap.add_argument("--workers", type=int, default=2, help="processes, of one thread each")
    ap.add_argument("--port", type=int, default=29517, help="where workers meet on this machine")
    arg = ap.parse_args()
    os.makedirs(arg.out, exist_ok=True)
    tokenizer(arg.out)
    if arg.workers == 1:
        work(0, arg)
    else:
        mp.spawn(work, args=(arg,), nprocs=arg.workers)


if __name__ == "__main__":
    main()
