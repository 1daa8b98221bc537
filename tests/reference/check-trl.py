"""Checks TRL folders against the playground: the same rewards and problems, logs that can be read, and that they train.

    node tests/reference/trl-cases.mjs /tmp/trl
    python tests/reference/check-trl.py /tmp/trl/* [--completions FILE ...] [--write tests/fixtures/trl.json]
    python tests/reference/check-trl.py /tmp/trl/* --logs --train

Every FOLDER is one that the playground exported. Its problems.py draws data/ again, and its rewards.py judges the
completions in cases.jsonl, if there is one, and in FILEs: JSON lines with prompt, completion and a column for every
reward function, such as the run/completions.jsonl of a run of the same task. Two rewards are the same only if they are
the same number. --write keeps what agreed, as digests, for a test to compare with.

--logs reads run/ with TensorBoard and pandas. --train runs train.py for three updates on the processor, with the TRL
that is installed. Without them no package is needed. Exits with 1 where anything differs.
"""

import argparse
import hashlib
import importlib
import json
import math
import re
import subprocess
import sys
from pathlib import Path


def load(folder):
    """The modules of a folder, whatever was loaded from another."""
    for name in ("rewards", "problems"):
        sys.modules.pop(name, None)
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module("rewards"), importlib.import_module("problems")
    finally:
        sys.path.pop(0)


def check_rewards(rewards, task, budget, path):
    """True if all agree, and there is something to agree on."""
    lines = path.read_text(encoding="utf-8").splitlines()
    names, different, right = [], 0, 0
    for line in lines:
        row = json.loads(line)
        names = [name for name in rewards.FUNCTIONS if name in row]
        for name in names:
            given = rewards.FUNCTIONS[name](task, row["prompt"], row["completion"], budget)
            if given != row[name]:
                different += 1
                if different <= 5:
                    print(f"  {name} differs: {row[name]} in the playground, {given} in Python, for {line}")
        right += row["accuracy"] == 1
    print(f"{task}: {path.name}: {len(lines)} completions, {right} right; {', '.join(names)}: {different} differ")
    return different == 0 and len(lines) > 0 and len(names) > 0


def check_problems(problems, task, folder):
    """True if problems.py draws what the playground drew."""
    settings = json.loads((folder / "run/settings.json").read_text(encoding="utf-8"))
    drawn = list(
        problems.training_problems(task, settings["seed"], settings["max_steps"], settings["prompts_per_step"])
    )
    same = True
    for name, expected in (("train", drawn), ("held-out", problems.held_out_problems(task))):
        given = [json.loads(line)["prompt"] for line in (folder / f"data/{name}.jsonl").read_text().splitlines()]
        agrees = given == [f"<bos>{problem}" for problem in expected[: len(given)]] and len(given) > 0
        print(f"{task}: data/{name}.jsonl: {len(given)} problems, {'the same' if agrees else 'DIFFERENT'} in Python")
        same = same and agrees
    return same and not set(drawn) & set(problems.held_out_problems(task))


def check_logs(task, folder):
    """True if TensorBoard and pandas read the same log."""
    import pandas
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    table = pandas.read_json(folder / "run/log.jsonl", lines=True).set_index("step")
    events = EventAccumulator(str(folder / "run")).Reload()
    tags, different = events.Tags()["scalars"], 0
    for name in table:
        tag = name if name.startswith("eval/") else f"train/{name}"
        logged = {event.step: event.value for event in events.Scalars(tag)}
        expected = table[name].dropna().astype("float32").to_dict()
        different += logged != expected
    print(f"{task}: run/: {len(table)} steps, {len(tags)} curves in TensorBoard: {different} differ from pandas'")
    return different == 0 and len(tags) == len(table.columns) > 0


def check_training(task, folder):
    """True if train.py trains and logs three updates."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    small = "--max_steps 3 --prompts_per_step 2 --num_generations 4 --logging_steps 1 --eval_strategy no --use_cpu"
    command = [sys.executable, "train.py", "--config", "grpo.yaml", *small.split(), "--eval_on_start", "false"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        print(f"{task}: train.py failed\n{done.stderr[-2000:]}")
        return False
    print("\n".join(line for line in done.stdout.splitlines() if line.startswith("{")))
    newest = max((folder / "output").rglob("events.out.tfevents.*"), key=lambda path: path.stat().st_mtime)
    losses = [event.value for event in EventAccumulator(str(newest)).Reload().Scalars("train/loss")]
    print(f"{task}: train.py: {len(losses)} updates, losses {losses}")
    return len(losses) == 3 and all(map(math.isfinite, losses))


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--completions", type=Path, nargs="*", default=[], metavar="FILE")
    parser.add_argument("--write", type=Path, metavar="FILE")
    parser.add_argument("--logs", action="store_true")
    parser.add_argument("--train", action="store_true")
    given = parser.parse_args()
    passed, digests = True, {"python": {}, "tasks": {}}
    for folder in given.folders:
        config = (folder / "grpo.yaml").read_text(encoding="utf-8")
        task = re.search('^task: "(.+)"$', config, re.MULTILINE)[1]
        budget = int(re.search("^max_completion_length: ([0-9]+)$", config, re.MULTILINE)[1])
        rewards, problems = load(folder)
        passed &= check_problems(problems, task, folder)
        cases = folder / "cases.jsonl"
        for path in [*([cases] if cases.exists() else []), *given.completions]:
            passed &= check_rewards(rewards, task, budget, path)
        if given.logs:
            passed &= check_logs(task, folder)
        if given.train:
            passed &= check_training(task, folder)
        digests["python"] = {name: digest(folder / name) for name in ("rewards.py", "problems.py")}
        if cases.exists():
            data = ("cases.jsonl", "data/train.jsonl", "data/held-out.jsonl")
            digests["tasks"][task] = {name: digest(folder / name) for name in data}
    if passed and given.write:
        given.write.write_text(json.dumps(digests, indent=2) + "\n", encoding="utf-8")
    print("PASSED" if passed else "FAILED")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
