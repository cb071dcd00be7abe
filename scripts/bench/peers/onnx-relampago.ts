// A Relampago model as an ONNX file for onnxruntime-web's WebGPU back end: the same weights in the same 4 and 8 bits.
//
// What was done so that it runs as fast as it can there:
// - y = alpha · x is folded into the norms' weights and taken out of the scales behind them, so that residual and norm are
//   one SkipSimplifiedLayerNormalization; beta goes into the scales of the last projection.
// - q, k and v come from one product; their rows are sorted so that Split needs no transposition.
// - Decays are an input that stays on the GPU; only the last token's logits are computed.

import type { ModelConfig } from "../../../src/checkpoint/model-config.ts";
import { GROUP_SIZE, type WeightSource } from "../../../src/checkpoint/weight-source.ts";
import { LIGHTNING_NORM_EPS } from "../../../src/reference/model.ts";
import { type AccuracyLevel, OnnxBuilder, packQuants } from "./onnx-builder.ts";
import { MICROSOFT } from "./onnx-file.ts";
import { type QuantRows, readFloats, readQuantRows, reorderRows, scaleFloats, stackRows } from "./stored-tensors.ts";

/** The file's bytes. Besides OnnxBuilder's inputs and outputs, for lightning layers: `decay.L` (1, num_tokens, num_heads), the
 * slopes' negatives; `state.L` to `new_state.L` (1, num_heads, head_dim, head_dim). */
export async function createRelampagoOnnx(source: WeightSource, accuracyLevel: AccuracyLevel): Promise<Uint8Array> {
  const { config } = source;
  const builder = new OnnxBuilder(config, accuracyLevel);
  const norms = async (name: string, alpha: number) => {
    return (await readFloats(source, `model.${name}.weight`)).map((value) => value * alpha);
  };
  let residual: string | undefined;
  let block = builder.embed(await readFloats(source, "model.embed_tokens.weight"));
  for (const [layer, type] of config.layerTypes.entries()) {
    const isLightning = type === "linear_attention";
    const alpha = isLightning ? config.linearAttentionAlpha : config.fullAttentionAlpha;
    const weight = await norms(`layers.${layer}.input_layernorm`, alpha);
    const output = `x.${layer}`;
    const x =
      residual === undefined
        ? builder.norm(block, weight, config.rmsNormEps, output)
        : builder.normOfSum(block, residual, weight, output);
    const attended = await (isLightning ? addLightning : addAttention)(builder, source, layer, x, alpha);
    const mlpWeight = await norms(`layers.${layer}.post_attention_layernorm`, config.mlpAlpha);
    residual = builder.normOfSum(attended, x, mlpWeight, `y.${layer}`);
    block = await addExperts(builder, source, layer, residual);
  }
  const normed = builder.normOfSum(block, residual!, await norms("norm", 1), "normed");
  const head = config.tieWordEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight";
  builder.head(normed, await readQuantRows(source, head));
  return builder.graph.encode("relampago");
}

/** Of x = alpha · the attention's input. */
async function addLightning(
  builder: OnnxBuilder,
  source: WeightSource,
  layer: number,
  x: string,
  alpha: number,
): Promise<string> {
  const { graph } = builder;
  const { numHeads, headDim, linearAttentionBeta } = source.config;
  const read = (name: string) => readQuantRows(source, `model.layers.${layer}.self_attn.${name}.weight`);
  const name = (part: string) => `lightning.${layer}/${part}`;
  const width = numHeads * headDim;
  // From (num_heads, 3, head_dim) to (3, num_heads, head_dim).
  const packed = reorderRows(await read("qkv_proj"), 3 * width, (row) => {
    const head = Math.floor((row % width) / headDim);
    return (head * 3 + Math.floor(row / width)) * headDim + (row % headDim);
  });
  builder.silu(builder.product(x, packed, name("qkv"), 1 / alpha), name("silu"));
  const parts = ["q", "k", "v"].map(name);
  graph.node("Split", [name("silu")], parts, { axis: 2, num_outputs: 3 });

  graph.input(`decay.${layer}`, "float32", [1, "num_tokens", numHeads]);
  const stateShape = [1, numHeads, headDim, headDim];
  graph.input(`state.${layer}`, "float32", stateShape);
  graph.output(`new_state.${layer}`, "float32", stateShape);
  graph.node(
    "LinearAttention",
    [...parts, `state.${layer}`, `decay.${layer}`],
    [name("o"), `new_state.${layer}`],
    { update_rule: "gated", q_num_heads: numHeads, kv_num_heads: numHeads, scale: { float: 1 } },
    MICROSOFT,
  );
  const normWeight = await readFloats(source, `model.layers.${layer}.self_attn.norm.weight`);
  builder.norm(name("o"), normWeight, LIGHTNING_NORM_EPS, name("normed"));
  builder.product(x, await read("output_gate"), name("gate"), 1 / alpha);
  graph.node("Sigmoid", [name("gate")], [name("open")]);
  graph.node("Mul", [name("normed"), name("open")], [name("gated")]);
  return builder.product(name("gated"), await read("out_proj"), name("out"), linearAttentionBeta);
}

