"""Writes tests/fixtures/*.json: what PyTorch and Hugging Face transformers compute, for the tests to agree with.

Run by hand where torch and transformers are installed; the files are committed. Every number comes from a fixed seed:

    python tests/reference/make-fixtures.py

llama.json        tiny LlamaForCausalLM models: weights, logits, and the gradients of a weighted sum of token log-probs
grpo-losses.json  advantages, and the loss with its autograd gradient for every loss type and ratio level
ppo.json          generalised advantage estimation and the clipped value loss with its autograd gradient
adamw.json        steps of clip_grad_norm_ and torch.optim.AdamW
sampling.json     distributions after transformers' temperature, top-k, top-p and min-p warpers
"""

import base64
import itertools
import json
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.generation.logits_process import (
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

FIXTURES = Path(__file__).parent.parent / "fixtures"


def f32_base64(tensor):
    """Little-endian floats, row-major."""
    return base64.b64encode(tensor.detach().to(torch.float32).contiguous().numpy().astype("<f4").tobytes()).decode()


def rounded(value, digits=12):
    """Numbers of a nested list with that many significant digits."""
    if isinstance(value, torch.Tensor):
        value = value.detach().tolist()
    if isinstance(value, list):
        return [rounded(item, digits) for item in value]
    return float(f"{value:.{digits}g}")


def write(name, content):
    path = FIXTURES / name
    path.write_text(json.dumps(content, separators=(",", ":"), allow_nan=False) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")


# --- llama.json


def llama_case(seed, vocab_size, hidden_size, intermediate_size, num_layers, num_heads, lengths):
    generator = torch.Generator().manual_seed(seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocab_size,
            hidden_size=hidden_size,
            intermediate_size=intermediate_size,
            num_hidden_layers=num_layers,
            num_attention_heads=num_heads,
            max_position_embeddings=64,
            rms_norm_eps=1e-5,
            rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
            tie_word_embeddings=True,
            attn_implementation="sdpa",
        )
    ).double()
    # Larger than a fresh model's weights, so that attention and gates are far from uniform; f32, as the file holds them.
    for name, parameter in model.named_parameters():
        draw = torch.randn(parameter.shape, generator=generator)
        value = (
            1 + 0.3 * draw
            if parameter.dim() == 1
            else draw * (0.4 if "embed" in name else 1.5 / parameter.shape[1] ** 0.5)
        )
        parameter.data.copy_(value)

    objective = 0
    sequences = []
    for length in lengths:
        ids = torch.randint(vocab_size, (length,), generator=generator)
        weights = (torch.randn(length - 1, generator=generator) * 100).round() / 100
        logits = model(ids[None]).logits[0]
        log_probs = logits[:-1].log_softmax(-1).gather(1, ids[1:, None])[:, 0]
        objective = objective + (weights * log_probs).sum()
        sequences.append({"ids": ids.tolist(), "tokenWeights": rounded(weights), "logits": f32_base64(logits)})
    objective.backward()
    return {
        "config": {
            "vocabSize": vocab_size,
            "hiddenSize": hidden_size,
            "intermediateSize": intermediate_size,
            "numLayers": num_layers,
            "numHeads": num_heads,
            "maxPositions": 64,
        },
        "sequences": sequences,
        "tensors": {name: f32_base64(parameter) for name, parameter in model.named_parameters()},
        "gradients": {name: f32_base64(parameter.grad) for name, parameter in model.named_parameters()},
    }


# --- grpo-losses.json


def advantages(rewards, group_size, estimator, scale):
    groups = rewards.view(-1, group_size)
    if estimator == "reinforce":
        return rewards
    if estimator == "rloo":
        others = ~torch.eye(group_size, dtype=torch.bool)
        baseline = torch.stack([groups[:, others[g]].mean(1) for g in range(group_size)], dim=1)
        return (groups - baseline).flatten()
    centred = groups - groups.mean(1, keepdim=True)
    if scale == "group":
        centred = centred / ((groups.std(1, keepdim=True) if group_size > 1 else torch.zeros(len(groups), 1)) + 1e-4)
    if scale == "batch":
        centred = centred / (rewards.std() + 1e-4)
    return centred.flatten()


def advantage_cases():
    batches = [
        (4, [1.1, 0.1, 0.0, 0.1, 0.1, 0.1, 0.1, 0.1, 1.1, 1.1, 0.0, 1.1]),
        (2, [1.1, 0.0, -0.25, 0.5, 0.1, 0.1]),
        (1, [1.1, 0.0, 0.1]),
    ]
    cases = []
    for (group_size, rewards), estimator, scale in itertools.product(
        batches, ["grpo", "rloo", "reinforce"], ["group", "batch", "none"]
    ):
        if estimator == "rloo" and group_size == 1:
            continue  # there are no others to compare with
        result = advantages(torch.tensor(rewards, dtype=torch.float64), group_size, estimator, scale)
        cases.append(
            {
                "numGenerations": group_size,
                "rewards": rewards,
                "advantageEstimator": estimator,
                "scaleRewards": scale,
                "advantages": rounded(result),
            }
        )
    return cases


def grpo_loss(logp, old, ref, entropy, advantage, mask, options):
    """All [B, T], padded, but advantage [B, 1] or [B, T]. The loss by the formulas; the metrics as TRL's GRPOTrainer takes them,
    but that tokens with low entropy, which do not train, are not clipped either."""
    eps, eps_high = options["epsilon"], options["epsilonHigh"]
    threshold = torch.quantile(entropy[mask.bool()].detach(), 1 - options["topEntropyQuantile"])
    uncertain = ((entropy >= threshold) & mask.bool()).double()
    log_ratio = logp - (logp.detach() if old is None else old)
    if options["importanceSamplingLevel"] == "sequence":
        log_ratio = ((log_ratio * mask).sum(1) / mask.sum(1).clamp(min=1))[:, None]
    ratio = log_ratio.exp()

    kind = options["lossType"]
    if kind == "cispo":
        token_loss = -ratio.detach().clamp(max=eps_high) * advantage * logp
    elif kind == "sapo":
        tau = torch.full_like(advantage, 1.05).masked_fill(advantage > 0, 1.0)
        token_loss = -torch.sigmoid(tau * (ratio - 1)) * (4 / tau) * advantage
    else:
        free = ratio if options["delta"] is None else ratio.clamp(max=options["delta"])
        token_loss = -torch.minimum(free * advantage, ratio.clamp(1 - eps, 1 + eps_high) * advantage)
    if options["topEntropyQuantile"] < 1:
        token_loss = token_loss * uncertain
        advantage = advantage * uncertain
    token_kl = (ref - logp).exp() - (ref - logp) - 1

    def reduce(values):
        values = values.expand_as(mask)
        if kind in ("grpo", "sapo"):
            return ((values * mask).sum(1) / mask.sum(1).clamp(min=1)).mean()
        if kind == "dr_grpo":
            return (values * mask).sum() / (len(mask) * options["maxCompletionLength"])
        return (values * mask).sum() / mask.sum().clamp(min=1)

    def masked_mean(values):
        return values.mean() if values.shape[1] == 1 else (values * mask).sum() / mask.sum().clamp(min=1)

    if kind == "cispo":
        low, high = torch.zeros_like(ratio, dtype=torch.bool), (ratio > eps_high) & (advantage > 0)
    else:
        low, high = (ratio < 1 - eps) & (advantage < 0), (ratio > 1 + eps_high) & (advantage > 0)
    if options["importanceSamplingLevel"] == "sequence":  # one ratio a completion, told by its first token
        low, high = low[:, :1], high[:, :1]
    metrics = {"kl": masked_mean(token_kl), "entropy": masked_mean(entropy)}
    if kind != "sapo":
        flags = {"low": low, "high": high, "region": low | high}
        metrics |= {f"clip_ratio/{name}_mean": masked_mean(flag.double()) for name, flag in flags.items()}
    total = token_loss + options["beta"] * token_kl - options["entropyCoef"] * entropy
    return reduce(total), reduce(token_loss), metrics


def loss_fixture():
    generator = torch.Generator().manual_seed(7)
    lengths = [5, 1, 9, 3, 6, 2, 7, 4]
    size = (len(lengths), max(lengths))

    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    def six_decimals(tensor):
        return (tensor * 1e6).round() / 1e6

    logp = six_decimals(-normal(*size).abs() - 0.05)
    # One shift a completion and one a token: ratios past both bounds, of either sign of advantage, at both levels.
    shift = 0.6 * torch.tensor([1, -1, 1, -1, 0, 1, -1, 0.5], dtype=torch.float64)[:, None]
    old = six_decimals(logp - shift - 0.3 * normal(*size))
    ref = six_decimals(logp + 0.4 * normal(*size))
    entropy = six_decimals(normal(*size).abs())
    advantage = torch.tensor([1.2, -0.7, -0.9, 0.8, 0.0, 0.5, -1.5, 0.6], dtype=torch.float64)
    token_advantage = six_decimals(normal(*size))
    truncated = [False, False, True, False, False, False, True, False]
    present = torch.arange(size[1])[None] < torch.tensor(lengths)[:, None]

    option_sets = [
        {
            "epsilon": 0.2,
            "epsilonHigh": 0.28,
            "delta": None,
            "beta": 0.0,
            "old": True,
            "maskTruncatedCompletions": False,
        },
        {
            "epsilon": 0.1,
            "epsilonHigh": 1.3,
            "delta": 1.6,
            "beta": 0.04,
            "old": True,
            "maskTruncatedCompletions": False,
        },
        {
            "epsilon": 0.2,
            "epsilonHigh": 0.28,
            "delta": None,
            "beta": 0.1,
            "old": True,
            "maskTruncatedCompletions": True,
        },
        {
            "epsilon": 0.2,
            "epsilonHigh": 0.28,
            "delta": None,
            "beta": 0.04,
            "old": False,
            "maskTruncatedCompletions": False,
        },
        {
            "epsilon": 0.2,
            "epsilonHigh": 0.28,
            "delta": None,
            "beta": 0.04,
            "topEntropyQuantile": 0.45,
            "entropyCoef": 0.02,
            "old": True,
            "maskTruncatedCompletions": True,
        },
        {
            "epsilon": 0.2,
            "epsilonHigh": 0.28,
            "delta": None,
            "beta": 0.0,
            "entropyCoef": 0.05,
            "old": True,
            "tokenAdvantages": True,
            "maskTruncatedCompletions": False,
        },
    ]
    cases = []
    for kind, level, option_set in itertools.product(
        ["grpo", "bnpo", "dapo", "dr_grpo", "cispo", "sapo"], ["token", "sequence"], option_sets
    ):
        options = {"topEntropyQuantile": 1.0, "entropyCoef": 0.0, "lossType": kind, "importanceSamplingLevel": level}
        options |= {"maxCompletionLength": 12, **option_set}
        with_old = options.pop("old")
        of_tokens = options.pop("tokenAdvantages", False)
        mask = present.double()
        if options["maskTruncatedCompletions"]:
            mask = mask * ~torch.tensor(truncated)[:, None]
        leaf = logp.clone().requires_grad_()
        entropy_leaf = entropy.clone().requires_grad_()
        loss, policy_loss, metrics = grpo_loss(
            leaf,
            old if with_old else None,
            ref,
            entropy_leaf,
            token_advantage if of_tokens else advantage[:, None],
            mask,
            options,
        )
        loss.backward()
        gradients = {"dLogProbs": leaf.grad}
        if options["entropyCoef"] > 0:
            gradients["dEntropies"] = entropy_leaf.grad
        cases.append(
            {
                "options": options,
                "old": with_old,
                "ofTokens": of_tokens,
                "loss": rounded(loss.item()),
                "policyLoss": rounded(policy_loss.item()),
                "metrics": {name: rounded(value.item()) for name, value in metrics.items()},
                **{
                    name: [rounded(row[:length]) for row, length in zip(gradient, lengths)]
                    for name, gradient in gradients.items()
                },
            }
        )

    def ragged(tensor):
        return [row[:length] for row, length in zip(tensor.tolist(), lengths)]

    return {
        "logProbs": ragged(logp),
        "oldLogProbs": ragged(old),
        "refLogProbs": ragged(ref),
        "entropies": ragged(entropy),
        "advantages": advantage.tolist(),
        "tokenAdvantages": ragged(token_advantage),
        "truncated": truncated,
        "cases": cases,
    }


# --- ppo.json


def ppo_cases():
    """As TRL's PPOTrainer: advantages backwards in time, whitened over the batch; max of the two squared errors."""
    generator = torch.Generator().manual_seed(17)
    lengths = [5, 1, 9, 3, 6]

    def draw(scale):
        return [((torch.randn(n, generator=generator, dtype=torch.float64) * scale) * 1e6).round() / 1e6 for n in lengths]

    old_values, moves = draw(0.5), draw(0.3)
    rewards = [1.1, 0.1, 0.0, -0.25, 1.0]
    cases = []
    for gamma, lam, cliprange in [(1.0, 0.95, 0.2), (0.97, 1.0, 0.05), (0.9, 0.0, 10.0)]:
        advantages, returns = [], []
        for values, reward in zip(old_values, rewards):
            advantage, row = 0.0, []
            for t in reversed(range(len(values))):
                last = t == len(values) - 1
                delta = (reward if last else gamma * values[t + 1]) - values[t]
                advantage = delta + gamma * lam * advantage
                row.append(advantage)
            advantages.append(torch.stack(row[::-1]))
            returns.append(advantages[-1] + values)
        flat, flat_returns, flat_old = torch.cat(advantages), torch.cat(returns), torch.cat(old_values)
        leaf = (flat_old + torch.cat(moves)).requires_grad_()
        clipped = torch.clamp(leaf, flat_old - cliprange, flat_old + cliprange)
        open_loss, shut_loss = (leaf - flat_returns) ** 2, (clipped - flat_returns) ** 2
        loss = 0.5 * torch.max(open_loss, shut_loss).mean()
        loss.backward()
        whitened = (flat - flat.mean()) * torch.rsqrt(flat.var() + 1e-8)
        cases.append(
            {
                "options": {"gamma": gamma, "lam": lam, "cliprangeValue": cliprange},
                "returns": [rounded(row) for row in returns],
                "advantages": [rounded(row) for row in whitened.split(lengths)],
                "valueLoss": rounded(loss.item()),
                "clipped": rounded((shut_loss > open_loss).double().mean().item()),
                "explainedVariance": rounded((1 - flat.var() / flat_returns.var()).item()),
                "dValues": [rounded(row) for row in leaf.grad.split(lengths)],
            }
        )
    return {
        "rewards": rewards,
        "oldValues": [row.tolist() for row in old_values],
        "values": [rounded(old + move) for old, move in zip(old_values, moves)],
        "cases": cases,
    }


# --- adamw.json


def adamw_fixture():
    generator = torch.Generator().manual_seed(11)
    shapes = {"matrix": (3, 4), "gain": (5,)}
    options = {"learningRate": 0.01, "adamBeta1": 0.9, "adamBeta2": 0.95, "weightDecay": 0.1, "maxGradNorm": 3.0}

    def draw(shape):
        return (torch.randn(shape, generator=generator, dtype=torch.float64) * 1000).round() / 1000

    parameters = {name: torch.nn.Parameter(draw(shape)) for name, shape in shapes.items()}
    start = {name: rounded(parameter.flatten()) for name, parameter in parameters.items()}
    optimizer = torch.optim.AdamW(
        [
            {"params": [parameters["matrix"]], "weight_decay": options["weightDecay"]},
            {"params": [parameters["gain"]], "weight_decay": 0.0},
        ],
        lr=options["learningRate"],
        betas=(options["adamBeta1"], options["adamBeta2"]),
    )
    steps = []
    for scale in [1.0, 0.2, 1.0, 0.0, 0.5]:  # some longer than maxGradNorm, some shorter, one zero
        gradients = {name: scale * draw(shape) for name, shape in shapes.items()}
        for name, parameter in parameters.items():
            parameter.grad = gradients[name].clone()
        norm = torch.nn.utils.clip_grad_norm_(parameters.values(), options["maxGradNorm"])
        optimizer.step()
        steps.append(
            {
                "gradients": {name: rounded(gradient.flatten()) for name, gradient in gradients.items()},
                "norm": rounded(norm.item()),
                "weights": {name: rounded(parameter.flatten()) for name, parameter in parameters.items()},
            }
        )
    return {"shapes": shapes, "options": options, "start": start, "steps": steps}


# --- sampling.json


def sampling_cases():
    generator = torch.Generator().manual_seed(13)
    option_sets = [
        (1.0, 0, 1.0, 0.0),
        (0.7, 0, 1.0, 0.0),
        (1.0, 5, 1.0, 0.0),
        (1.0, 64, 1.0, 0.0),
        (1.3, 0, 0.8, 0.0),
        (1.0, 0, 0.01, 0.0),
        (1.0, 0, 1.0, 0.2),
        (1.5, 8, 0.9, 0.1),
    ]
    cases = []
    for forbidden, (temperature, top_k, top_p, min_p) in itertools.product([[], [0, 3]], option_sets):
        logits = (torch.randn(1, 23, generator=generator, dtype=torch.float64) * 2000).round() / 1000
        scores = logits.clone()
        scores[:, forbidden] = -torch.inf
        warpers = [TemperatureLogitsWarper(temperature)] if temperature != 1 else []
        warpers += [TopKLogitsWarper(top_k)] if top_k > 0 else []
        warpers += [TopPLogitsWarper(top_p)] if top_p < 1 else []
        warpers += [MinPLogitsWarper(min_p)] if min_p > 0 else []
        for warper in warpers:
            scores = warper(None, scores)
        cases.append(
            {
                "logits": logits[0].tolist(),
                "forbidden": forbidden,
                "options": {"temperature": temperature, "topK": top_k, "topP": top_p, "minP": min_p},
                "probabilities": rounded(scores.softmax(-1)[0]),
            }
        )
    return cases


if __name__ == "__main__":
    FIXTURES.mkdir(exist_ok=True)
    write(
        "llama.json",
        [
            llama_case(
                1, vocab_size=23, hidden_size=48, intermediate_size=80, num_layers=2, num_heads=6, lengths=[19, 7]
            ),
            llama_case(
                2, vocab_size=28, hidden_size=32, intermediate_size=96, num_layers=1, num_heads=8, lengths=[33, 2]
            ),
        ],
    )
    write("grpo-losses.json", {"advantages": advantage_cases(), "losses": loss_fixture()})
    write("ppo.json", ppo_cases())
    write("adamw.json", adamw_fixture())
    write("sampling.json", sampling_cases())
