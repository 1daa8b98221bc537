// The experiments of the page: they go on while the visitor reads or plays elsewhere.
import { Experiment } from './experiment.svelte.ts';

export const laboratory = {
  scoreboard: new Experiment('scoreboard'),
  waitPriors: new Experiment('wait-priors'),
  zero: new Experiment('zero'),
  pipeline: new Experiment('pipeline'),
  distill: new Experiment('distill'),
  estimators: new Experiment('estimators'),
};
