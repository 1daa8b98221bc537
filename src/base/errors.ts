// The closed set of things that can go wrong, by name. A message says what was expected, what came, and what to do.

export type ErrorCode =
  | 'webgpu-unavailable'
  | 'limit-too-small'
  | 'shader-compile'
  | 'gpu-validation'
  | 'out-of-memory'
  | 'device-lost'
  | 'bad-checkpoint'
  | 'bad-settings'
  | 'diverged'
  | 'worker-crashed';

/** An error whose `name` is its code: comlink carries only name, message and stack between threads. */
export class PlaygroundError extends Error {
  override readonly name: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = code;
  }
}
