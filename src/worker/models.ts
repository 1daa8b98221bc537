// The base models in models/, files of the build, fetched when a run needs one.
import { PlaygroundError } from '../base/errors.ts';
import { parameterLayout } from '../engine/config.ts';
import type { Checkpoint } from '../engine/index.ts';
import { readModelConfig, readModelFolder } from '../export/hugging-face.ts';
import type { Tokenizer } from '../tasks/tokenizer.ts';

export interface Model {
  readonly checkpoint: Checkpoint;
  readonly tokenizer: Tokenizer;
}

/** Path, such as /models/countdown/config.json -> address. */
const addresses: Readonly<Record<string, string>> = import.meta.glob<string>(
  ['/models/*/config.json', '/models/*/tokenizer.json', '/models/*/model.safetensors'],
  { query: '?url', import: 'default', eager: true },
);

/** The folders in models/. */
export const MODEL_NAMES: readonly string[] = [
  ...new Set(Object.keys(addresses).map((path) => path.split('/')[2] ?? '')),
];

/** Throws bad-checkpoint for a model that there is not, that cannot be fetched or that is damaged. */
export async function loadModel(name: string): Promise<Model> {
  const files = Object.entries(addressesOf(name)).map(
    async ([file, address]) => [file, await download(`models/${name}/${file}`, address)] as const,
  );
  return readModelFolder(new Map(await Promise.all(files)));
}

/**
 * The model with zeros for weights, from its smallest file: kernels can be compiled for it while the weights are on their way. Throws
 * as loadModel does.
 */
export async function loadSizes(name: string): Promise<Checkpoint> {
  const address = addressesOf(name)['config.json'] ?? '';
  const config = readModelConfig(await download(`models/${name}/config.json`, address));
  const zeros = parameterLayout(config).tensors.map((tensor) => [tensor.name, new Float32Array(tensor.size)] as const);
  return { config, tensors: new Map(zeros) };
}

/** File of the model's folder -> address. */
function addressesOf(name: string): Readonly<Record<string, string>> {
  const folder = `/models/${name}/`;
  const found = Object.entries(addresses).filter(([path]) => path.startsWith(folder));
  if (found.length === 0) {
    throw new PlaygroundError('bad-checkpoint', `expected the base model ${name} in models/, but it is not there`);
  }
  return Object.fromEntries(found.map(([path, address]) => [path.slice(folder.length), address]));
}

async function download(path: string, address: string): Promise<Uint8Array> {
  const failed = (why: string, cause?: unknown): PlaygroundError =>
    new PlaygroundError(
      'bad-checkpoint',
      `${path} could not be loaded: ${why}. Check the connection and start again.`,
      {
        cause,
      },
    );
  try {
    const response = await fetch(address);
    if (!response.ok) throw failed(`the server answered ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    throw cause instanceof PlaygroundError ? cause : failed(String(cause), cause);
  }
}
