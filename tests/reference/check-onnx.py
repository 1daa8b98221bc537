"""Checks the ONNX file of an exported model folder: it is valid, and Python's onnxruntime gives the log-probs and greedy completions of
the engine and the logits of transformers.

    python tests/reference/check-onnx.py FOLDER SCORES.jsonl [--greedy GREEDY.jsonl]

The files are those of check-export.py, which checks model.safetensors. Exits with 1 if a number differs by more than the tolerance or
any greedy completion differs; with 2 if a file cannot be used.
"""

import argparse
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

check_export = import_module("check-export")


class OnnxModel:
    """The decoder with its cache."""

    def __init__(self, path, config):
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.outputs = [output.name for output in self.session.get_outputs()]
        self.empty = (config.num_key_value_heads, 0, config.head_dim)

    def __call__(self, ids, mask, past=None):
        """Logits [B, T, V] of ids [B, T]; mask [B, S] is 0 for padding and covers the tokens that `past` has read, too."""
        positions = np.maximum(mask.cumsum(1) - 1, 0)[:, -ids.shape[1] :]
        nothing = np.zeros((len(ids), *self.empty), np.float32)
        feeds = {"input_ids": ids, "attention_mask": mask, "position_ids": positions}
        for name in self.outputs:
            if name == "logits":
                continue
            feeds[name.replace("present", "past_key_values")] = nothing if past is None else past[name]
        results = dict(zip(self.outputs, self.session.run(self.outputs, feeds)))
        return results["logits"], results

    def complete(self, prompts, max_new_tokens, eos):
        """The likeliest tokens after every prompt, up to eos: all prompts in one batch, padded on the left."""
        width = max(map(len, prompts))
        ids = np.array([[0] * (width - len(prompt)) + prompt for prompt in prompts])
        mask = np.array([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        tokens, past = [], None
        for _ in range(max_new_tokens):
            logits, past = self(ids, mask, past)
            ids = logits[:, -1].argmax(-1)[:, None]
            mask = np.hstack([mask, np.ones_like(ids)])
            tokens.append(ids)
            if (np.hstack(tokens) == eos).any(1).all():
                break
        rows = np.hstack(tokens).tolist()
        return [row[: row.index(eos) + 1] if eos in row else row for row in rows]


def check_logits(onnx_model, model, records, tolerance):
    """True if the engine's log-probs and transformers' logits are those of onnxruntime."""
    worst_log_prob = worst_logit = 0.0
    for record in records:
        ids = np.array([record["ids"]])
        logits, _ = onnx_model(ids, np.ones_like(ids))
        with torch.no_grad():
            expected = model(torch.from_numpy(ids)).logits.numpy()
        log_probs = torch.from_numpy(logits[0, :-1]).double().log_softmax(-1).numpy()
        given = log_probs[np.arange(ids.shape[1] - 1), ids[0, 1:]]
        worst_logit = max(worst_logit, np.abs(logits - expected).max())
        worst_log_prob = max(worst_log_prob, np.abs(given - np.array(record["logprobs"])).max())
    print(f"engine:       largest difference of a log-prob {worst_log_prob:.3g} over {len(records)} texts (tolerance {tolerance:g})")
    print(f"transformers: largest difference of a logit {worst_logit:.3g} (tolerance {tolerance:g})")
    return bool(worst_log_prob <= tolerance and worst_logit <= tolerance)


def check_greedy(onnx_model, tokenizer, records):
    """True if onnxruntime completes every prompt as the engine did."""
    prompts = [tokenizer(check_export.with_bos(tokenizer, record["prompt"])).input_ids for record in records]
    expected = [tokenizer(record["completion"]).input_ids for record in records]
    completions = onnx_model.complete(prompts, max(map(len, expected)), tokenizer.eos_token_id)
    identical = 0
    for record, completion, tokens in zip(records, completions, expected):
        if completion[: len(tokens)] == tokens:
            identical += 1
        else:
            print(f"  greedy differs: {record['prompt']!r}\n    engine      {record['completion']!r}")
            print(f"    onnxruntime {tokenizer.decode(completion, skip_special_tokens=False)!r}")
    print(f"greedy:       {identical} of {len(records)} completions identical")
    return identical == len(records)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the exported Hugging Face folder")
    parser.add_argument("scores", type=Path, help="JSON lines of text, ids, logprobs")
    parser.add_argument("--greedy", type=Path, help="JSON lines of prompt, completion")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="largest difference of a number (default 1e-4)")
    arguments = parser.parse_args()
    path = arguments.folder / "onnx" / "model.onnx"
    for file in [path, arguments.scores, *([arguments.greedy] if arguments.greedy else [])]:
        if not file.is_file():
            check_export.stop(f"expected a file {file}, but there is none")
    scores = check_export.read_lines(arguments.scores, {"ids", "logprobs"})
    greedy = check_export.read_lines(arguments.greedy, {"prompt", "completion"}) if arguments.greedy else []

    onnx.checker.check_model(str(path), full_check=True)
    print(f"{path}: valid, {len(onnx.load(path).graph.node)} nodes")
    tokenizer = AutoTokenizer.from_pretrained(arguments.folder)
    model = AutoModelForCausalLM.from_pretrained(arguments.folder, dtype=torch.float32).eval()
    onnx_model = OnnxModel(path, model.config)

    passed = check_logits(onnx_model, model, scores, arguments.tolerance)
    if greedy:
        passed = check_greedy(onnx_model, tokenizer, greedy) and passed
    print("PASSED" if passed else "FAILED")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
