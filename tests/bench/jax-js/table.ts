// A comparison for a person to read.
import type { Comparison, Pair, Timing } from './compare.ts';

export function tableOf({ adapter, workload, agreement, sampling, training }: Comparison): string {
  const { hiddenSize, layers, heads, sequences, promptTokens, newTokens, repeats } = workload;
  const line = (...cells: string[]): string =>
    cells.map((cell, column) => (column === 0 ? cell.padEnd(24) : cell.padStart(14))).join('');
  const timings = (name: string, { ms, tokensPerSecond, submits, processorMs }: Timing): string => {
    const processor = processorMs === null ? [] : [`${processorMs.toFixed(0)} ms CPU`];
    return line(
      name,
      `${ms.toFixed(1)} ms`,
      `${tokensPerSecond.toFixed(0)} tokens/s`,
      `${submits} submits`,
      ...processor,
    );
  };
  const speed = ({ speedup, processorSpeedup }: Pair): string =>
    `${speedup.toFixed(2)} times as fast${processorSpeedup ? ` (by processor time ${processorSpeedup.toFixed(2)})` : ''}`;
  const differences = Object.entries(agreement).map(([name, difference]) => `${name} ${difference.toExponential(0)}`);
  return [
    `${adapter}; width ${hiddenSize}, ${layers} layers, ${heads} heads; ${sequences} sequences of ${promptTokens} + ${newTokens} tokens; medians of ${repeats} runs`,
    `relative differences: ${differences.join(', ')}`,
    '',
    timings('sampling, ours', sampling.ours),
    timings('sampling, jax-js', sampling.jaxJs),
    timings('training, ours', training.ours),
    timings('training, jax-js', training.jaxJs),
    '',
    `ours is ${speed(sampling)} in sampling, ${speed(training)} in training`,
  ].join('\n');
}
