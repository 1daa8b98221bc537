"""The problems of a run, drawn as the browser draws them: the same seed gives the same problems in the same order.

    python problems.py --task countdown --seed 1 --steps 250 --prompts_per_step 32 > data/train.jsonl
    python problems.py --task countdown --held_out > data/held-out.jsonl

One problem in five is held out by a hash, so that training never draws one that evaluation asks.
"""

import argparse
import json

from rewards import OPERATORS

TASKS = [*OPERATORS, "addition"]
HELD_OUT_SEED = 20250122
HELD_OUT_PROBLEMS = 512
WORD = 0xFFFFFFFF


def pcg4d(a, b, c, d):
    """Hashes four 32-bit words to four (Jarzynski and Olano, "Hash Functions for GPU Rendering", JCGT 2020)."""
    a, b, c, d = ((word * 1664525 + 1013904223) & WORD for word in (a, b, c, d))
    for mix in (True, False):
        a = (a + b * d) & WORD
        b = (b + c * a) & WORD
        c = (c + a * b) & WORD
        d = (d + b * c) & WORD
        if mix:
            a, b, c, d = (word ^ (word >> 16) for word in (a, b, c, d))
    return a, b, c, d


class Random:
    """A counter-based generator: a draw depends on the seed, the stream and how many came before it."""

    def __init__(self, seed, stream=0):
        self.seed, self.stream, self.counter = seed, stream, 0

    def integer(self, count):
        """A whole number from 0 to count - 1."""
        bits = pcg4d(self.seed, self.stream, self.counter & WORD, self.counter >> 32)[0]
        self.counter += 1
        return int(((bits >> 9) + 0.5) * 2**-23 * count)

    def pick(self, items):
        return items[self.integer(len(items))]

    def shuffle(self, items):
        """A shuffled copy (Fisher-Yates)."""
        copy = list(items)
        for last in range(len(copy) - 1, 0, -1):
            other = self.integer(last + 1)
            copy[last], copy[other] = copy[other], copy[last]
        return copy


def is_held_out(first, second):
    return pcg4d(first, second, HELD_OUT_SEED, 0)[0] % 5 == 0


def draw(task, random, held_out):
    return draw_addition(random, held_out) if task == "addition" else draw_countdown(random, held_out, OPERATORS[task])


def draw_countdown(random, held_out, operators):
    """The target is the value of a random expression over the numbers, so that every problem has a solution."""
    while True:
        numbers = [1 + random.integer(9) for _ in range(3)]
        a, b, c = random.shuffle(numbers)
        first, second = random.pick(operators), random.pick(operators)
        target = eval(f"{a}{first}{b}{second}{c}")  # three digits and two operators, drawn above
        digits = int("1" + "".join(map(str, sorted(numbers))))
        if 0 <= target <= 99 and is_held_out(digits, target) == held_out:
            return f"{numbers[0]},{numbers[1]},{numbers[2]}>{target}<think>"


def draw_addition(random, held_out):
    """Two numbers of one to three digits, each length alike often."""
    while True:
        first, second = draw_number(random), draw_number(random)
        if is_held_out(min(first, second), max(first, second)) == held_out:
            return f"{first}+{second}<think>"


def draw_number(random):
    length = 1 + random.integer(3)
    least = 0 if length == 1 else 10 ** (length - 1)
    return least + random.integer(10**length - least)


def training_problems(task, seed, steps, prompts_per_step):
    """Those of step 1, then those of step 2, and so on."""
    for step in range(1, steps + 1):
        random = Random(seed, step)
        for _ in range(prompts_per_step):
            yield draw(task, random, held_out=False)


def held_out_problems(task):
    """The 512 different problems of evaluation."""
    random = Random(HELD_OUT_SEED)
    problems = {}  # a set that keeps its order
    while len(problems) < HELD_OUT_PROBLEMS:
        problems[draw(task, random, held_out=True)] = None
    return list(problems)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=TASKS, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--prompts_per_step", type=int, default=32)
    parser.add_argument("--held_out", action="store_true", help="the problems of evaluation instead")
    given = parser.parse_args()
    if given.held_out:
        problems = held_out_problems(given.task)
    else:
        problems = training_problems(given.task, given.seed, given.steps, given.prompts_per_step)
    for problem in problems:
        print(json.dumps({"prompt": f"<bos>{problem}"}))


if __name__ == "__main__":
    main()
