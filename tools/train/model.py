"""Mamba-2 for training: the chunked form of the recurrence, in PyTorch on the CPU.

Equals the recurrence that evaluate.py runs token by token. One group; the gate comes before the
norm; the embedding is tied to the output."""
import math

import torch
import torch.nn.functional as F
from torch import nn


class Shape:
    def __init__(self, n_vocab, n_embd=128, n_layer=2, d_state=64, head_dim=4, d_conv=4, eps=1e-5):
        self.n_vocab, self.n_embd, self.n_layer = n_vocab, n_embd, n_layer
        self.d_state, self.head_dim, self.d_conv, self.eps = d_state, head_dim, d_conv, eps
        self.d_inner = 2 * n_embd
        self.n_head = self.d_inner // head_dim
        self.d_xbc = self.d_inner + 2 * d_state
        self.d_in = self.d_inner + self.d_xbc + self.n_head


def rms_norm(x, weight, eps):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


def scan(x, dt, a, b, c, chunk):
    """x [B,T,H,P], dt [B,T,H], a [H] < 0, b and c [B,T,N] -> y [B,T,H,P]; chunk divides T.

    Decays are split at the middle of a chunk, so that all heads share one matrix product; a step
    that keeps less than exp(-7.5) counts as that, which keeps the two parts finite."""
    nb, nt, nh, hp = x.shape
    ns, nc = b.shape[-1], nt // chunk
    cum = (dt * a).clamp(min=-7.5).view(nb, nc, chunk, nh).cumsum(2)
    mid, last = cum[:, :, chunk // 2:chunk // 2 + 1], cum[:, :, -1:]
    scale = dt.view(nb, nc, chunk, nh) * (mid - cum).exp()
    u = (x.view(nb, nc, chunk, nh, hp) * scale.unsqueeze(-1)).view(nb, nc, chunk, nh * hp)
    b, c = b.view(nb, nc, chunk, ns), c.view(nb, nc, chunk, ns)
    m = torch.matmul(c, b.transpose(-1, -2)).tril()                              # B C Q Q
    states = torch.matmul(b.transpose(-1, -2), u).view(nb, nc, ns, nh, hp)
    keep, new, old = [f.exp().unsqueeze(-1) for f in (last, last - mid, mid)]    # B C 1 H 1
    enter, s = [], torch.zeros(nb, ns, nh, hp)
    for k, n, o, state in zip(keep.unbind(1), new.unbind(1), old.unbind(1), states.unbind(1)):
        enter.append(s * o)
        s = s * k + state * n
    enter = torch.stack(enter, 1).view(nb, nc, ns, nh * hp)
    y = torch.matmul(torch.cat([m, c], -1), torch.cat([u, enter], 2))
    return (y.view(nb, nc, chunk, nh, hp) * (cum - mid).exp().unsqueeze(-1)).view(nb, nt, nh, hp)


class Mixer(nn.Module):
    def __init__(self, s, first):
        super().__init__()
        self.s = s
        self.norm = nn.Parameter(torch.ones(s.n_embd))
        self.w_in = nn.Parameter(torch.randn(s.d_in, s.n_embd) / math.sqrt(s.n_embd))
        self.conv_w = nn.Parameter((torch.rand(s.d_xbc, s.d_conv) - 0.5) / math.sqrt(s.d_conv) * 2)
        self.conv_b = nn.Parameter(torch.zeros(s.d_xbc))
        low, high = (0.02, 0.5) if first else (0.005, 0.1)
        dt = torch.exp(torch.linspace(math.log(low), math.log(high), s.n_head))
        self.dt_bias = nn.Parameter(dt + torch.log(-torch.expm1(-dt)))
        self.a_log = nn.Parameter(torch.zeros(s.n_head))
        self.d = nn.Parameter(torch.ones(s.n_head))
        self.gate_norm = nn.Parameter(torch.ones(s.d_inner))
        w_out = torch.randn(s.n_embd, s.d_inner)
        self.w_out = nn.Parameter(w_out / math.sqrt(s.d_inner * 2 * s.n_layer))
        self.start_as_recall(first)

    @torch.no_grad()
    def start_as_recall(self, first):
        """Starts where recall is near. The first layer's channels look 0..3 tokens back. In later
        layers C(t) asks with the projection that B(t + 1) stored under, so a state begins as an
        associative memory from what came before a word to that word. Heads are many and small, A
        is -1 and dt small: one head can hold one fact, and a large dt replaces it."""
        s, last = self.s, self.s.d_conv - 1
        b, c = s.d_inner, s.d_inner + s.d_state
        delay = torch.arange(s.d_xbc) % s.d_conv
        if not first:
            delay[:] = 0
            delay[b:c] = 1
            xbc = self.w_in[s.d_inner:]
            xbc[c:c + s.d_state] = xbc[b:c]
        self.conv_w.mul_(0.2)
        self.conv_w[torch.arange(s.d_xbc), last - delay] += 1.0

    def forward(self, x, chunk):
        s = self.s
        nb, nt, _ = x.shape
        p = F.linear(rms_norm(x, self.norm, s.eps), self.w_in)
        z, xbc, dt = p.split([s.d_inner, s.d_xbc, s.n_head], -1)
        acc = self.conv_b + xbc * self.conv_w[:, -1]
        for back in range(1, s.d_conv):
            acc = acc + F.pad(xbc, (0, 0, back, -back)) * self.conv_w[:, -1 - back]
        xs, b, c = F.silu(acc).split([s.d_inner, s.d_state, s.d_state], -1)
        xs = xs.reshape(nb, nt, s.n_head, s.head_dim)
        dt, a = F.softplus(dt + self.dt_bias), -self.a_log.exp()
        y = scan(xs, dt, a, b.contiguous(), c.contiguous(), chunk)
        y = (y + xs * self.d.unsqueeze(-1)).reshape(nb, nt, s.d_inner)
        return F.linear(rms_norm(y * F.silu(z), self.gate_norm, s.eps), self.w_out)


class Model(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.s = s
        self.embd = nn.Parameter(torch.randn(s.n_vocab, s.n_embd) * 0.05)
        self.layers = nn.ModuleList(Mixer(s, i == 0) for i in range(s.n_layer))
        self.norm = nn.Parameter(torch.ones(s.n_embd))

    def forward(self, ids, chunk=16):
        """ids [B,T] -> normed hidden state [B,T,n_embd]."""
        x = F.embedding(ids, self.embd)
        for layer in self.layers:
            x = x + layer(x, chunk)
        return rms_norm(x, self.norm, self.s.eps)

    def logits(self, hidden):
        return F.linear(hidden, self.embd)
