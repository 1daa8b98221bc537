// Everything that the page holds: the form, the visitor's run, and the recorded run that plays until there is one.
import type { PresetName } from '../../recipes/presets.ts';
import type { TaskName } from '../../tasks/task.ts';
import type { RunSettings, SessionApi, WeightType } from '../../worker/protocol.ts';
import { downloadZip } from './download.ts';
import { Import } from './import.svelte.ts';
import { Recording } from './recording.svelte.ts';
import { Run } from './run.svelte.ts';
import { pace, type RunView } from './run-view.ts';
import { Settings } from './settings.svelte.ts';
import { Theme } from './theme.svelte.ts';
import { Verification } from './verification.svelte.ts';
import { ModelShelf } from './try-models.svelte.ts';
import { Update } from './update.svelte.ts';

/** The presets with a recorded run, `recorded-<preset>.json`; the first one plays where the chosen preset has none. */
const RECORDED: readonly PresetName[] = ['aha', 'first-lesson'];

export class Playground {
  readonly settings = new Settings();
  readonly recording = new Recording();
  readonly theme = new Theme();
  readonly verification = new Verification();
  /** What can be tried beside the models of the build. */
  readonly shelf = new ModelShelf();
  readonly update = new Update();
  readonly run: Run;
  readonly imported: Import;
  /** How the next export stores them. */
  exportedWeights = $state<WeightType>('fp32');
  #addressProblem = $state.raw<string | null>(null);

  constructor(session: SessionApi) {
    this.run = new Run(session);
    this.imported = new Import(session, this.shelf);
  }

  /** What is shown is the recorded run. */
  get recorded(): boolean {
    return this.run.phase === 'empty' && this.recording.about !== null;
  }

  get view(): RunView {
    return this.recorded ? this.recording.view : this.run.view;
  }

  /** Between two steps on the screen. */
  get msBetweenSteps(): number {
    return this.recorded ? this.recording.msBetweenEvents : (pace(this.view.steps)?.stepMs ?? 0);
  }

  /** What in the address could not be read, null where all could. */
  get addressProblem(): string | null {
    return this.#addressProblem;
  }

  /** Reads the address, looks for a GPU, and plays the recorded run. */
  async open(search: string): Promise<void> {
    this.#readAddress(search);
    void this.run.findAdapter().then(() => this.#prepare());
    const { name } = this.settings.preset;
    await this.#tell(RECORDED.includes(name) ? name : (RECORDED[0] as PresetName));
  }

  /**
   * As a part of another page: reads the address, and shows the recorded run where there is one of exactly these settings, at its end.
   * Nothing plays before somebody wants it, and only for an experiment of the Learn page is a GPU looked for.
   */
  async openEmbedded(search: string, section: boolean): Promise<void> {
    this.#readAddress(search);
    if (section) void this.run.findAdapter();
    const { preset, changedFields } = this.settings;
    if (!RECORDED.includes(preset.name) || changedFields > 0) return;
    if (await this.recording.load(`./recorded-${preset.name}.json`)) this.recording.toEnd();
  }

  #readAddress(search: string): void {
    try {
      this.settings.readAddress(search);
    } catch (error) {
      this.#addressProblem = error instanceof Error ? error.message : String(error);
    }
  }

  /** Puts the settings of an address into the form. Throws bad-settings for a preset that there is not. */
  load(search: string): void {
    this.settings.readAddress(search);
    this.#tellChosen();
  }

  choosePreset(preset: PresetName): void {
    this.settings.choosePreset(preset);
    this.#tellChosen();
  }

  chooseTask(task: TaskName): void {
    this.settings.chooseTask(task);
    this.#tellChosen();
  }

  #tellChosen(): void {
    this.#prepare();
    const { name } = this.settings.preset;
    if (RECORDED.includes(name) && this.run.phase === 'empty') void this.#tell(name);
  }

  /** Compiles what the settings need while the visitor looks around. */
  #prepare(): void {
    const { valid } = this.settings;
    if (valid && this.run.adapter && !this.run.active) void this.run.prepare(valid);
  }

  /** Plays the recorded run of a preset, unless the visitor has a run. */
  async #tell(preset: PresetName): Promise<void> {
    if (!(await this.recording.load(`./recorded-${preset}.json`)) || this.run.phase !== 'empty') return;
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) this.recording.toEnd();
    else this.recording.play();
  }

  async start(settings: RunSettings): Promise<void> {
    this.recording.pause();
    this.verification.clear();
    await this.run.start(settings, this.imported.asBase ? 'opened model' : 'preset');
  }

  /** Goes on with the run that was opened; the form shows its settings. */
  async resumeOpened(): Promise<void> {
    const { settings } = this.imported;
    if (!settings) return;
    this.settings.show(settings);
    this.recording.pause();
    this.verification.clear();
    await this.run.start(settings, 'opened run');
  }

  /** Downloads the weights, with the settings and the run's log, as one zip, and then checks what was downloaded. */
  async exportWeights(): Promise<void> {
    const { settings, steps } = this.run.view;
    const zip = await this.run.exportZip(async () => {
      const { curvesImage } = await import('./curves-image.ts');
      return { weights: this.exportedWeights, curves: await curvesImage(steps, settings?.steps ?? 0) };
    });
    if (!zip) return;
    if (settings) void this.verification.check(zip, settings.task);
    downloadZip(`grpo-${settings?.preset ?? 'run'}-step-${steps.at(-1)?.step ?? 0}`, zip);
  }
}
