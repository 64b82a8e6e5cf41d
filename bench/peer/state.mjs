// What states cost in both engines, on the same model, tokens and threads, in the same run: the
// first token after a prompt, and after the same prompt with another end; a fork; saving and
// loading. Medians of repetitions, the first of which warms up and does not count; what reads the
// whole prompt is measured once.
//
// llama.cpp's states pass through a file, as its package offers them, and so do eddy's here.
import {rmSync} from "node:fs";
import {join} from "node:path";

import * as eddy from "./eddy.mjs";
import * as llama from "./llama.mjs";

const n_repetitions = 5;
const n_changed = 10;

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

async function milliseconds(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function median_of(work) {
  const all = [];
  for (let i = 0; i <= n_repetitions; ++i) all.push(await work(i));
  return median(all.slice(1));
}

// The prompt with another end, a new one for each i.
const with_end = (tokens, i) =>
    [...tokens.slice(0, -n_changed), ...Array.from({length: n_changed}, (_, k) => 1 + (37 * i + k) % 250)];

async function llama_changed_end(sequence, tokens) {
  return await median_of((i) => milliseconds(() => llama.first_token(sequence, with_end(tokens, i))));
}

// The package takes checkpoints of recurrent states by itself every 8192 tokens; one by hand where
// the change begins is the best that its user can do, if he knows the place before.
async function llama_changed_after_checkpoint(sequence, tokens) {
  await sequence.clearHistory();
  await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(0, -n_changed));
  await sequence.takeCheckpoint();
  await llama.first_token(sequence, tokens);
  return await llama_changed_end(sequence, tokens);
}

async function llama_results(path, tokens, {n_threads, dir}) {
  const peer = await llama.open(path,
                                {n_threads, n_ctx: tokens.length + 64, n_batch: 512, n_seq: 2});
  const {sequence} = peer;
  const file = join(dir, "state.bin");
  const results = {};
  try {
    await llama.first_token(sequence, tokens.slice(0, 64));
    await sequence.clearHistory();
    results.first = await milliseconds(() => llama.first_token(sequence, tokens));
    results.changed = await milliseconds(() => llama.first_token(sequence, with_end(tokens, 0)));
    results.changed_known = await llama_changed_after_checkpoint(sequence, tokens);
    results.fork = await median_of(() => milliseconds(() => llama.copy_sequence(peer)));
    results.save = await median_of(() => milliseconds(() => sequence.saveStateToFile(file)));
    results.load = await median_of(
        () => milliseconds(() => sequence.loadStateFromFile(file, {acceptRisk: true})));
  } finally {
    rmSync(file, {force: true});
    await peer.model.dispose();
  }
  return results;
}

function eddy_results(path, tokens, n_threads) {
  const measured = eddy.state(path, {n_tokens: tokens.length, n_threads, n_repetitions});
  const ms = (test) => {
    const found = Object.keys(measured).find((name) => name.startsWith(test));
    if (!found) throw new Error(`eddy bench state measures no "${test}"`);
    return measured[found] / 1000;
  };
  const changed = ms("its last 10 changed");
  return {first: ms("first token after"), changed, changed_known: changed,
          fork: ms("fork"), save: ms("save to a file"), load: ms("load from a file")};
}

const names = {
  first: (n) => `first token after ${n} tokens`,
  changed: () => `the same, last ${n_changed} changed`,
  changed_known: () => "the same, llama.cpp's checkpoint set by hand",
  fork: () => "fork",
  save: () => "save to a file",
  load: () => "load from a file",
};

// A row for each kind of work.
export async function compare_state(model, path, {tokens, n_threads, dir}) {
  const theirs = await llama_results(path, tokens, {n_threads, dir});
  const ours = eddy_results(path, tokens, n_threads);
  return Object.keys(names).map((key) => ({
    arch: model.arch, work: names[key](tokens.length),
    "llama.cpp ms": theirs[key].toPrecision(3), "eddy ms": ours[key].toPrecision(3),
    ratio: (theirs[key] / ours[key]).toPrecision(3)}));
}
