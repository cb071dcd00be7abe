// The vector arithmetic that model.ts is written in: float64, flat row-major arrays.

export type Numbers = ArrayLike<number>;

/** A decoded weight tensor; every stored format is exact in float32. */
export type Weight = Float32Array | Float64Array;

/** Rows of the embedding table (vocab_size, hidden_size). */
export function embed(ids: Numbers, table: Weight, hiddenSize: number): Float64Array {
  const h = new Float64Array(ids.length * hiddenSize);
  for (let token = 0; token < ids.length; token++) {
    if (!(ids[token] >= 0 && ids[token] < table.length / hiddenSize)) {
      throw new RangeError(`token id: expected 0 to ${table.length / hiddenSize - 1}, got ${ids[token]}`);
    }
    h.set(table.subarray(ids[token] * hiddenSize, (ids[token] + 1) * hiddenSize), token * hiddenSize);
  }
  return h;
}

/** x / sqrt(mean(x²) + eps) · weight, over rows of weight's length. */
export function rmsNorm(x: Numbers, weight: Numbers, eps: number): Float64Array {
  const width = weight.length;
  const normed = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += width) {
    const scale = 1 / Math.sqrt(dot(x, start, x, start, width) / width + eps);
    for (let i = 0; i < width; i++) normed[start + i] = x[start + i] * scale * weight[i];
  }
  return normed;
}

/** x @ weight^T: x (num_tokens, num_columns), weight (num_rows, num_columns) → (num_tokens, num_rows). */
export function linear(x: Numbers, weight: Weight, numRows: number): Float64Array {
  const numColumns = weight.length / numRows;
  const out = new Float64Array((x.length / numColumns) * numRows);
  for (let i = 0; i < out.length; i++) {
    out[i] = dot(x, Math.floor(i / numRows) * numColumns, weight, (i % numRows) * numColumns, numColumns);
  }
  return out;
}

/** x / (1 + e^-x) */
export function silu(x: number): number {
  return x * sigmoid(x);
}

/** 1 / (1 + e^-x) */
export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** exp(scores) / sum exp(scores). */
export function softmax(scores: Numbers): Float64Array {
  let max = -Infinity;
  for (let i = 0; i < scores.length; i++) max = Math.max(max, scores[i]);
  const weights = Float64Array.from(scores, (score) => Math.exp(score - max));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** alpha x + beta y. */
export function addScaled(alpha: number, x: Float64Array, beta: number, y: Float64Array): Float64Array {
  return x.map((value, i) => alpha * value + beta * y[i]);
}

/** Adds scale · row[rowAt..] to out[outAt..], in place. */
export function addScaledRow(
  out: Float64Array,
  outAt: number,
  scale: number,
  row: Numbers,
  rowAt: number,
  length: number,
): void {
  for (let i = 0; i < length; i++) out[outAt + i] += scale * row[rowAt + i];
}

/** a[aAt..] · b[bAt..] over `length` numbers. */
export function dot(a: Numbers, aAt: number, b: Numbers, bAt: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += a[aAt + i] * b[bAt + i];
  return sum;
}
