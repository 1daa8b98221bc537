// Work that can wait a moment: one job a task, so that the page answers in between.
type Job = () => void;

/** By owner, the one that has waited longest first. */
const waiting = new Map<object, Job>();
let timer: ReturnType<typeof setTimeout> | undefined;

/** A job takes the place of its owner's that still waits, if there is one. */
export function later(owner: object, job: Job): void {
  waiting.set(owner, job);
  timer ??= setTimeout(doNext);
}

export function cancel(owner: object): void {
  waiting.delete(owner);
}

function doNext(): void {
  const [first] = waiting;
  if (first) waiting.delete(first[0]);
  timer = waiting.size > 0 ? setTimeout(doNext) : undefined;
  first?.[1]();
}
