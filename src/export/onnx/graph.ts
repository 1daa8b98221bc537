// A graph of ONNX operators, built value by value, and its bytes (https://onnx.ai/onnx/repo-docs/IR.html).
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as AttributeType,
  ModelProtoSchema,
  TensorProto_DataType as DataType,
  type NodeProtoSchema,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from './onnx_pb.js';

/** What the operators mean: https://onnx.ai/onnx/operators. */
const OPSET = 18n;
/** Of the file format; the one that came with opset 18. */
const IR_VERSION = 8n;

/** A value goes by its name. */
export type Value = string;
/** A number, or the name of a size that is known once the model runs. */
export type Dimension = number | string;
/** Whole numbers and lists of them. */
export type Attributes = Readonly<Record<string, number | readonly number[]>>;

const ELEMENT_TYPES = { f32: DataType.FLOAT, int64: DataType.INT64 } as const;
type ElementType = keyof typeof ELEMENT_TYPES;
type ValueInfo = MessageInitShape<typeof ValueInfoProtoSchema>;

export class Graph {
  readonly #inputs: ValueInfo[] = [];
  readonly #outputs: ValueInfo[] = [];
  readonly #constants = new Map<string, MessageInitShape<typeof TensorProtoSchema>>();
  readonly #nodes: MessageInitShape<typeof NodeProtoSchema>[] = [];

  input(name: string, type: ElementType, shape: readonly Dimension[]): Value {
    this.#inputs.push(valueInfo(name, type, shape));
    return name;
  }

  /** Hands out a value that a node computes under this name. */
  output(name: string, type: ElementType, shape: readonly Dimension[]): void {
    this.#outputs.push(valueInfo(name, type, shape));
  }

  /** Row-major; shape [] is a scalar. */
  floats(name: string, shape: readonly number[], data: Float32Array): Value {
    return this.#constant(name, 'f32', shape, data);
  }

  /** A list, as of axes or sizes; an equal one is stored once. */
  integers(items: readonly number[]): Value {
    return this.#constant(`[${items.join(', ')}]`, 'int64', [items.length], BigInt64Array.from(items, BigInt));
  }

  /** A scalar; an equal one is stored once. */
  integer(item: number): Value {
    return this.#constant(String(item), 'int64', [], BigInt64Array.of(BigInt(item)));
  }

  /** What an operator makes of the inputs; `name` if it is given. */
  node(operator: string, inputs: readonly Value[], attributes: Attributes = {}, name?: string): Value {
    const output = name ?? `${operator}_${this.#nodes.length}`;
    this.#add(operator, inputs, [output], attributes);
    return output;
  }

  /** The two halves of a value along its last axis. */
  halves(value: Value): readonly [Value, Value] {
    const outputs = [`Split_${this.#nodes.length}_low`, `Split_${this.#nodes.length}_high`] as const;
    this.#add('Split', [value], outputs, { axis: -1, num_outputs: 2 });
    return outputs;
  }

  /** A model that is this graph. */
  toBytes(name: string): Uint8Array {
    const model = create(ModelProtoSchema, {
      irVersion: IR_VERSION,
      opsetImport: [{ domain: '', version: OPSET }],
      producerName: 'GRPO Playground',
      graph: {
        name,
        node: this.#nodes,
        initializer: [...this.#constants.values()],
        input: this.#inputs,
        output: this.#outputs,
      },
    });
    return toBinary(ModelProtoSchema, model);
  }

  #add(
    operator: string,
    inputs: readonly Value[],
    outputs: readonly [Value, ...Value[]],
    attributes: Attributes,
  ): void {
    this.#nodes.push({
      opType: operator,
      name: outputs[0],
      input: [...inputs],
      output: [...outputs],
      attribute: Object.entries(attributes).map(([name, value]) =>
        typeof value === 'number'
          ? { name, type: AttributeType.INT, i: BigInt(value) }
          : { name, type: AttributeType.INTS, ints: value.map(BigInt) },
      ),
    });
  }

  #constant(name: string, type: ElementType, shape: readonly number[], data: Float32Array | BigInt64Array): Value {
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#constants.set(name, { name, dataType: ELEMENT_TYPES[type], dims: shape.map(BigInt), rawData });
    return name;
  }
}

function valueInfo(name: string, type: ElementType, shape: readonly Dimension[]): ValueInfo {
  const dim = shape.map((size) => ({
    value:
      typeof size === 'number'
        ? ({ case: 'dimValue', value: BigInt(size) } as const)
        : ({ case: 'dimParam', value: size } as const),
  }));
  return { name, type: { value: { case: 'tensorType', value: { elemType: ELEMENT_TYPES[type], shape: { dim } } } } };
}
