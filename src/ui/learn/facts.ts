// Every figure from the literature that the Learn page shows, with its source. Charts and tables read from here and from nowhere
// else; what was measured on this page or in a recorded run is read from the run.

export interface Source {
  readonly title: string;
  readonly href: string;
}

const PAPER = 'https://github.com/deepseek-ai/DeepSeek-R1/blob/main/DeepSeek_R1.pdf';
const r1 = (place: string): Source => ({ title: `DeepSeek-R1, ${place}`, href: PAPER });
const arxiv = (title: string, id: string): Source => ({ title, href: `https://arxiv.org/abs/${id}` });

/** Points read off a figure are approximate. */
export interface Curve {
  readonly source: Source;
  readonly approximate: true;
  /** [step, value] */
  readonly points: readonly (readonly [number, number])[];
}

/** R1-Zero on AIME 2024 while it trained: pass@1, a share. */
export const R1_ZERO_AIME: Curve = {
  source: r1('figure 2'),
  approximate: true,
  points: [
    [200, 0.156],
    [400, 0.225],
    [600, 0.246],
    [800, 0.287],
    [1000, 0.316],
    [1200, 0.371],
    [1400, 0.412],
    [1600, 0.377],
    [2000, 0.381],
    [2400, 0.485],
    [2800, 0.529],
    [3200, 0.513],
    [3600, 0.583],
    [4000, 0.6],
    [4400, 0.559],
    [5000, 0.54],
    [5200, 0.631],
    [6000, 0.643],
    [6400, 0.687],
    [7000, 0.685],
    [8000, 0.687],
    [8400, 0.71],
  ],
};

/** Mean length of R1-Zero's answers while it trained, in tokens. */
export const R1_ZERO_LENGTH: Curve = {
  source: r1('figure 3'),
  approximate: true,
  points: [
    [0, 555],
    [800, 1313],
    [1600, 1695],
    [2400, 2384],
    [3200, 3136],
    [4000, 3841],
    [4800, 4921],
    [5200, 6065],
    [5600, 5073],
    [6400, 5593],
    [7200, 6569],
    [7600, 7861],
    [8400, 9562],
  ],
};

/** Shares, as the paper's text and table give them. */
export const R1_ZERO = {
  source: r1('section 2.2.4 and table 2'),
  aimeAtStart: 0.156,
  aimeAtEnd: 0.71,
  aimeMajority: 0.867,
} as const;

/** Size of DeepSeek-V3-Base, which R1 and R1-Zero started from. */
export const R1_BASE = { source: r1('table 4'), parameters: 671e9, activated: 37e9 } as const;

export interface Benchmark {
  readonly name: string;
  /** What a problem of it is, and what counts. */
  readonly asks: string;
  readonly source: Source;
}

export const BENCHMARKS = {
  aime: {
    name: 'AIME 2024',
    asks: 'Thirty problems of a mathematics contest for American schools. Every answer is a whole number from 0 to 999, so a program can check it.',
    source: { title: 'AIME', href: 'https://maa.org/maa-invitational-competitions/' },
  },
  math500: {
    name: 'MATH-500',
    asks: 'Five hundred contest problems from the MATH test set, from easy to hard, with a short final answer.',
    source: arxiv('Lightman et al. 2023', '2305.20050'),
  },
  gpqa: {
    name: 'GPQA Diamond',
    asks: 'Multiple-choice questions in biology, physics and chemistry that experts answer and a search engine does not.',
    source: arxiv('Rein et al. 2023', '2311.12022'),
  },
  mmlu: {
    name: 'MMLU',
    asks: 'Multiple-choice questions in 57 subjects, from law to medicine: knowledge more than reasoning.',
    source: arxiv('Hendrycks et al. 2020', '2009.03300'),
  },
  liveCode: {
    name: 'LiveCodeBench',
    asks: 'Programming problems from contests, newer than the training data; hidden tests decide.',
    source: arxiv('Jain et al. 2024', '2403.07974'),
  },
  sweBench: {
    name: 'SWE-bench Verified',
    asks: 'Real issues of open-source projects: write the change that makes the project’s own tests pass.',
    source: arxiv('Jimenez et al. 2023', '2310.06770'),
  },
  codeforces: {
    name: 'Codeforces',
    asks: 'Contest programming among humans. The percentile is the share of human contestants that it beats, the rating its strength on the site’s own scale.',
    source: r1('section 3'),
  },
} as const satisfies Readonly<Record<string, Benchmark>>;

export type BenchmarkName = keyof typeof BENCHMARKS;

