"""Writes held-out questions (odd seeds).

Usage: questions.py TRAIN_DIR OUT.jsonl [--seed S] [--near N] [--far N]"""
import argparse
import json
import random

import train
import world


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("run")
    ap.add_argument("out")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--near", type=int, default=150)
    ap.add_argument("--far", type=int, default=50)
    arg = ap.parse_args()
    tok = train.tokenizer(arg.run)

    def tokens(text):
        return len(tok.encode(text))

    total = 0
    with open(arg.out, "w", encoding="utf-8") as f:
        for i in range(arg.near + arg.far):
            rng = random.Random(2 * (arg.seed * 100000 + i) + 1)
            distance = rng.randint(8, 194) if i < arg.near else 990
            prompt, answer, real = world.test_question(rng, distance, tokens)
            total += tokens(prompt)
            f.write(json.dumps({"prompt": prompt, "answer": answer, "distance": real}) + "\n")
    print("%d questions, %d prompt tokens" % (arg.near + arg.far, total))


if __name__ == "__main__":
    main()
