// GGUF files, version 3, as llama.cpp reads them (github.com/ggml-org/ggml, docs/gguf.md).

const MAGIC = "GGUF";
const VERSION = 3;
/** Tensors start at multiples of it. */
const ALIGNMENT = 32;

const VALUE_TYPES = { uint32: 4, int32: 5, float32: 6, bool: 7, text: 8, list: 9 } as const;
const TENSOR_TYPES = { F32: 0, Q4_0: 2, Q8_0: 8 } as const;
export type TensorType = keyof typeof TENSOR_TYPES;

export type MetadataValue =
  | { readonly uint32: number }
  | { readonly float32: number }
  | { readonly bool: boolean }
  | { readonly text: string }
  | { readonly texts: readonly string[] }
  | { readonly int32s: readonly number[] };

export interface GgufTensor {
  readonly name: string;
  readonly type: TensorType;
  /** Row-major, as elsewhere in this project; the file has the input axis first. */
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** The whole file's bytes. */
export function encodeGguf(
  metadata: Readonly<Record<string, MetadataValue>>,
  tensors: readonly GgufTensor[],
): Uint8Array {
  const head = new ByteWriter();
  head.raw(new TextEncoder().encode(MAGIC));
  head.uint32(VERSION);
  head.uint64(tensors.length);
  const entries = Object.entries(metadata);
  head.uint64(entries.length);
  for (const [key, value] of entries) {
    head.text(key);
    writeValue(head, value);
  }
  let offset = 0;
  for (const { name, type, shape, bytes } of tensors) {
    head.text(name);
    head.uint32(shape.length);
    for (const length of shape.toReversed()) head.uint64(length);
    head.uint32(TENSOR_TYPES[type]);
    head.uint64(offset);
    offset = align(offset + bytes.byteLength);
  }
  head.pad();
  for (const { bytes } of tensors) {
    head.raw(bytes);
    head.pad();
  }
  return head.join();
}

function writeValue(writer: ByteWriter, value: MetadataValue): void {
  if ("uint32" in value) {
    writer.uint32(VALUE_TYPES.uint32);
    writer.uint32(value.uint32);
  } else if ("float32" in value) {
    writer.uint32(VALUE_TYPES.float32);
    writer.raw(new Uint8Array(Float32Array.of(value.float32).buffer));
  } else if ("bool" in value) {
    writer.uint32(VALUE_TYPES.bool);
    writer.raw(Uint8Array.of(value.bool ? 1 : 0));
  } else if ("text" in value) {
    writer.uint32(VALUE_TYPES.text);
    writer.text(value.text);
  } else if ("texts" in value) {
    writer.uint32(VALUE_TYPES.list);
    writer.uint32(VALUE_TYPES.text);
    writer.uint64(value.texts.length);
    for (const text of value.texts) writer.text(text);
  } else {
    writer.uint32(VALUE_TYPES.list);
    writer.uint32(VALUE_TYPES.int32);
    writer.uint64(value.int32s.length);
    writer.raw(new Uint8Array(Int32Array.from(value.int32s).buffer));
  }
}

class ByteWriter {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  raw(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#length += bytes.byteLength;
  }

  uint32(value: number): void {
    this.raw(new Uint8Array(Uint32Array.of(value).buffer));
  }

  uint64(value: number): void {
    this.raw(new Uint8Array(BigUint64Array.of(BigInt(value)).buffer));
  }

  text(value: string): void {
    const bytes = new TextEncoder().encode(value);
    this.uint64(bytes.byteLength);
    this.raw(bytes);
  }

  pad(): void {
    this.raw(new Uint8Array(align(this.#length) - this.#length));
  }

  join(): Uint8Array {
    const bytes = new Uint8Array(this.#length);
    let offset = 0;
    for (const part of this.#parts) {
      bytes.set(part, offset);
      offset += part.byteLength;
    }
    return bytes;
  }
}

function align(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}
