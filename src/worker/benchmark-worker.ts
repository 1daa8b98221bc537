// The benchmark with the browser's WebGPU and the models of the build, in a worker of its own, for benchmark-client.ts to call.
import { expose } from 'comlink';
import { Gpu } from '../engine/index.ts';
import { benchmarkTables, benchmarkText } from '../recipes/benchmark-tables.ts';
import { runBenchmark } from '../recipes/benchmark.ts';
import type { BenchmarkApi } from './benchmark-client.ts';
import { loadModel } from './models.ts';

const api: BenchmarkApi = {
  async run(request, progress) {
    const report = await runBenchmark(request, { withGpu, loadModel: async (name) => (await loadModel(name)).checkpoint }, progress); // prettier-ignore
    const tables = benchmarkTables(report);
    return { report, tables, text: benchmarkText(report, tables) };
  },
};

async function withGpu<Result>(use: (gpu: Gpu) => Promise<Result>): Promise<Result> {
  const gpu = await Gpu.open(navigator.gpu);
  try {
    return await use(gpu);
  } finally {
    gpu.destroy();
  }
}

expose(api);
