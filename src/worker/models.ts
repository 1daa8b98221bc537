// The base models in models/, files of the build, fetched when a run needs one.
import { PlaygroundError } from '../base/errors.ts';
import type { Checkpoint } from '../engine/index.ts';
import { readModelFolder } from '../export/hugging-face.ts';
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

/** Throws bad-checkpoint for a model that there is not, that cannot be fetched or that is damaged. */
export async function loadModel(name: string): Promise<Model> {
  const folder = `/models/${name}/`;
  const found = Object.entries(addresses).filter(([path]) => path.startsWith(folder));
  if (found.length === 0) {
    throw new PlaygroundError('bad-checkpoint', `expected the base model ${name} in models/, but it is not there`);
  }
  const files = found.map(
    async ([path, address]) => [path.slice(folder.length), await download(path, address)] as const,
  );
  return readModelFolder(new Map(await Promise.all(files)));
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
