"""GRPO with TRL: the settings, the problems and the rewards of a run of the GRPO Playground, on a cluster.

    accelerate launch --num_processes 1 train.py --config grpo.yaml

Every setting of grpo.yaml, and every other one of TRL's GRPOConfig, may also be given here: --max_steps 3
"""

import json
import os
from dataclasses import dataclass, field
from typing import Literal

from datasets import Dataset
from torch.optim.lr_scheduler import LambdaLR
from transformers import AutoTokenizer
from trl import GRPOConfig, GRPOTrainer, TrlParser

import rewards
import words


@dataclass
class RunArguments:
    task: str = field(metadata={"help": "countdown, countdown-easy or addition."})
    reward_functions: list[str] = field(metadata={"help": "Names in rewards.py, in the order of reward_weights."})
    model: str = field(default="model", metadata={"help": "A folder, or a name on the Hugging Face hub."})
    style: Literal["tokens", "words"] = field(
        default="tokens",
        metadata={"help": "Problems as the tiny model reads them, or in English for a real one."},
    )
    train_file: str = "data/train.jsonl"
    held_out_file: str = "data/held-out.jsonl"


@dataclass
class RunConfig(GRPOConfig):
    """GRPOConfig for steps of `prompts_per_step` problems on any number of GPUs."""

    prompts_per_step: int = field(
        default=32, metadata={"help": "Problems in a step; each gets num_generations completions."}
    )

    def __post_init__(self):
        # TRL derives the step from the batch of a process. Here the step is given: each process takes its share of it,
        # in batches of per_device_train_batch_size at most.
        processes = int(os.environ.get("WORLD_SIZE", "1"))
        share, rest = divmod(self.prompts_per_step * self.num_generations, processes)
        if share == 0 or rest > 0:
            raise ValueError(
                f"prompts_per_step ({self.prompts_per_step}) times num_generations ({self.num_generations}) must be a "
                f"multiple of the number of processes ({processes})"
            )
        while share % self.per_device_train_batch_size > 0:
            self.per_device_train_batch_size -= 1
        self.gradient_accumulation_steps = share // self.per_device_train_batch_size
        super().__post_init__()


class RunTrainer(GRPOTrainer):
    def create_scheduler(self, num_training_steps, optimizer=None):
        """Rises with every rollout, from the first on: the schedule of transformers begins with an update of rate 0."""
        updates, warmup = self.num_iterations, max(1, self.args.warmup_steps)
        self.lr_scheduler = LambdaLR(
            optimizer or self.optimizer, lambda update: min(1, (update // updates + 1) * updates / warmup)
        )
        return self.lr_scheduler


def read_problems(path, task, style):
    with open(path, encoding="utf-8") as lines:
        problems = [json.loads(line)["prompt"] for line in lines]
    prompts = problems if style == "tokens" else [words.prompt(task, problem) for problem in problems]
    return Dataset.from_dict({"prompt": prompts, "problem": problems})


def reward_function(name, run, tokenizer, budget):
    """As TRL calls it. The text is decoded here because TRL's own leaves out <eos>, without which no answer counts."""
    rules = rewards if run.style == "tokens" else words
    if name not in rules.FUNCTIONS:
        raise ValueError(
            f"reward_functions must be among {', '.join(rules.FUNCTIONS)} for style {run.style}, not {name!r}"
        )
    judge = rules.FUNCTIONS[name]

    def reward(completion_ids, problem, log_metric, **_):
        texts = [tokenizer.decode(ids) for ids in completion_ids]
        if name == "accuracy":
            log_metric("waits", sum(map(rules.waits, texts)) / len(texts))
        return [float(judge(run.task, asked, text, budget)) for asked, text in zip(problem, texts, strict=True)]

    reward.__name__ = name
    return reward


def main():
    run, config = TrlParser((RunArguments, RunConfig)).parse_args_and_config()
    tokenizer = AutoTokenizer.from_pretrained(run.model, padding_side="left")
    trainer = RunTrainer(
        model=run.model,
        args=config,
        processing_class=tokenizer,
        reward_funcs=[
            reward_function(name, run, tokenizer, config.max_completion_length) for name in run.reward_functions
        ],
        train_dataset=read_problems(run.train_file, run.task, run.style),
        eval_dataset=read_problems(run.held_out_file, run.task, run.style),
    )
    trainer.train()
    trainer.save_model()


if __name__ == "__main__":
    main()