/** R1 against OpenAI o1-1217, in percent. On Codeforces the percentile. */
export const R1_AGAINST_O1 = {
  source: r1('table 4'),
  scores: [
    { benchmark: 'aime', r1: 79.8, o1: 79.2 },
    { benchmark: 'math500', r1: 97.3, o1: 96.4 },
    { benchmark: 'gpqa', r1: 71.5, o1: 75.7 },
    { benchmark: 'mmlu', r1: 90.8, o1: 91.8 },
    { benchmark: 'liveCode', r1: 65.9, o1: 63.4 },
    { benchmark: 'sweBench', r1: 49.2, o1: 48.9 },
    { benchmark: 'codeforces', r1: 96.3, o1: 96.6 },
  ] satisfies readonly { readonly benchmark: BenchmarkName; readonly r1: number; readonly o1: number }[],
} as const;

export const DISTILLED_COLUMNS = ['aime', 'aimeMajority', 'math500', 'gpqa', 'liveCode', 'codeforces'] as const;
export type DistilledColumn = (typeof DISTILLED_COLUMNS)[number];

/** `distilled`: a small model tuned on R1's answers; `rl`: the same kind of base trained by RL alone; `other`: for comparison. */
export interface ModelScores extends Readonly<Record<DistilledColumn, number | null>> {
  readonly model: string;
  readonly kind: 'distilled' | 'rl' | 'other';
}

const scores = (
  model: string,
  kind: ModelScores['kind'],
  aime: number,
  aimeMajority: number,
  math500: number,
  gpqa: number,
  liveCode: number,
  codeforces: number | null,
): ModelScores => ({ model, kind, aime, aimeMajority, math500, gpqa, liveCode, codeforces });

/** Percent, Codeforces the rating. `aimeMajority`: the answer that most of 64 samples agree on. */
export const DISTILLED = {
  source: r1('tables 5 and 6'),
  models: [
    scores('GPT-4o-0513', 'other', 9.3, 13.4, 74.6, 49.9, 32.9, 759),
    scores('Claude-3.5-Sonnet', 'other', 16.0, 26.7, 78.3, 65.0, 38.9, 717),
    scores('o1-mini', 'other', 63.6, 80.0, 90.0, 60.0, 53.8, 1820),
    scores('QwQ-32B-Preview', 'other', 50.0, 60.0, 90.6, 54.5, 41.9, 1316),
    scores('Qwen-1.5B', 'distilled', 28.9, 52.7, 83.9, 33.8, 16.9, 954),
    scores('Qwen-7B', 'distilled', 55.5, 83.3, 92.8, 49.1, 37.6, 1189),
    scores('Qwen-14B', 'distilled', 69.7, 80.0, 93.9, 59.1, 53.1, 1481),
    scores('Qwen-32B', 'distilled', 72.6, 83.3, 94.3, 62.1, 57.2, 1691),
    scores('Llama-8B', 'distilled', 50.4, 80.0, 89.1, 49.0, 39.6, 1205),
    scores('Llama-70B', 'distilled', 70.0, 86.7, 94.5, 65.2, 57.5, 1633),
    scores('Qwen-32B, RL alone', 'rl', 47.0, 60.0, 91.6, 55.0, 40.2, null),
  ],
} as const;

/** What the distilled models were tuned on. */
export const DISTILLATION_DATA = {
  source: r1('sections 2.3.3 and 2.4'),
  reasoning: 600e3,
  other: 200e3,
  epochs: 2,
} as const;

/** Further reading, where a claim of the page comes from. */
export const READING = {
  r1: { title: 'DeepSeek-R1', href: PAPER },
  r1Template: r1('table 1'),
  deepSeekMath: arxiv('Shao et al. 2024, DeepSeekMath', '2402.03300'),
  understanding: {
    title: 'Liu et al. 2025, Understanding R1-Zero-Like Training',
    href: 'https://github.com/sail-sg/understand-r1-zero',
  },
  oatZero: {
    title: 'Liu et al. 2025, There May Not be Aha Moment in R1-Zero-like Training',
    href: 'https://oatllm.notion.site/oat-zero',
  },
  habits: arxiv('Gandhi et al. 2025, Cognitive Behaviors that Enable Self-Improving Reasoners', '2503.01307'),
  tinyZero: { title: 'TinyZero', href: 'https://github.com/Jiayi-Pan/TinyZero' },
  trl: { title: 'TRL, GRPO Trainer', href: 'https://huggingface.co/docs/trl/grpo_trainer' },
  klEstimator: { title: 'Schulman 2020, Approximating KL Divergence', href: 'http://joschu.net/blog/kl-approx.html' },
  ppo: arxiv('Schulman et al. 2017, Proximal Policy Optimization', '1707.06347'),
  rloo: arxiv('Ahmadian et al. 2024, Back to Basics', '2402.14740'),
  dapo: arxiv('Yu et al. 2025, DAPO', '2503.14476'),
  lora: arxiv('Hu et al. 2021, LoRA', '2106.09685'),
} as const satisfies Readonly<Record<string, Source>>;
