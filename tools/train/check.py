"""Checks of the training code: one line per check, fails by an assertion. Usage: check.py"""
import os
import random
import re
import tempfile

import numpy as np
import torch

import bpe
import evaluate
import export
import gguf
import world
from model import Model, Shape


def small_tokenizer():
    text = "".join(s for i in range(50) for s, _ in world.training_tale(random.Random(i), 150))
    return bpe.Tokenizer(bpe.learn_merges(text.replace(bpe.END, ""), 300))


def check_tokenizer(tok):
    for i in range(200):
        segments = world.training_tale(random.Random(1000 + i), 200)
        text = "".join(s for s, _ in segments)
        ids = tok.encode(text)
        assert tok.decode(ids) == text
        assert ids == [t for s, _ in segments for t in tok.encode(s)]
    print("segments tokenise like the whole tale, and decode to it")


def read_tale(text):
    """What an attentive reader knows at the end: {subject: place or holder}."""
    rules = [(r"^The (\w+) was in the (\w+)$", r"\1 \2"),
             (r"^There was a (\w+) in the (\w+)$", r"\1 \2"),
             (r"^(\w+) (?:was in|(?:went|walked|ran)(?: from the \w+)? to) the (\w+)$", r"\1 \2"),
             (r"^(\w+) left the \w+ and went to the (\w+)$", r"\1 \2"),
             (r"^(\w+) (?:had|took|picked up) the (\w+)(?: (?:from|in) the \w+)?$", r"\2 \1"),
             (r"^\w+ (?:moved|carried) the (\w+)(?: from the \w+)? to the (\w+)$", r"\1 \2"),
             (r"^\w+ gave the (\w+) to (\w+)$", r"\1 \2"),
             (r"^\w+ (?:put|left|dropped) the (\w+) in the (\w+)$", r"\1 \2")]
    known = {}
    for sentence in re.split(r"[.?]\s*", text):
        for pattern, result in rules:
            m = re.match(pattern, sentence)
            if m:
                subject, value = m.expand(result).split()
                known[subject] = value
    return known


def check_answers(tok):
    for i in range(1000):
        prompt, answer, _ = world.test_question(random.Random(i), 100, lambda t: len(tok.encode(t)))
        tale, question = prompt.rsplit("\n", 1)
        subject = question.rstrip("?").split()[-1]
        value = answer.split()[0] if " has the " in answer else answer.rstrip(".").split()[-1]
        assert read_tale(tale)[subject] == value, (tale, question, answer)
    print("answers follow from the sentences of the tale, the last one winning")


def check_recurrence(tok, folder):
    torch.manual_seed(3)
    model = Model(Shape(len(tok.texts), n_embd=64, n_layer=2, d_state=32))
    path = os.path.join(folder, "m.gguf")
    shape, weights = vars(model.s), {k: v.detach() for k, v in model.state_dict().items()}
    for kind, bound in [(gguf.F32, 1e-4), (gguf.F16, 0.05), (gguf.Q8_0, 0.5)]:
        gguf.write(path, export.metadata(shape, tok, gguf.F16),
                   export.tensors(weights, shape, kind))
        file, again = evaluate.load(path)
        assert again.texts == tok.texts
        ids = torch.randint(0, tok.end, (2, 96))
        with torch.no_grad():
            want = model.logits(model(ids, chunk=32)).numpy()
        run = evaluate.Recurrence(file, 2)
        got = np.stack([run.step(ids[:, t].numpy()) for t in range(96)], 1)
        worst = np.abs(got - want).max()
        assert worst < bound, (kind, worst)
        print("training form = recurrence over a type %d file: max difference %.2g" % (kind, worst))


def main():
    tok = small_tokenizer()
    check_tokenizer(tok)
    check_answers(tok)
    with tempfile.TemporaryDirectory() as folder:
        check_recurrence(tok, folder)


if __name__ == "__main__":
    main()