/** Of x = alpha · the attention's input. */
async function addAttention(
  builder: OnnxBuilder,
  source: WeightSource,
  layer: number,
  x: string,
  alpha: number,
): Promise<string> {
  const read = (name: string) => readQuantRows(source, `model.layers.${layer}.self_attn.${name}.weight`);
  const name = (part: string) => `attention.${layer}/${part}`;
  const packed = stackRows([await read("q_proj"), await read("k_proj"), await read("v_proj")]);
  const o = builder.attention(layer, builder.product(x, packed, name("qkv"), 1 / alpha), name("o"));
  return builder.product(o, await read("o_proj"), name("out"), source.config.fullAttentionBeta);
}

/** Of y = mlpAlpha · the experts' input. */
async function addExperts(builder: OnnxBuilder, source: WeightSource, layer: number, y: string): Promise<string> {
  const { graph } = builder;
  const { config } = source;
  const { intermediateSize, numExperts, mlpAlpha } = config;
  const prefix = `model.layers.${layer}.mlp`;
  const name = (part: string) => `experts.${layer}/${part}`;
  const router = await readFloats(source, `${prefix}.gate.weight`);
  graph.constant(name("router"), "float32", [config.hiddenSize, numExperts], transposeRouter(router, config));
  graph.node("MatMul", [y, name("router")], [name("logits")]);
  graph.constant(name("rows"), "int64", [2], BigInt64Array.of(-1n, BigInt(numExperts)));
  graph.node("Reshape", [name("logits"), name("rows")], [name("logits_2d")]);

  const stored = await readQuantRows(source, `${prefix}.experts.gate_up_proj`);
  // Rows of w1 and w3 take turns.
  const gateUp = reorderRows(stored, stored.numRows, (row) => {
    const inExpert = row % (2 * intermediateSize);
    return row - inExpert + (inExpert % 2) * intermediateSize + Math.floor(inExpert / 2);
  });
  const addWeights = (part: string, rows: QuantRows, factor: number) => {
    const numRows = rows.numRows / numExperts;
    const numGroups = rows.numColumns / GROUP_SIZE;
    const packed = packQuants(rows);
    graph.constant(name(part), "uint8", [numExperts, numRows, (rows.numColumns * rows.bits) / 8], packed);
    graph.constant(name(`${part}_scales`), "float32", [numExperts, numRows, numGroups], scaleFloats(rows, factor));
    return [name(part), name(`${part}_scales`), ""];
  };
  const weights = [
    ...addWeights("gate_up", gateUp, 1 / mlpAlpha),
    ...addWeights("down", await readQuantRows(source, `${prefix}.experts.down_proj`), config.mlpBeta),
  ];
  graph.node(
    "QMoE",
    [y, name("logits_2d"), ...weights],
    [name("out")],
    {
      k: config.expertsPerToken,
      expert_weight_bits: gateUp.bits,
      block_size: GROUP_SIZE,
      activation_type: "swiglu",
      activation_alpha: { float: 1 },
      activation_beta: { float: 0 },
      swiglu_fusion: 1,
      normalize_routing_weights: 1,
    },
    MICROSOFT,
  );
  return name("out");
}

/** (hidden_size, num_experts) from (num_experts, hidden_size), over mlpAlpha. */
function transposeRouter(router: Float32Array, { hiddenSize, numExperts, mlpAlpha }: ModelConfig): Float32Array {
  return Float32Array.from({ length: router.length }, (_, i) => {
    return router[(i % numExperts) * hiddenSize + Math.floor(i / numExperts)]! / mlpAlpha;
  });
}
