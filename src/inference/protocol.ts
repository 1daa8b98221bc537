// What the page and the inference worker say to each other.
import type { Folder } from '../export/hugging-face.ts';

/** A model in models/ by its folder's name; or one that the engine could train, as the files of its Hugging Face folder or as their zip. */
export type ModelSource =
  | { readonly kind: 'shipped'; readonly name: string }
  | { readonly kind: 'folder'; readonly files: Folder }
  | { readonly kind: 'zip'; readonly bytes: Uint8Array };

export interface GenerationRequest {
  /** A task's prompt; it ends in `<think>`. */
  readonly prompt: string;
  /** Completions, sampled in one batch. */
  readonly count: number;
  /** 0 takes the likeliest token. */
  readonly temperature: number;
  /** At most; fewer where the model's positions end before. */
  readonly maxNewTokens: number;
  /** Least time from one token to the next, so that a person can read along; 0 for none. */
  readonly msBetweenTokens: number;
}

/** Token texts, `<eos>` included; none follows it. */
export type Tokens = readonly string[];

export interface Completion {
  readonly tokens: Tokens;
  /** It ended in `<eos>`. False where it ran out of tokens or was stopped. */
  readonly finished: boolean;
}

/** The tokens that each completion of the batch gained since the last call. */
export type TokensListener = (gained: readonly Tokens[]) => void;

/** Calls reject with a PlaygroundError's name, message and stack. */
export interface InferenceApi {
  /** Writes the model as ONNX and opens it under the slot's name, in place of what was there. */
  load(slot: string, source: ModelSource): Promise<void>;
  /** Resolves with the whole completions, or with what there is of them once stopped. One at a time for each slot. */
  generate(slot: string, request: GenerationRequest, listener: TokensListener): Promise<readonly Completion[]>;
  /** Ends every generation under way after its next token. */
  stop(): Promise<void>;
}
