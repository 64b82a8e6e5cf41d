"""Writes a checkpoint as GGUF. Usage: export.py TRAIN_DIR OUT.gguf [--type f16|q8_0]"""
import argparse
import os

import torch

import gguf
import train
from gguf import U32


def metadata(shape, tok, kind):
    key = "mamba2."
    types = [1] * tok.end + [3] + [5] * (len(tok.texts) - tok.n_real)
    return {
        "general.architecture": "mamba2",
        "general.type": "model",
        "general.name": "tinyworld",
        "general.description": "A small Mamba-2 that answers questions about tales of small worlds",
        "general.license": "apache-2.0",
        "general.file_type": U32(1 if kind == gguf.F16 else 7),
        "general.quantization_version": U32(2),
        key + "context_length": U32(1048576),
        key + "embedding_length": U32(shape["n_embd"]),
        key + "block_count": U32(shape["n_layer"]),
        key + "feed_forward_length": U32(0),
        key + "attention.head_count": U32(0),
        key + "attention.layer_norm_rms_epsilon": float(shape["eps"]),
        key + "ssm.conv_kernel": U32(shape["d_conv"]),
        key + "ssm.inner_size": U32(shape["d_inner"]),
        key + "ssm.state_size": U32(shape["d_state"]),
        key + "ssm.time_step_rank": U32(shape["n_head"]),
        key + "ssm.group_count": U32(1),
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": tok.texts,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.merges": ["%s %s" % m for m in tok.merges],
        "tokenizer.ggml.bos_token_id": U32(tok.end),
        "tokenizer.ggml.eos_token_id": U32(tok.end),
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.ggml.add_eos_token": False,
    }


def tensors(w, shape, kind):
    out = [("token_embd.weight", w["embd"], kind), ("output_norm.weight", w["norm"], gguf.F32)]
    for i in range(shape["n_layer"]):
        src, dst = "layers.%d." % i, "blk.%d." % i
        out += [
            (dst + "attn_norm.weight", w[src + "norm"], gguf.F32),
            (dst + "ssm_in.weight", w[src + "w_in"], kind),
            (dst + "ssm_conv1d.weight", w[src + "conv_w"], gguf.F32),
            (dst + "ssm_conv1d.bias", w[src + "conv_b"], gguf.F32),
            (dst + "ssm_dt.bias", w[src + "dt_bias"], gguf.F32),
            (dst + "ssm_a", -w[src + "a_log"].exp().reshape(-1, 1), gguf.F32),
            (dst + "ssm_d", w[src + "d"].reshape(-1, 1), gguf.F32),
            (dst + "ssm_norm.weight", w[src + "gate_norm"].reshape(1, -1), gguf.F32),
            (dst + "ssm_out.weight", w[src + "w_out"], kind),
        ]
    return [(name, x.numpy(), t) for name, x, t in out]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("run")
    ap.add_argument("out")
    ap.add_argument("--type", choices=["f16", "q8_0"], default="f16")
    arg = ap.parse_args()
    kind = gguf.F16 if arg.type == "f16" else gguf.Q8_0
    tok = train.tokenizer(arg.run)
    saved = torch.load(os.path.join(arg.run, "checkpoint.pt"))
    gguf.write(arg.out, metadata(saved["shape"], tok, kind),
               tensors(saved["model"], saved["shape"], kind))
    print("%s: %d bytes, %d steps, %.1fM tokens, %.1f minutes" %
          (arg.out, os.path.getsize(arg.out), saved["step"], saved["tokens"] / 1e6,
           saved["spent"] / 60))


if __name__ == "__main__":
    main()
