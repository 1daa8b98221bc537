"""Checks an exported model folder against transformers: the same ids, the same log-probs, the same greedy completions; and the metadata of
its model card with the reader of the Hugging Face hub.

    python tests/reference/check-export.py FOLDER SCORES.jsonl [--greedy GREEDY.jsonl]

SCORES.jsonl, one a line:  {"text": ..., "ids": [...], "logprobs": [...]}    nats of ids[t + 1] given ids[..t]
GREEDY.jsonl, one a line:  {"prompt": ..., "completion": ...}    ending in <eos> unless it was cut off

A text or prompt may be given without the <bos> that the model reads in front of it. Exits with 1 if a log-prob differs
by more than the tolerance, or if any ids or any greedy completion differ; with 2 if a file cannot be used.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from huggingface_hub import ModelCard
from transformers import AutoModelForCausalLM, AutoTokenizer


def stop(message):
    print(message, file=sys.stderr)
    sys.exit(2)


def read_lines(path, fields):
    records = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            stop(f"{path}:{number}: expected one JSON object a line, but {error}")
        if not isinstance(record, dict) or not fields <= record.keys():
            stop(f"{path}:{number}: expected an object with {', '.join(sorted(fields))}, but it is {line[:80]}")
        records.append(record)
    if not records:
        stop(f"{path}: expected at least one line, but there is none")
    return records


def with_bos(tokenizer, text):
    bos = tokenizer.bos_token
    return text if text.startswith(bos) else bos + text


def check_scores(model, tokenizer, records, tolerance):
    """True if all ids agree and no log-prob is off by more than the tolerance."""
    different_ids = 0
    worst, worst_at = 0.0, None
    for record in records:
        text, ids = record["text"], record["ids"]
        log_probs = torch.tensor(record["logprobs"], dtype=torch.float64)
        if len(log_probs) != len(ids) - 1:
            stop(f"{text!r}: expected {len(ids) - 1} logprobs for {len(ids)} ids, but there are {len(log_probs)}")
        if ids not in (tokenizer(text).input_ids, tokenizer(with_bos(tokenizer, text)).input_ids):
            different_ids += 1
            print(f"  ids differ: {text!r} is {ids}, but transformers reads {tokenizer(text).input_ids}")
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0, :-1].double()
        expected = logits.log_softmax(-1).gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
        difference = (log_probs - expected).abs()
        difference = difference.nan_to_num(nan=float("inf"))
        if len(difference) and difference.max() > worst:
            worst = difference.max().item()
            token = int(difference.argmax())
            worst_at = f"token {token + 1} of {text!r}: {log_probs[token]:.8f}, transformers {expected[token]:.8f}"
    tokens = sum(len(record["ids"]) - 1 for record in records)
    print(f"ids:       {len(records) - different_ids} of {len(records)} texts read alike")
    print(f"log-probs: largest difference {worst:.3g} over {tokens} tokens (tolerance {tolerance:g})")
    if worst_at:
        print(f"           at {worst_at}")
    return different_ids == 0 and worst <= tolerance


def check_greedy(model, tokenizer, records):
    """True if transformers completes every prompt alike."""
    identical = 0
    for record in records:
        prompt_ids = tokenizer(with_bos(tokenizer, record["prompt"]), return_tensors="pt")
        expected = record["completion"]
        with torch.no_grad():
            output = model.generate(
                **prompt_ids,
                do_sample=False,
                max_new_tokens=max(1, len(tokenizer(expected).input_ids)),
                pad_token_id=tokenizer.pad_token_id,
            )
        completion = tokenizer.decode(output[0, prompt_ids.input_ids.shape[1] :], skip_special_tokens=False)
        if completion == expected:
            identical += 1
        else:
            print(
                f"  greedy differs: {record['prompt']!r}\n    given        {expected!r}\n    transformers {completion!r}"
            )
    print(f"greedy:    {identical} of {len(records)} completions identical")
    return identical == len(records)


def check_card(path):
    """True if the hub's reader finds in the card what it lists a model by."""
    card = ModelCard.load(path).data
    results = ", ".join(f"{result.metric_type} {result.metric_value}" for result in card.eval_results or [])
    print(f"card:      {card.library_name}, {card.pipeline_tag}, {card.license}, tags {', '.join(card.tags)}; results: {results or 'none'}")
    return (card.library_name, card.pipeline_tag) == ("transformers", "text-generation")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the exported Hugging Face folder")
    parser.add_argument("scores", type=Path, help="JSON lines of text, ids, logprobs")
    parser.add_argument("--greedy", type=Path, help="JSON lines of prompt, completion")
    parser.add_argument(
        "--tolerance", type=float, default=1e-4, help="largest difference of a log-prob, in nats (default 1e-4)"
    )
    arguments = parser.parse_args()
    for path in [arguments.folder / "config.json", arguments.scores, *([arguments.greedy] if arguments.greedy else [])]:
        if not path.is_file():
            stop(f"expected a file {path}, but there is none")
    scores = read_lines(arguments.scores, {"text", "ids", "logprobs"})
    greedy = read_lines(arguments.greedy, {"prompt", "completion"}) if arguments.greedy else []

    tokenizer = AutoTokenizer.from_pretrained(arguments.folder)
    model = AutoModelForCausalLM.from_pretrained(arguments.folder, dtype=torch.float32).eval()
    print(f"{arguments.folder}: {type(model).__name__}, {model.num_parameters()} parameters, {len(tokenizer)} tokens")

    passed = check_scores(model, tokenizer, scores, arguments.tolerance)
    if greedy:
        passed = check_greedy(model, tokenizer, greedy) and passed
    if (arguments.folder / "README.md").is_file():
        passed = check_card(arguments.folder / "README.md") and passed
    print("PASSED" if passed else "FAILED")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
