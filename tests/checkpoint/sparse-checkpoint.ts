// A checkpoint of any size whose file is a hole on the disk but for its header: all weights are zero.

import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseHfConfig } from "../../src/checkpoint/hf-config.ts";
import { planTensors } from "../../src/checkpoint/tensor-plan.ts";
import { sizeOf, withHeader } from "./made-checkpoint.ts";

/** f32, with fused experts: about 126 MB a layer. Returns the size of the file. */
export function writeSparseCheckpoint(folder: string, numLayers: number): number {
  const config = {
    ...{ model_type: "minimax", vocab_size: 8192, hidden_size: 1024, intermediate_size: 1024, rope_theta: 10_000 },
    ...{ num_hidden_layers: numLayers, num_attention_heads: 16, num_key_value_heads: 4, head_dim: 64 },
    ...{ num_local_experts: 8, num_experts_per_tok: 2, rms_norm_eps: 1e-5, tie_word_embeddings: true },
    ...{ max_position_embeddings: 4096, layer_types: Array<string>(numLayers).fill("linear_attention") },
  };
  let end = 0;
  const entries = planTensors(parseHfConfig(config).config).map(({ name, shape }) => {
    const start = end;
    end += 4 * sizeOf(shape);
    return [name, { dtype: "F32", shape, data_offsets: [start, end] }] as const;
  });
  const header = withHeader(JSON.stringify(Object.fromEntries(entries)));
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "model.safetensors");
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  writeFileSync(path, header);
  truncateSync(path, header.length + end);
  return header.length + end;
}
