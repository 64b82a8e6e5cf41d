// eddy and the maker of random models, as programs.
import {execFileSync} from "node:child_process";
import {readFileSync, rmSync, writeFileSync} from "node:fs";
import {join} from "node:path";

const bin = join(import.meta.dirname, "../../build/release");

function call(program, args) {
  return execFileSync(join(bin, program), args, {encoding: "utf8", maxBuffer: 1 << 26});
}

// Types that make_model does not know are made by `eddy quantize`.
export function make_model({arch, shape, type}, path, seed) {
  const is_plain = ["F32", "F16", "BF16", "Q8_0"].includes(type);
  const made = is_plain ? path : `${path}.f16`;
  call("make_model", [arch, shape, is_plain ? type : "F16", made, "--seed", String(seed)]);
  if (is_plain) return;
  call("eddy", ["quantize", "-q", made, path, type]);
  rmSync(made);
}

// The logits after each token, as Float32Arrays of n_vocab.
export function logits(path, tokens, {n_threads, n_ubatch, dir}) {
  const ids = join(dir, "tokens.txt");
  const out = join(dir, "logits.bin");
  writeFileSync(ids, tokens.join(" "));
  call("eddy", ["logits", path, "--tokens", ids, "--out", out, "-t", String(n_threads),
                "--ubatch", String(n_ubatch)]);
  const bytes = readFileSync(out);
  const n_vocab = bytes.length / 4 / tokens.length;
  return tokens.map((_, pos) =>
      new Float32Array(bytes.buffer, bytes.byteOffset + 4 * n_vocab * pos, n_vocab));
}

export function version() {
  return call("eddy", ["--version"]).trim().split("\n")[0];
}

// Median tokens per second of reading a prompt.
export function prefill(path, {n_tokens, n_threads, n_repetitions}) {
  const lines = call("eddy", ["bench", path, "-p", String(n_tokens), "-n", "0", "-t",
                              String(n_threads), "-r", String(n_repetitions), "--format", "json"]);
  return JSON.parse(lines.trim().split("\n")[0]).tokens_per_s;
}

// What `eddy bench state` measures: microseconds by the name of the test.
export function state(path, {n_tokens, n_threads, n_repetitions}) {
  const lines = call("eddy", ["bench", "state", path, "-p", String(n_tokens), "-t",
                              String(n_threads), "-r", String(n_repetitions), "--format", "json"]);
  return Object.fromEntries(
      lines.trim().split("\n").map((line) => JSON.parse(line)).map(({test, us}) => [test, us]));
}
