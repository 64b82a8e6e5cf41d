"""Trains tinyworld. Usage: train.py OUT_DIR [--tokens MILLIONS] [--seed S] [--layers L] [--width W]
                         [--head-dim P]

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
STAGES = [(0.06, 64, 32), (0.16, 128, 16), (0.36, 256, 8), (0.70, 512, 4), (0.85, 1024, 2)]
LAST = [(256, 8), (1024, 2)]    # in turn, after the stages
# What a token's loss counts, and the share of the tokens for which it is computed at all.
WEIGHTS = {world.NARRATIVE: 0.15, world.QUESTION: 0.08, world.ANSWER: 0.3, world.VALUE: 1.0}
SHARE = {world.NARRATIVE: 0.2, world.QUESTION: 0.2, world.ANSWER: 1.0, world.VALUE: 1.0}


ADAM_RATE, MUON_RATE = 2e-3, 0.01


def tokenizer(out):
    path = os.path.join(out, "merges.txt")
    if not os.path.exists(path):
        text = "\n".join("".join(s for s, _ in world.training_tale(random.Random(2 * i), 200))
                         for i in range(2500)).replace(bpe.END, "")
        with open(path, "w", encoding="utf-8") as f:
            f.writelines("%s %s\n" % m for m in bpe.learn_merges(text, 1200))
    with open(path, encoding="utf-8") as f:
        return bpe.Tokenizer([tuple(line.rstrip("\n").split(" ")) for line in f])


def batch(tok, seed, length, size, tale=world.training_tale, name_weight=1.0):
    """ids [size, length + 1], weights [size, length], and where the deciding words are.

    Deciding words that are names count name_weight."""
    ids, weights, values = [], [], []
    for i in range(size):
        rng = random.Random(2 * (seed * 64 + i))
        row, w, v = [], [], []
        for text, kind in tale(rng, length + 12):
            t = tok.encode(text)
            weight = WEIGHTS[kind]
            if kind == world.VALUE and text.strip() in world.NAMES:
                weight *= name_weight
            row += t
            w += [weight if rng.random() < SHARE[kind] else 0.0 for _ in t]
            v += [kind == world.VALUE] * len(t)
        row, w, v = row[:length + 1], w[:length + 1], v[:length + 1]
        pad = length + 1 - len(row)
        ids.append(row + [0] * pad)
        weights.append((w + [0.0] * pad)[1:])
        values.append((v + [False] * pad)[1:])
    return torch.tensor(ids), torch.tensor(weights), torch.tensor(values)


def rate(done, step, level=0.5):
    """Share of the learning rate: warm-up over 100 steps, level up to that share of the tokens, then
    a cosine down."""
    tail = 1.0
    if done >= level:
        tail = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (done - level) / (1 - level)))
    return min(1.0, (step + 1) / 100) * tail


def orthogonal(g):
    """A matrix with the directions of g and singular values near 1 (Newton-Schulz)."""
    tall = g.shape[0] > g.shape[1]
    x = (g.t() if tall else g) / (g.norm() + 1e-7)
    for _ in range(5):
        a = x @ x.t()
        x = 3.4445 * x + (2.0315 * a @ a - 4.7750 * a) @ x
    return x.t() if tall else x


class Muon(torch.optim.Optimizer):
    """Steps along the momentum made orthogonal, for each block of rows, so that what is rare is
    learnt as fast as what is common. A group has one matrix and the rows of its blocks."""

    def __init__(self, groups):
        super().__init__(groups, {"lr": 0.0})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            p, = group["params"]
            m = self.state[p].setdefault("momentum", torch.zeros_like(p))
            m.mul_(0.95).add_(p.grad)
            p.mul_(1 - 0.02 * group["lr"])
            for to, g in zip(p.split(group["rows"]), (p.grad + 0.95 * m).split(group["rows"])):
                tall = max(1.0, g.shape[0] / g.shape[1])
                to.sub_(orthogonal(g), alpha=group["lr"] * math.sqrt(tall))


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
        self.model = Model(Shape(len(self.tok.texts), n_embd=arg.width, n_layer=arg.layers,
                                 head_dim=arg.head_dim))
        self.adam, self.muon = self.optimizers()
        self.step, self.tokens, self.spent = 0, 0, 0.0
        if os.path.exists(self.path):
            self.load()

    def optimizers(self):
        s = self.model.s
        groups = []
        for layer in self.model.layers:
            rows = [s.d_inner, s.d_inner, s.d_state, s.d_state, s.n_head]
            groups.append({"params": [layer.w_in], "rows": rows})
            groups.append({"params": [layer.w_out], "rows": [s.n_embd]})
        wide = set(p for g in groups for p in g["params"])
        rest = [p for p in self.model.parameters() if p not in wide]
        decays = [{"params": [p for p in rest if p.dim() == 2], "weight_decay": 0.02},
                  {"params": [p for p in rest if p.dim() != 2], "weight_decay": 0.0}]
        return torch.optim.AdamW(decays, betas=(0.9, 0.98)), Muon(groups)

    def load(self):
        saved = torch.load(self.path)
        self.model.load_state_dict(saved["model"])
        self.adam.load_state_dict(saved["adam"])
        self.muon.load_state_dict(saved["muon"])
        self.step, self.tokens, self.spent = saved["step"], saved["tokens"], saved["spent"]

    def save(self):
        if self.rank != 0:
            return
        torch.save({"model": self.model.state_dict(), "adam": self.adam.state_dict(),
                    "muon": self.muon.state_dict(), "step": self.step, "tokens": self.tokens,
                    "spent": self.spent, "shape": vars(self.model.s)}, self.path + ".new")
        os.replace(self.path + ".new", self.path)

    def done(self):
        return self.tokens / (1e6 * self.arg.tokens)

    def tales(self):
        """The length of the next step's tales, and how many."""
        now = [s[1:] for s in STAGES if self.done() < s[0]]
        return now[0] if now else LAST[self.step % len(LAST)]

    def average_gradients(self):
        if self.arg.workers == 1:
            return
        grads = [p.grad for p in self.model.parameters()]
        flat = torch.cat([g.reshape(-1) for g in grads])
        dist.all_reduce(flat)
        flat /= self.arg.workers
        for g, new in zip(grads, flat.split([g.numel() for g in grads])):
            g.copy_(new.view_as(g))

    def batch(self, length, size):
        seed = self.step * self.arg.workers + self.rank + self.arg.seed * 10000000
        return batch(self.tok, seed, length, size)

    def rate(self):
        return rate(self.done(), self.step)

    def train_step(self, length, size, tally):
        ids, weights, values = self.batch(length, size)
        hidden = self.model(ids[:, :-1])
        pick = weights > 0
        logits, target, w = self.model.logits(hidden[pick]), ids[:, 1:][pick], weights[pick]
        loss = (F.cross_entropy(logits, target, reduction="none") * w).sum() / w.sum()
        self.descend(loss)
        v = values[pick]
        tally.add(loss.item(), logits[v], target[v])
        self.step, self.tokens = self.step + 1, self.tokens + ids.numel() * self.arg.workers

    def descend(self, loss):
        self.model.zero_grad()
        loss.backward()
        self.average_gradients()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for opt, peak in (self.adam, ADAM_RATE), (self.muon, MUON_RATE):
            for group in opt.param_groups:
                group["lr"] = peak * self.rate()
            opt.step()

    def train(self):
        start, saved_at, tally = time.time() - self.spent, self.spent, Tally()
        while self.done() < 1:
            length, size = self.tales()
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
    ap.add_argument("--layers", type=int, default=2)
    ap.add_argument("--width", type=int, default=128)
    ap.add_argument("--head-dim", type=int, default=4)
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
