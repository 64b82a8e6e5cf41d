// llama.cpp, through node-llama-cpp.
import {getLlama, LlamaLogLevel} from "node-llama-cpp";

let library;

// Opens a model on the CPU; the caller disposes of it.
export async function open(path, {n_threads, n_ctx, n_batch, n_seq = 1}) {
  library ??= await getLlama({gpu: false, build: "never", logLevel: LlamaLogLevel.error,
                              maxThreads: 0});
  const model = await library.loadModel({modelPath: path, gpuLayers: 0});
  const context = await model.createContext(
      {contextSize: n_ctx, batchSize: n_batch, threads: n_threads, flashAttention: false,
       sequences: n_seq});
  return {model, context, sequence: context.getSequence()};
}

// The logits after each token, as Float32Arrays of n_vocab.
export async function logits({sequence}, tokens) {
  const all = {generateNext: {logits: true, options: {temperature: 0, topK: 0, topP: 1, minP: 0}}};
  const results = await sequence.controlledEvaluate(tokens.map((token) => [token, all]));
  return results.map(({next}) => {
    const row = new Float32Array(next.logits.size);
    for (const [token, logit] of next.logits) row[token] = logit;
    return row;
  });
}

// Seconds to read the tokens from an empty state.
export async function prefill_seconds({sequence}, tokens) {
  await sequence.clearHistory();
  const start = performance.now();
  await sequence.evaluateWithoutGeneratingNewTokens(tokens);
  return (performance.now() - start) / 1000;
}

// Reads what the sequence has not read of the tokens yet, and chooses the token that follows.
export async function first_token(sequence, tokens) {
  await sequence.adaptStateToTokens(tokens, false);
  const left = tokens.slice(sequence.nextTokenIndex);
  const answer = sequence.evaluate(left, {temperature: 0});
  await answer.next();
  await answer.return();
}

// Copies the state of the context's first sequence to its second. The package does so inside, but
// declares no such function to its users.
export async function copy_sequence({context}) {
  await context._ctx.copySequenceStateFromOtherSequence(1, 0);
}
