"""Mamba-2 for training: the chunked form of the recurrence, in PyTorch on the CPU.

Equals the recurrence that evaluate.py runs token by token. One group; the gate comes before the
norm; the embedding is tied to the output."""
import math

import torch
import torch.nn.functional as F
from torch import nn


class Shape:
    def __init__(self, n_vocab, n_embd=128, n_layer=2, d_state=64, head_dim=32, d_conv=4, eps=1e-5):
        self.n_vocab, self.n_embd, self.n_layer = n_vocab, n_embd, n_layer
        self.d_state, self.head_dim, self.d_conv, self.eps = d_state, head_dim, d_conv, eps
        self.d_inner = 2 * n_embd
        self.n_head = self.d_inner // head_dim
        self.d_xbc = self.d_inner + 2 * d_state
        self.d_in = self.d_inner + self.d_xbc + self.n_head


def rms_norm(x, weight, eps):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


def scan(x, dt, a, b, c, chunk):
    """x [B,T,H,P], dt [B,T,H], a [H] < 0, b and c [B,T,N] -> y [B,T,H,P]; chunk divides T."""
    nb, nt, nh, hp = x.shape
    ns, nc = b.shape[-1], nt // chunk
    cum = (dt * a).view(nb, nc, chunk, nh).permute(0, 3, 1, 2).cumsum(-1)       # B H C Q
    u = (x * dt.unsqueeze(-1)).view(nb, nc, chunk, nh, hp).permute(0, 3, 1, 2, 4)  # B H C Q P
    b, c = b.view(nb, nc, chunk, ns), c.view(nb, nc, chunk, ns)
    m = torch.matmul(c, b.transpose(-1, -2))                                     # B C Q Q
    mask = torch.ones(chunk, chunk, dtype=torch.bool).triu(1)
    decay = (cum.unsqueeze(-1) - cum.unsqueeze(-2)).masked_fill(mask, -1e30).exp()
    y = torch.matmul(decay * m.unsqueeze(1), u)
    last = cum[..., -1:]
    left = (u * (last - cum).exp().unsqueeze(-1)).permute(0, 2, 3, 1, 4)
    left = left.reshape(nb, nc, chunk, nh * hp)
    states = torch.matmul(b.transpose(-1, -2), left)                             # B C N HP
    keep = last.squeeze(-1).exp().transpose(1, 2).repeat_interleave(hp, -1).unsqueeze(-2)
    enter, s = [], torch.zeros_like(states[:, 0])
    for i in range(nc):
        enter.append(s)
        s = s * keep[:, i] + states[:, i]
    carried = torch.matmul(c, torch.stack(enter, 1)).view(nb, nt, nh, hp)
    scale = cum.permute(0, 2, 3, 1).reshape(nb, nt, nh, 1).exp()
    return y.permute(0, 2, 3, 1, 4).reshape(nb, nt, nh, hp) + carried * scale


class Mixer(nn.Module):
    def __init__(self, s, first):
        super().__init__()
        self.s = s
        self.norm = nn.Parameter(torch.ones(s.n_embd))
        self.w_in = nn.Parameter(torch.randn(s.d_in, s.n_embd) / math.sqrt(s.n_embd))
        self.conv_w = nn.Parameter((torch.rand(s.d_xbc, s.d_conv) - 0.5) / math.sqrt(s.d_conv) * 2)
        self.conv_b = nn.Parameter(torch.zeros(s.d_xbc))
        dt = torch.exp(torch.linspace(math.log(0.02), math.log(0.3), s.n_head))
        self.dt_bias = nn.Parameter(dt + torch.log(-torch.expm1(-dt)))
        self.a_log = nn.Parameter(torch.log(torch.logspace(-2.0, 0.3, s.n_head)).flip(0))
        self.d = nn.Parameter(torch.ones(s.n_head))
        self.gate_norm = nn.Parameter(torch.ones(s.d_inner))
        w_out = torch.randn(s.n_embd, s.d_inner)
        self.w_out = nn.Parameter(w_out / math.sqrt(s.d_inner * 2 * s.n_layer))
        self.start_as_recall(first)

    @torch.no_grad()
    def start_as_recall(self, first):
        """Starts where recall is near. The first layer's channels look 0..3 tokens back. In later
        layers C(t) asks with the projection that B(t + 1) stored under, so a state begins as an
        associative memory from what came before a word to that word."""
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
        xp = F.pad(xbc, (0, 0, s.d_conv - 1, 0))
        acc = self.conv_b + xp[:, 0:nt] * self.conv_w[:, 0]
        for k in range(1, s.d_conv):
            acc = acc + xp[:, k:k + nt] * self.conv_w[:, k]
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

    def forward(self, ids, chunk=32):
        """ids [B,T] -> normed hidden state [B,T,n_embd]."""
        x = F.embedding(ids, self.embd)
        for layer in self.layers:
            x = x + layer(x, chunk)
        return rms_norm(x, self.norm, self.s.eps)

    def logits(self, hidden):
        return F.linear(hidden, self.embd)
