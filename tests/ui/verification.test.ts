import { describe, expect, it } from 'vitest';
import type { Parity, RunningCheck } from '../../src/inference/parity-client.ts';
import { Verification } from '../../src/ui/state/verification.svelte.ts';

const whole: Parity = { problems: 200, identical: 200, tokens: 5000, maxDifference: 1.3e-5, passed: true };
const ZIP = new Uint8Array(0);

const startedWith =
  (parity: Promise<Parity>, stop = (): void => undefined) =>
  (): RunningCheck => ({ parity, stop });

describe('the verification of an export', () => {
  it('says verified, with its figures, only once the check has run and passed', async () => {
    const verification = new Verification(startedWith(Promise.resolve(whole)));
    expect(verification.verdict).toBeNull();
    const done = verification.check(ZIP, 'countdown');
    expect(verification.verdict).toEqual({ verified: null, sentence: 'Checking the export in ONNX Runtime.' });
    await done;
    expect(verification.verdict).toEqual({
      verified: true,
      sentence: 'Verified: ONNX Runtime gives the same 200 answers, log-probs within 1.3e-5.',
    });
  });

  it('says by how much a failed check failed', async () => {
    const parity = { ...whole, identical: 199, maxDifference: 0.0042, passed: false };
    const verification = new Verification(startedWith(Promise.resolve(parity)));
    await verification.check(ZIP, 'countdown');
    expect(verification.verdict).toEqual({
      verified: false,
      sentence: 'Not verified: ONNX Runtime gives 199 of 200 answers alike, log-probs up to 0.004 apart.',
    });
  });

  it('says why a check could not be made', async () => {
    const verification = new Verification(startedWith(Promise.reject(new Error('there is no WebGPU.'))));
    await verification.check(ZIP, 'countdown');
    expect(verification.verdict).toEqual({ verified: false, sentence: 'Not verified: there is no WebGPU.' });
  });

  it('stops a check and forgets its outcome when another export or a new run comes', async () => {
    let stopped = 0;
    const stop = (): void => {
      stopped++;
    };
    const verification = new Verification(startedWith(Promise.resolve(whole), stop));
    const done = verification.check(ZIP, 'countdown');
    verification.clear();
    expect([stopped, verification.verdict]).toEqual([1, null]);
    await done;
    expect(verification.verdict).toBeNull();
  });
});
