import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openModelFolder } from "../../scripts/node/files.ts";
import { parseManifest } from "../../src/checkpoint/manifest.ts";
import { createShardSource } from "../../src/checkpoint/shard-source.ts";
import { runExport, useFolder, writeCheckpoint } from "./export-command.ts";
import {
  bytesOf,
  type MadeCheckpoint,
  makeCheckpoint,
  readAll,
  textBytes,
  writeSafetensors,
} from "./made-checkpoint.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures");
const folder = useFolder();

function readManifest(out: string) {
  return parseManifest(JSON.parse(readFileSync(join(out, "manifest.json"), "utf8")));
}

const NO_TOKENIZER =
  "warning: tokenizer.json: expected the file, got none: the model can be verified, not chatted with\n";

describe("the export command", () => {
  it("writes a folder that loads, and a table of what it wrote", async () => {
    const out = join(folder(), "deep/models/golden-fused");
    const run = await runExport([join(FIXTURES, "golden-fused"), "--out", out, "--quant", "q4"]);
    expect(run).toMatchObject({ status: 0, stderr: NO_TOKENIZER });
    const lines = run.stdout.trimEnd().split("\n");
    expect(lines.slice(0, -1).map((line) => line.split(/ {2,}/).slice(0, 3))).toEqual([
      ["tensors", "format", "number"],
      ["embedding", "q8", "1"],
      ["norm", "f32", "9"],
      ["attention", "q4", "10"],
      ["router", "f32", "3"],
      ["experts", "q4", "6"],
    ]);
    expect(lines.at(-1)).toBe("264128 parameters in 1 shard, 0.2 MB");
    expect(readdirSync(out).sort()).toEqual(["manifest.json", "weights-00001.bin"]);
    expect(readdirSync(join(folder(), "deep/models"))).toEqual(["golden-fused"]);
    const manifest = readManifest(out);
    expect(manifest).toMatchObject({ name: "golden-fused", tokenizer: null, card: null });
    const source = createShardSource(manifest, openModelFolder(out));
    for (const { name, sizeBytes } of source.tensors.values()) {
      expect(await readAll(source.read(name)), name).toHaveLength(sizeBytes);
    }
  });

  it("takes tokenizer, generation config and card along, and replaces an earlier export", async () => {
    const made = makeCheckpoint();
    for (const file of ["tokenizer.json", "tokenizer_config.json"]) {
      made.files[file] = new Uint8Array(readFileSync(join(FIXTURES, "relampago-71m", file)));
    }
    made.config["vocab_size"] = 8192;
    for (const name of ["model.embed_tokens.weight", "lm_head.weight"]) {
      made.tensors[name] = { dtype: "BF16", shape: [8192, 64], bytes: new Uint8Array(8192 * 64 * 2) };
    }
    made.files["generation_config.json"] = textBytes('{"temperature":0.5,"eos_token_id":[2,7]}');
    made.files["README.md"] = textBytes("# Made\n");
    made.files["notes.txt"] = textBytes("not to be copied");
    const source = writeCheckpoint(folder(), "whole", made);
    const out = join(folder(), "whole-out");
    expect(await runExport([source, "--out", out, "--name", "made up"])).toMatchObject({ status: 0, stderr: "" });
    const [first, manifest] = [readdirSync(out).sort(), readManifest(out)];
    const copied = ["README.md", "generation_config.json", "tokenizer.json", "tokenizer_config.json"];
    expect(first).toEqual([...copied, "manifest.json", "weights-00001.bin"].sort());
    for (const file of copied)
      expect(readFileSync(join(out, file)).equals(readFileSync(join(source, file)))).toBe(true);
    expect(manifest).toMatchObject({
      name: "made up",
      tokenizer: { file: "tokenizer.json", configFile: "tokenizer_config.json" },
      files: ["tokenizer.json", "tokenizer_config.json"].map((file) => {
        const bytes = readFileSync(join(source, file));
        return { file, sizeBytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
      }),
      card: "README.md",
      sampling: { temperature: 0.5, topK: 0, topP: 1, minP: 0 },
      config: { endTokenIds: [2, 7] },
    });
    const again = await runExport([source, "--out", out, "--quant", "f16"]);
    expect(again).toMatchObject({ status: 0, stderr: "" });
    expect(readManifest(out).tensors[0]!.format).toBe("f16");
    expect(readdirSync(folder()).filter((name) => name.startsWith("."))).toEqual([]);
  });

  it("warns of a tensor that no one needs, on one line whatever its name holds", async () => {
    const made = makeCheckpoint();
    made.tensors["extra\n\u001b[2J\u2028"] = { dtype: "I64", shape: [1], bytes: new Uint8Array(8) };
    const run = await runExport([writeCheckpoint(folder(), "extra", made), "--out", join(folder(), "extra-out")]);
    const warning = "warning: model.safetensors: extra\\u000a\\u001b[2J\\u2028: expected no such tensor, left out\n";
    expect(run).toMatchObject({ status: 0, stderr: warning + NO_TOKENIZER });
  });

  it("leaves an earlier export as it was when a new one fails", async () => {
    const out = join(folder(), "kept");
    const source = writeCheckpoint(folder(), "kept-source", makeCheckpoint());
    expect((await runExport([source, "--out", out])).status).toBe(0);
    const before = readFileSync(join(out, "weights-00001.bin"));
    truncateSync(join(source, "model.safetensors"), 20_000);
    expect((await runExport([source, "--out", out])).status).toBe(1);
    expect(readFileSync(join(out, "weights-00001.bin")).equals(before)).toBe(true);
  });

  it("replaces no folder that holds anything else", async () => {
    const source = writeCheckpoint(folder(), "foreign-source", makeCheckpoint());
    const out = join(folder(), "foreign");
    mkdirSync(out);
    writeFileSync(join(out, "thesis.tex"), "years of work");
    writeFileSync(join(out, "manifest.json"), "{}");
    expect(await runExport([source, "--out", out])).toEqual({
      status: 1,
      stdout: "",
      stderr: `--out ${out}: expected a new folder or an earlier export, got one that holds thesis.tex\n`,
    });
    expect(readdirSync(out).sort()).toEqual(["manifest.json", "thesis.tex"]);
    const itself = await runExport([source, "--out", source]);
    expect(itself.stderr).toBe(
      `--out ${source}: expected a new folder or an earlier export, got one that holds config.json\n`,
    );
  });

  it("stopped by a signal leaves nothing", async () => {
    const parent = join(folder(), "stopped");
    const made = makeCheckpoint();
    made.config["vocab_size"] = 200_064;
    for (const name of ["model.embed_tokens.weight", "lm_head.weight"]) {
      made.tensors[name] = { dtype: "BF16", shape: [200_064, 64], bytes: new Uint8Array(200_064 * 64 * 2) };
    }
    const source = writeCheckpoint(folder(), "stopped-source", made);
    let watch: NodeJS.Timeout | undefined;
    const run = await runExport([source, "--out", join(parent, "model"), "--quant", "f32"], (id) => {
      watch = setInterval(() => {
        // The first shard is there, the second one is being filled.
        const partial = existsSync(parent) ? readdirSync(parent)[0] : undefined;
        if (partial === undefined || !existsSync(join(parent, partial, "weights-00001.bin"))) return;
        clearInterval(watch);
        process.kill(id, "SIGTERM");
      }, 1);
    });
    clearInterval(watch);
    expect(run.status).toBe(143);
    expect(existsSync(parent), "the folder that was made for it").toBe(false);
  });
});

describe("the export command ends with 1, one line and nothing written when", () => {
  const vocabulary = readFileSync(join(FIXTURES, "relampago-71m/tokenizer.json"));

  it.each<{ problem: string; spoil: (made: MadeCheckpoint) => unknown; stderr: string }>([
    {
      problem: "the weights' file is empty",
      spoil: ({ files }) => (files["model.safetensors"] = new Uint8Array(0)),
      stderr: "model.safetensors: header length: expected 8 bytes, got a file of 0\n",
    },
    {
      problem: "the header has 2^63 bytes",
      spoil: ({ files }) => (files["model.safetensors"] = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 128, 123, 125)),
      stderr: "model.safetensors: header length: expected at most 2, got 9223372036854775808\n",
    },
    {
      problem: "num_attention_heads is 0",
      spoil: ({ config }) => (config["num_attention_heads"] = 0),
      stderr: "config.json: num_attention_heads: expected a whole number from 1 to 256, got 0\n",
    },
    {
      problem: "a tensor is missing",
      spoil: ({ tensors }) => delete tensors["model.norm.weight"],
      stderr: "model.safetensors: model.norm.weight: expected the tensor, got none\n",
    },
    {
      problem: "the last tensor holds a NaN, after most is written",
      spoil: ({ tensors }) => {
        const values = new Float32Array(48 * 64);
        values[7] = NaN;
        tensors["lm_head.weight"]!.bytes = bytesOf(values);
      },
      stderr: NO_TOKENIZER + "model.safetensors: lm_head.weight: element 7: expected a finite number, got NaN\n",
    },
    {
      problem: "an index points outside the folder",
      spoil: ({ files }) => {
        const shard = "../../secret.safetensors";
        files["model.safetensors.index.json"] = textBytes(JSON.stringify({ weight_map: { "lm_head.weight": shard } }));
      },
      stderr:
        "model.safetensors.index.json: lm_head.weight: expected the name of a file in the same folder, " +
        'got "../../secret.safetensors"\n',
    },
    {
      problem: "the tokenizer's vocabulary exceeds vocab_size",
      spoil: ({ files }) => {
        files["tokenizer.json"] = new Uint8Array(vocabulary);
        files["tokenizer_config.json"] = textBytes("{}");
      },
      stderr: "tokenizer.json: model.vocab: expected at most vocab_size 48 tokens, got 8192\n",
    },
    {
      problem: "tokenizer.json is no JSON",
      spoil: ({ files }) => {
        files["tokenizer.json"] = textBytes("<html>");
        files["tokenizer_config.json"] = textBytes("{}");
      },
      stderr: "tokenizer.json: expected JSON, got something else\n",
    },
    {
      problem: "tokenizer.json is of another kind",
      spoil: ({ files }) => {
        files["tokenizer.json"] = textBytes('{"model":{"type":"WordPiece"}}');
        files["tokenizer_config.json"] = textBytes("{}");
      },
      stderr: 'tokenizer.json model.type: expected "BPE", got "WordPiece"\n',
    },
    {
      problem: "the weights' file is cut off",
      spoil: ({ files, tensors }) => (files["model.safetensors"] = writeSafetensors(tensors).subarray(0, 60_000)),
      stderr:
        "model.safetensors: model.layers.0.block_sparse_moe.experts.1.w3.weight: " +
        "data_offsets: expected a range within 56905 bytes, got 54272 to 62464\n",
    },
    {
      problem: "the tokenizer lacks its second file",
      spoil: ({ files }) => (files["tokenizer.json"] = new Uint8Array(vocabulary)),
      stderr: "tokenizer_config.json: expected the file, got none\n",
    },
  ])("$problem", async ({ problem, spoil, stderr }) => {
    const made = makeCheckpoint();
    spoil(made);
    const name = problem.replaceAll(/\W+/g, "-");
    const source = writeCheckpoint(folder(), `${name}/source`, made);
    // The index is looked at only where there is no single file.
    if (made.files["model.safetensors.index.json"]) rmSync(join(source, "model.safetensors"));
    const run = await runExport([source, "--out", join(folder(), name, "out/deep/model")]);
    expect(run).toEqual({ status: 1, stdout: "", stderr });
    expect(readdirSync(join(folder(), name))).toEqual(["source"]);
  });

  it.each([
    {
      parameters: [],
      stderr: "usage: npm run export -- <hf-dir> --out <folder> [--quant q4|q8|f16|f32] [--name <name>]\n",
    },
    { parameters: ["nowhere", "--out", "x"], stderr: "nowhere: expected a folder, got nothing\n" },
    { parameters: ["tests", "--out", "x", "--quant", "q5"], stderr: "--quant: expected q4, q8, f16, f32, got q5\n" },
    { parameters: ["tests", "--out", "x"], stderr: "config.json: expected the file, got none\n" },
  ])("asked for $parameters", async ({ parameters, stderr }) => {
    expect(await runExport(parameters)).toEqual({ status: 1, stdout: "", stderr });
  });
});
