// ONNX model files: nodes, constants, inputs and outputs, written as onnx.proto has them (github.com/onnx/onnx).

import { bytesField, type Field, floatField, integerField, joinFields, messageField, textField } from "./protobuf.ts";

const IR_VERSION = 10;
const OPSET_VERSION = 21;
/** onnxruntime's own operators. */
export const MICROSOFT = "com.microsoft";

const ELEMENT_TYPES = { float32: 1, uint8: 2, int32: 6, int64: 7 } as const;
export type ElementType = keyof typeof ELEMENT_TYPES;

const ATTRIBUTE_TYPES = { float: 1, int: 2, text: 3, ints: 7 } as const;

/** A whole number, a list of them, a text, or a float in a wrapper: JavaScript cannot tell 1.0 from 1. */
export type Attribute = number | string | readonly number[] | { readonly float: number };

/** A length, or the name of one that is known at run time only. */
export type Dimension = number | string;

/** A graph under construction. */
export class OnnxGraph {
  readonly #nodes: Field[] = [];
  readonly #constants: Field[] = [];
  readonly #inputs: Field[] = [];
  readonly #outputs: Field[] = [];

  input(name: string, type: ElementType, shape: readonly Dimension[]): string {
    this.#inputs.push(messageField(11, valueInfo(name, type, shape)));
    return name;
  }

  output(name: string, type: ElementType, shape: readonly Dimension[]): void {
    this.#outputs.push(messageField(12, valueInfo(name, type, shape)));
  }

  constant(name: string, type: ElementType, shape: readonly number[], values: ArrayBufferView): string {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const dimensions = shape.map((length) => integerField(1, length));
    const fields = [...dimensions, integerField(2, ELEMENT_TYPES[type]), textField(8, name), bytesField(9, bytes)];
    this.#constants.push(messageField(5, fields));
    return name;
  }

  /** Adds a node; an optional input that is left out is "". Returns its outputs' names. */
  node(
    operator: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = "",
  ): readonly string[] {
    this.#nodes.push(
      messageField(1, [
        ...inputs.map((name) => textField(1, name)),
        ...outputs.map((name) => textField(2, name)),
        textField(3, `${outputs[0]}/${operator}`),
        textField(4, operator),
        ...Object.entries(attributes).map(([name, value]) => messageField(5, attributeFields(name, value))),
        textField(7, domain),
      ]),
    );
    return outputs;
  }

  /** The file's bytes. */
  encode(name: string): Uint8Array {
    const graph = [...this.#nodes, textField(2, name), ...this.#constants, ...this.#inputs, ...this.#outputs];
    return joinFields([
      integerField(1, IR_VERSION),
      messageField(8, [textField(1, ""), integerField(2, OPSET_VERSION)]),
      messageField(8, [textField(1, MICROSOFT), integerField(2, 1)]),
      messageField(7, graph),
    ]);
  }
}

function attributeFields(name: string, value: Attribute): readonly Field[] {
  const start = textField(1, name);
  const type = (kind: keyof typeof ATTRIBUTE_TYPES) => integerField(20, ATTRIBUTE_TYPES[kind]);
  if (typeof value === "number") return [start, integerField(3, value), type("int")];
  if (typeof value === "string") return [start, textField(4, value), type("text")];
  if ("float" in value) return [start, floatField(2, value.float), type("float")];
  return [start, ...value.map((item) => integerField(8, item)), type("ints")];
}

function valueInfo(name: string, type: ElementType, shape: readonly Dimension[]): readonly Field[] {
  const dimensions = shape.map((length) =>
    messageField(1, [typeof length === "number" ? integerField(1, length) : textField(2, length)]),
  );
  const tensorType = [integerField(1, ELEMENT_TYPES[type]), messageField(2, dimensions)];
  return [textField(1, name), messageField(2, [messageField(1, tensorType)])];
}
