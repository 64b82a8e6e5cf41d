"""Goes on from a model with tales that are asked at their end, as a user asks.

Usage: tune.py MODEL.gguf OUT_DIR [--tokens MILLIONS] [--rate SHARE] [--seed S]

Nine of ten tales are exam tales (world.py), the others those of train.py. Learning rates start at
SHARE of train.py's. Writes what train.py writes, for export.py."""
import argparse
import os
import random

import torch

import gguf
import train
import world
from model import Model, Shape

# (length of a tale in tokens, tales per step), in turn
KINDS = [(128, 16), (1024, 2), (256, 8), (192, 10), (1104, 2), (224, 9)]
EXAM_SHARE, NAME_WEIGHT = 0.9, 2.5


def read(path):
    """(model, merges) of a GGUF that export.py wrote."""
    file = gguf.Reader(path)
    meta = file.meta
    shape = Shape(len(meta["tokenizer.ggml.tokens"]), n_embd=meta["mamba2.embedding_length"],
                  n_layer=meta["mamba2.block_count"], d_state=meta["mamba2.ssm.state_size"],
                  head_dim=meta["mamba2.ssm.inner_size"] // meta["mamba2.ssm.time_step_rank"])

    def get(name):
        return torch.tensor(file.tensors[name]).float()

    weights = {"embd": get("token_embd.weight"), "norm": get("output_norm.weight")}
    for i in range(shape.n_layer):
        blk, dst = "blk.%d." % i, "layers.%d." % i
        for name, of in ("norm", "attn_norm.weight"), ("w_in", "ssm_in.weight"), \
                ("conv_w", "ssm_conv1d.weight"), ("conv_b", "ssm_conv1d.bias"), \
                ("dt_bias", "ssm_dt.bias"), ("w_out", "ssm_out.weight"):
            weights[dst + name] = get(blk + of)
        weights[dst + "a_log"] = (-get(blk + "ssm_a")[:, 0]).log()
        weights[dst + "d"] = get(blk + "ssm_d")[:, 0]
        weights[dst + "gate_norm"] = get(blk + "ssm_norm.weight")[0]
    model = Model(shape)
    model.load_state_dict(weights)
    return model, meta["tokenizer.ggml.merges"]


def tale(rng, length):
    make = world.exam_tale if rng.random() < EXAM_SHARE else world.training_tale
    return make(rng, length)


class Tuning(train.Run):
    """A run from given weights, without a checkpoint to go on from."""

    def __init__(self, arg, model):
        self.arg, self.rank, self.path = arg, 0, os.path.join(arg.out, "checkpoint.pt")
        self.tok, self.model = train.tokenizer(arg.out), model
        self.adam, self.muon = self.optimizers()
        self.step, self.tokens, self.spent = 0, 0, 0.0

    def tales(self):
        return KINDS[self.step % len(KINDS)]

    def batch(self, length, size):
        seed = self.step + self.arg.seed * 10000000
        return train.batch(self.tok, seed, length, size, tale, NAME_WEIGHT)

    def rate(self):
        return self.arg.rate * train.rate(self.done(), self.step, level=0.1)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("model")
    ap.add_argument("out")
    ap.add_argument("--tokens", type=float, default=16, help="tokens to see, in millions")
    ap.add_argument("--rate", type=float, default=0.5, help="share of train.py's learning rates")
    ap.add_argument("--seed", type=int, default=77)
    arg = ap.parse_args()
    arg.workers = 1
    os.makedirs(arg.out, exist_ok=True)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(arg.seed)
    model, merges = read(arg.model)
    with open(os.path.join(arg.out, "merges.txt"), "w", encoding="utf-8") as f:
        f.writelines(m + "\n" for m in merges)
    Tuning(arg, model).train()


if __name__ == "__main__":
    main()
