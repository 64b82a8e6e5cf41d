// How far two engines' logits are from each other.

// Probabilities of the next token: the softmax of n_vocab logits, in double.
export function softmax(logits) {
  let max = -Infinity;
  for (const logit of logits) max = Math.max(max, logit);
  const weights = Float64Array.from(logits, (logit) => Math.exp(logit - max));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

// The indices of the largest and the second largest value.
function top_two(values) {
  let [first, second] = values[0] >= values[1] ? [0, 1] : [1, 0];
  for (let i = 2; i < values.length; ++i) {
    if (values[i] > values[first]) [first, second] = [i, first];
    else if (values[i] > values[second]) second = i;
  }
  return [first, second];
}

// Compares positions of logits: {max_diff, n_wrong}. max_diff is the largest difference of a
// probability; n_wrong counts the positions whose most likely tokens differ although the peer's two
// best are further apart than the tolerance.
export function distance(ours, theirs, tolerance) {
  if (ours.length !== theirs.length) throw new Error(`${ours.length} and ${theirs.length} positions`);
  let max_diff = 0;
  let n_wrong = 0;
  for (let pos = 0; pos < ours.length; ++pos) {
    const p = softmax(ours[pos]);
    const q = softmax(theirs[pos]);
    if (p.length !== q.length) throw new Error(`${p.length} and ${q.length} logits`);
    for (let i = 0; i < p.length; ++i) {
      const diff = Math.abs(p[i] - q[i]);
      if (!(diff <= max_diff)) max_diff = diff;  // a NaN stays
    }
    const [best, next] = top_two(q);
    if (top_two(p)[0] !== best && !(q[best] - q[next] <= tolerance)) ++n_wrong;
  }
  return {max_diff, n_wrong};
}
