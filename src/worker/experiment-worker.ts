// An experiment with the browser's WebGPU and the models of the build, in a worker of its own, for experiment-client.ts to call.
import { expose } from 'comlink';
import { Gpu } from '../engine/index.ts';
import type { ExperimentApi } from './experiment-client.ts';
import { runExperiment } from './experiments.ts';
import { loadModel, MODEL_NAMES } from './models.ts';

const api: ExperimentApi = {
  async run(request, tell) {
    const gpu = await Gpu.open(navigator.gpu);
    try {
      const load = async (name: string) => (await loadModel(name)).checkpoint;
      const reduced = request.reduced || gpu.adapter.software;
      void tell({ type: 'started', adapter: gpu.adapter, reduced });
      const rows = runExperiment(
        { ...request, reduced },
        { gpu, load, models: MODEL_NAMES },
        (event) => void tell(event),
      );
      // Awaited, since it is told through a port of its own, which the end of this call might overtake.
      for await (const row of rows) await tell({ type: 'row', row });
    } finally {
      gpu.destroy();
    }
  },
};

expose(api);
