// Protocol buffers' wire format, as far as an ONNX file needs it: what is written, not what is read.

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** A field of a message, encoded. */
export type Field = readonly Uint8Array[];

/** A 64-bit integer below 2^53, an enum or a bool. */
export function integerField(number: number, value: number): Field {
  return [encodeVarint(number * 8 + VARINT), encodeVarint(value)];
}

export function floatField(number: number, value: number): Field {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return [encodeVarint(number * 8 + FIXED_32), bytes];
}

export function textField(number: number, value: string): Field {
  return bytesField(number, new TextEncoder().encode(value));
}

export function bytesField(number: number, value: Uint8Array): Field {
  return [encodeVarint(number * 8 + LENGTH_DELIMITED), encodeVarint(value.byteLength), value];
}

/** A message within a message. */
export function messageField(number: number, fields: readonly Field[]): Field {
  return bytesField(number, joinFields(fields));
}

export function joinFields(fields: readonly Field[]): Uint8Array {
  const parts = fields.flat();
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.byteLength;
  }
  return bytes;
}

function encodeVarint(value: number): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`varint: expected a whole number from 0 to 2^53 - 1, got ${value}`);
  }
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
