// What tests/bench/pytorch.py prints, with figures that are easy to compare with.

/** With some of it replaced. */
export function pytorchReport(changed: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    engine: 'pytorch',
    version: '2.11.0',
    device: 'NVIDIA H100',
    sizes: {
      hiddenSize: 128,
      intermediateSize: 384,
      numLayers: 4,
      numHeads: 4,
      vocabSize: 28,
      sequences: 512,
      promptTokens: 12,
      newTokens: 100,
    },
    sampling: { eager: 300, graph: 100, compiled: null },
    training: { eager: 24, compiled: 15 },
    allow_tf32: { sampling: { eager: 280, graph: 80, compiled: 50 }, training: { eager: 12, compiled: 8 } },
    peakMiB: 1000,
    ...changed,
  };
}
