// Whether the latest export was checked: run by the engine and by ONNX Runtime, which must agree.
import { startCheck, type Parity, type RunningCheck } from '../../inference/parity-client.ts';
import type { TaskName } from '../../tasks/task.ts';
import { figure } from './sentences.ts';

export interface Verdict {
  /** Null while it is being checked. */
  readonly verified: boolean | null;
  readonly sentence: string;
}

export class Verification {
  readonly #start: typeof startCheck;
  #check: RunningCheck | null = null;
  #verdict = $state.raw<Verdict | null>(null);

  constructor(start = startCheck) {
    this.#start = start;
  }

  /** Null where nothing was exported. */
  get verdict(): Verdict | null {
    return this.#verdict;
  }

  /** Of an exported zip, in place of the one before. */
  async check(zip: Uint8Array, task: TaskName): Promise<void> {
    this.clear();
    const check = (this.#check = this.#start(zip, task));
    this.#verdict = { verified: null, sentence: 'Checking the export in ONNX Runtime.' };
    const verdict = await check.parity.then(verdictOf, brokenVerdict);
    if (this.#check === check) this.#verdict = verdict;
  }

  clear(): void {
    this.#check?.stop();
    this.#check = null;
    this.#verdict = null;
  }
}

function verdictOf({ problems, identical, maxDifference, passed }: Parity): Verdict {
  const apart = `log-probs ${passed ? 'within' : 'up to'} ${figure(maxDifference)}`;
  return passed
    ? { verified: true, sentence: `Verified: ONNX Runtime gives the same ${problems} answers, ${apart}.` }
    : {
        verified: false,
        sentence: `Not verified: ONNX Runtime gives ${identical} of ${problems} answers alike, ${apart} apart.`,
      };
}

function brokenVerdict(error: unknown): Verdict {
  return { verified: false, sentence: `Not verified: ${error instanceof Error ? error.message : String(error)}` };
}
