// ./dev peer: eddy next to llama.cpp on random models of each architecture and type.
//
// Correctness: the same token ids through both; the largest difference of a next-token probability,
// and the positions whose most likely tokens differ although the peer's two best are further apart
// than the tolerance. F32 must agree within 1e-4. The other types round activations differently in
// the two engines (llama.cpp to the weights' type, per block), hence 2e-2.
//
// Exit status: 1 if any row is out of tolerance.
import {mkdtempSync, rmSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {parseArgs} from "node:util";

import {distance} from "./distance.mjs";
import * as eddy from "./eddy.mjs";
import * as llama from "./llama.mjs";
import {compare_speed} from "./speed.mjs";
import {compare_state} from "./state.mjs";

const usage = `usage: ./dev peer [--only TEXT] [--bench | --state] [--threads N] [--tokens N]

  --only TEXT   only the models whose "arch shape type" contains TEXT
  --bench       prefill speed instead of probabilities
  --state       what states cost instead: a changed prompt, forks, saving, loading
  --threads N   threads of both engines (2)
  --tokens N    length of the prompt (48; with --bench 512, with --state 2000)`;

const shapes = [
  ["mamba", "tiny"], ["mamba", "tiny-odd"], ["mamba", "tiny-falcon"], ["mamba", "130m"],
  ["mamba2", "tiny"], ["mamba2", "tiny-grouped"], ["mamba2", "tiny-wide"], ["mamba2", "130m"],
  ["rwkv6", "tiny"], ["rwkv6", "tiny-odd"], ["rwkv6", "tiny-wide"],
  // llama.cpp's wkv7 takes 32 elements of a row at a time: heads of 12 or 16, as other tiny shapes
  // have, run over into the next row.
  ["rwkv7", "tiny-wide"], ["rwkv7", "0.1b"], ["rwkv6qwen2", "tiny"],
];
const types = ["F32", "F16", "BF16", "Q8_0"];
const bench_types = ["F16", "Q8_0", "Q4_K_M"];
const tolerance = (type) => (type === "F32" ? 1e-4 : 2e-2);

// Token ids that look random and are the same in every run; below the smallest vocabulary.
function some_tokens(n) {
  let x = 12345;
  return Array.from({length: n}, () => {
    x = (Math.imul(x, 1103515245) + 12345) & 0x7fffffff;
    return 1 + (x >> 8) % 256;
  });
}

async function compare(model, path, {tokens, n_threads, dir}) {
  const ours = eddy.logits(path, tokens, {n_threads, n_ubatch: 16, dir});
  const peer = await llama.open(path, {n_threads, n_ctx: 256, n_batch: 256});
  const theirs = await llama.logits(peer, tokens);
  await peer.model.dispose();
  const {max_diff, n_wrong} = distance(ours, theirs, tolerance(model.type));
  const good = max_diff <= tolerance(model.type) && n_wrong === 0;
  return {...model, "max diff": max_diff.toExponential(1), "argmax wrong": n_wrong,
          ok: good ? "yes" : "NO"};
}

async function main() {
  const {values: args} = parseArgs({options: {
    help: {type: "boolean"}, bench: {type: "boolean"}, state: {type: "boolean"}, only: {type: "string", default: ""},
    threads: {type: "string", default: "2"}, tokens: {type: "string"}}});
  if (args.help) return console.log(usage);
  const n_threads = Number(args.threads);
  const tokens = some_tokens(Number(args.tokens ?? (args.state ? 2000 : args.bench ? 512 : 48)));
  const dir = mkdtempSync(join(tmpdir(), "eddy-peer-"));
  const rows = [];
  try {
    for (const model of models(args)) {
      const path = join(dir, "model.gguf");
      eddy.make_model(model, path, 7);
      const work = args.state ? compare_state : args.bench ? compare_speed : compare;
      rows.push(...[await work(model, path, {tokens, n_threads, dir})].flat());
      rmSync(path);
    }
  } finally {
    rmSync(dir, {recursive: true});
  }
  console.log(`${eddy.version()}; node-llama-cpp 3.22.1; ${n_threads} threads; ${tokens.length} tokens`);
  console.table(rows);
  process.exitCode = rows.some((row) => row.ok === "NO") ? 1 : 0;
}

function models({only, bench, state}) {
  if (state) {
    return ["mamba", "mamba2"].map((arch) => ({arch, shape: "130m", type: "Q8_0"}))
        .filter(({arch, shape, type}) => `${arch} ${shape} ${type}`.includes(only));
  }
  return shapes.filter(([, shape]) => !bench || !shape.startsWith("tiny"))
      .flatMap(([arch, shape]) => (bench ? bench_types : types).map((type) => ({arch, shape, type})))
      .filter(({arch, shape, type}) => `${arch} ${shape} ${type}`.includes(only));
}

await main();
