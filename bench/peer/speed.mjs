// Prefill speed of both engines on the same model, tokens and threads, in the same run.
import * as eddy from "./eddy.mjs";
import * as llama from "./llama.mjs";

const n_repetitions = 5;

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

// Tokens per second; the first repetition warms up and does not count.
async function llama_prefill(path, tokens, n_threads) {
  const peer = await llama.open(path, {n_threads, n_ctx: tokens.length + 64, n_batch: 512});
  const seconds = [];
  for (let i = 0; i <= n_repetitions; ++i) seconds.push(await llama.prefill_seconds(peer, tokens));
  await peer.model.dispose();
  return tokens.length / median(seconds.slice(1));
}

export async function compare_speed(model, path, {tokens, n_threads}) {
  const theirs = await llama_prefill(path, tokens, n_threads);
  const ours = eddy.prefill(path, {n_tokens: tokens.length, n_threads, n_repetitions});
  return {...model, "llama.cpp tokens/s": theirs.toFixed(1), "eddy tokens/s": ours.toFixed(1),
          ratio: (ours / theirs).toFixed(2)};
}
