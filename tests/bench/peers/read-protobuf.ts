// A reader of protocol buffers as a test needs it.

/** Values by field number, in the file's order: numbers, or bytes of texts and messages. */
export type Message = ReadonlyMap<number, readonly (number | Uint8Array)[]>;

export function readMessage(bytes: Uint8Array): Message {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields = new Map<number, (number | Uint8Array)[]>();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const number = Math.floor(key / 8);
    const values = fields.get(number) ?? [];
    fields.set(number, values);
    switch (key % 8) {
      case 0:
        values.push(varint());
        break;
      case 2: {
        const length = varint();
        values.push(bytes.subarray(at, (at += length)));
        break;
      }
      case 5:
        values.push(view.getFloat32((at += 4) - 4, true));
        break;
      default:
        throw new Error(`field ${number}: expected wire type 0, 2 or 5, got ${key % 8}`);
    }
  }
  return fields;
}

export function readMessages(message: Message, field: number): Message[] {
  return (message.get(field) ?? []).map((bytes) => readMessage(bytes as Uint8Array));
}

export function readText(message: Message, field: number): string {
  return new TextDecoder().decode(message.get(field)![0] as Uint8Array);
}
