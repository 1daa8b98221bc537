"""PyTorch's side of the reference workload of `grpo bench`: a Llama of the same sizes samples and trains on this machine's GPU.

    python tests/bench/pytorch.py > pytorch.json                  the reference workload, on CUDA
    python tests/bench/pytorch.py --device cpu --small            tries every path but the CUDA graphs

Prints one line of JSON, which `grpo bench --compare` takes; times are medians in milliseconds, each run ended by a synchronize.

sampling.eager      KV cache, one call a token
sampling.graph      the same kernels, the whole loop over the tokens replayed as one CUDA graph
sampling.compiled   the token's step compiled over a static cache, the whole loop as one CUDA graph (CPU: no graph)
training.eager      forward, dapo loss of a clipped ratio, backward, clip to norm 1, fused AdamW
training.compiled   the same, forward, loss and backward compiled

All in float32 with TF32 off; `allow_tf32` holds the same rows once more with TF32 on, which rounds the factors of every matrix
product to 10 bits. No completion ends early, and the KL term is off, as in `grpo bench`. A row that could not be run is null, and
standard error says why. Before it is timed, every sampler must agree with the full forward pass on the log-prob of each token that
it drew, and the compiled gradient with the eager one.
"""

import argparse
import contextlib
import json
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

VOCABULARY = 28
PROMPT_TOKENS = 12
GROUP = 16
EPSILON_LOW, EPSILON_HIGH = 0.2, 0.28


class Block(nn.Module):
    def __init__(self, width, mlp_width):
        super().__init__()
        self.attention_norm = nn.RMSNorm(width, eps=1e-5)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.output = nn.Linear(width, width, bias=False)
        self.mlp_norm = nn.RMSNorm(width, eps=1e-5)
        self.gate_up = nn.Linear(width, 2 * mlp_width, bias=False)
        self.down = nn.Linear(mlp_width, width, bias=False)


class Llama(nn.Module):
    """Pre-norm, RoPE, SwiGLU, the embedding tied to the output; q, k and v are one matrix, as are gate and up."""

    def __init__(self, width, layers, heads, max_positions):
        super().__init__()
        self.heads = heads
        self.embedding = nn.Embedding(VOCABULARY, width)
        self.blocks = nn.ModuleList(Block(width, 3 * width) for _ in range(layers))
        self.norm = nn.RMSNorm(width, eps=1e-5)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.1)  # more than a fresh model has, so that a wrong position shows
        head_width = width // heads
        frequencies = 10000.0 ** (-torch.arange(0, head_width, 2) / head_width)
        angles = torch.outer(torch.arange(max_positions), frequencies).repeat(1, 2)
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())

    def forward(self, ids, positions, attend):
        """Logits [B, T, V] of ids [B, T]. `positions` indexes the T rows of the RoPE tables; `attend(layer, q, k, v)` takes and
        gives [B, H, T, K]."""
        batch, length = ids.shape
        cos, sin = self.cos[positions], self.sin[positions]
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            qkv = block.qkv(block.attention_norm(x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
            first, second = qkv[:2].chunk(2, dim=-1)
            q, k = qkv[:2] * cos + torch.cat((-second, first), dim=-1) * sin
            attended = attend(layer, q, k, qkv[2])
            x = x + block.output(attended.transpose(1, 2).reshape(batch, length, -1))
            gate, up = block.gate_up(block.mlp_norm(x)).chunk(2, dim=-1)
            x = x + block.down(F.silu(gate) * up)
        return F.linear(self.norm(x), self.embedding.weight)

    def full(self, ids):
        """Logits of whole sequences."""
        return self(
            ids, slice(0, ids.shape[1]), lambda _, q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True)
        )


class Sampler:
    """Draws `new_tokens` for every prompt at temperature 1; a call gives ids and their log-probs, each [B, new_tokens]."""

    def __init__(self, model, prompts, new_tokens, compiled=False):
        batch, positions = len(prompts), PROMPT_TOKENS + new_tokens
        head_width = model.embedding.embedding_dim // model.heads
        shape = (batch, model.heads, positions, head_width)
        cache = lambda: [torch.zeros(shape, device=prompts.device) for _ in model.blocks]
        self.model, self.prompts, self.new_tokens = model, prompts, new_tokens
        self.keys, self.values = cache(), cache()
        # A tensor for each position: compiled code wants its inputs aligned, which slices of one tensor are not.
        self.positions = [torch.tensor([t], device=prompts.device) for t in range(positions)]
        self.every_position = torch.arange(positions, device=prompts.device)
        self.masked_step = torch.compile(self.masked_step, dynamic=False)
        self.step = (lambda ids, t: self.masked_step(ids, self.positions[t])) if compiled else self.sliced_step

    @torch.no_grad()
    def __call__(self):
        draws = [self.draw(self.model(self.prompts, slice(0, PROMPT_TOKENS), self.prefill))]
        for t in range(PROMPT_TOKENS, PROMPT_TOKENS + self.new_tokens - 1):
            draws.append(self.step(draws[-1][0], t))
        ids, log_probs = zip(*draws)
        return torch.cat(ids, dim=1), torch.cat(log_probs, dim=1)

    def draw(self, logits):
        """A token [B, 1] after the last position, and its log-prob: the largest of p / e, e exponential, is distributed as p."""
        log_probs = logits[:, -1].log_softmax(-1)
        ids = (log_probs.exp() / torch.empty_like(log_probs).exponential_()).argmax(-1, keepdim=True)
        return ids, log_probs.gather(-1, ids)

    def prefill(self, layer, q, k, v):
        self.keys[layer][:, :, :PROMPT_TOKENS] = k
        self.values[layer][:, :, :PROMPT_TOKENS] = v
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)

    def sliced_step(self, ids, t):
        """Attends over exactly the positions so far."""

        def attend(layer, q, k, v):
            keys, values = self.keys[layer], self.values[layer]
            keys[:, :, t : t + 1] = k
            values[:, :, t : t + 1] = v
            return F.scaled_dot_product_attention(q, keys[:, :, : t + 1], values[:, :, : t + 1])

        return self.draw(self.model(ids, slice(t, t + 1), attend))

    def masked_step(self, ids, position):
        """The same with the position in a tensor, so that one compiled graph serves all of them."""
        seen = (self.every_position <= position)[None]

        def attend(layer, q, k, v):
            keys, values = self.keys[layer], self.values[layer]
            keys[:, :, position] = k
            values[:, :, position] = v
            return F.scaled_dot_product_attention(q, keys, values, attn_mask=seen)

        return self.draw(self.model(ids, position, attend))


class Captured:
    """A function without arguments as one CUDA graph; every call replays it into the same outputs."""

    def __init__(self, function):
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(2):
                function()
        torch.cuda.current_stream().wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.outputs = function()

    def __call__(self):
        self.graph.replay()
        return self.outputs


class Trainer:
    def __init__(self, model, compiled=False):
        self.model = model
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=1e-4, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.0, fused=True
        )
        self.loss = torch.compile(self.loss, dynamic=False) if compiled else self.loss

    def loss(self, ids, rewards):
        """Clipped policy gradient, a mean over all completion tokens (dapo). The policy that sampled is the current one, so the
        ratio is 1 in value and counts by its gradient."""
        groups = rewards.view(-1, GROUP)
        advantages = ((groups - groups.mean(1, keepdim=True)) / (groups.std(1, keepdim=True) + 1e-4)).view(-1, 1)
        logits = self.model.full(ids[:, :-1])[:, PROMPT_TOKENS - 1 :]
        log_probs = logits.log_softmax(-1).gather(-1, ids[:, PROMPT_TOKENS:, None])[..., 0]
        ratio = (log_probs - log_probs.detach()).exp()
        clipped = ratio.clamp(1 - EPSILON_LOW, 1 + EPSILON_HIGH)
        return -torch.minimum(ratio * advantages, clipped * advantages).mean()

    def gradient(self, ids, rewards):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(ids, rewards)
        loss.backward()
        return loss

    def __call__(self, ids, rewards):
        """One update; gives what a trainer logs, the loss and the norm of the gradient."""
        loss = self.gradient(ids, rewards)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return loss.item(), norm.item()


class Benchmark:
    def __init__(self, sizes, device, runs):
        torch.manual_seed(1)
        batch, new_tokens = sizes["sequences"], sizes["newTokens"]
        self.device, self.runs, self.new_tokens = device, runs, new_tokens
        positions = PROMPT_TOKENS + new_tokens
        self.model = Llama(sizes["hiddenSize"], sizes["numLayers"], sizes["numHeads"], positions).to(device)
        at = torch.arange(batch, device=device)
        self.prompts = (at[:, None] * 7 + torch.arange(PROMPT_TOKENS, device=device) * 3) % 20
        self.rewards = (at % 7) / 7
        self.peak_mib = None

    def rows(self, tolerance):
        """The figures at the precision that is set; `tolerance` in nats for log-probs, relative for gradients."""
        cuda = self.device == "cuda"
        wrap = Captured if cuda else lambda function: function
        if cuda and self.peak_mib is None:
            torch.cuda.reset_peak_memory_stats()
        rows = {"sampling": {}, "training": {}}
        eager = Sampler(self.model, self.prompts, self.new_tokens)
        ids = self.checked(eager, tolerance)
        rows["sampling"]["eager"] = self.median_ms(eager)
        trainer = Trainer(self.model)
        rows["training"]["eager"] = self.median_ms(lambda: trainer(ids, self.rewards))
        if cuda and self.peak_mib is None:
            self.peak_mib = torch.cuda.max_memory_allocated() / 2**20

        def graph():
            sampler = Captured(eager)
            self.checked(sampler, tolerance)
            return self.median_ms(sampler)

        def compiled_sampling():
            sampler = wrap(Sampler(self.model, self.prompts, self.new_tokens, compiled=True))
            self.checked(sampler, tolerance)
            return self.median_ms(sampler)

        def compiled_training():
            compiled = Trainer(self.model, compiled=True)
            gradients = [self.gradient_of(each, ids) for each in (trainer, compiled)]
            difference = (gradients[0] - gradients[1]).norm() / gradients[0].norm()
            check(difference < 10 * tolerance, f"the compiled gradient differs by {difference:.2e} of its norm")
            return self.median_ms(lambda: compiled(ids, self.rewards))

        rows["sampling"]["graph"] = attempt("sampling.graph", graph) if cuda else None
        rows["sampling"]["compiled"] = attempt("sampling.compiled", compiled_sampling)
        rows["training"]["compiled"] = attempt("training.compiled", compiled_training)
        return rows

    def checked(self, sampler, tolerance):
        """Whole sequences [B, T] that `sampler` drew, after its log-probs were found to be those of the full forward pass and a
        second call to draw others."""
        completions, log_probs = (output.clone() for output in sampler())
        ids = torch.cat((self.prompts, completions), dim=1)
        with torch.no_grad():
            logits = self.model.full(ids[:, :-1])[:, PROMPT_TOKENS - 1 :]
        check(logits.isfinite().all(), "the logits are not finite")
        expected = logits.log_softmax(-1).gather(-1, completions[..., None])[..., 0]
        error = (log_probs - expected).abs().max().item()
        check(error < tolerance, f"with the KV cache a log-prob differs by {error:.2e} nats from the full forward pass")
        check(not torch.equal(completions, sampler()[0]), "two calls drew the same tokens")
        return ids

    def gradient_of(self, trainer, ids):
        trainer.gradient(ids, self.rewards)
        gradient = torch.cat([parameter.grad.flatten() for parameter in self.model.parameters()])
        check(gradient.isfinite().all() and gradient.norm() > 0, "the gradient is zero or not finite")
        return gradient

    def median_ms(self, function):
        times = []
        for run in range(3 + self.runs):
            self.synchronize()
            start = time.perf_counter()
            function()
            self.synchronize()
            if run >= 3:  # the first ones warm up caches, allocator and clocks
                times.append((time.perf_counter() - start) * 1000)
        return statistics.median(times)

    def synchronize(self):
        if self.device == "cuda":
            torch.cuda.synchronize()


def check(holds, message):
    if not holds:
        raise AssertionError(message)


def attempt(name, row):
    """A row, or null with the reason on standard error: a compiler that is missing is no reason to lose the other rows."""
    try:
        return row()
    except Exception as error:
        print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hidden-size", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--sequences", type=int, default=512, help=f"a multiple of {GROUP}")
    parser.add_argument("--new-tokens", type=int, default=100)
    parser.add_argument("--runs", type=int, default=11, help="of which the median is taken")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument(
        "--small", action="store_true", help="d=32, 2 layers, 32 sequences, 8 tokens: does it run at all"
    )
    given = parser.parse_args()
    if given.small:
        given.hidden_size, given.layers, given.sequences, given.new_tokens, given.runs = 32, 2, 32, 8, 3
    if given.sequences % GROUP:
        parser.error(f"--sequences must be a multiple of {GROUP}, but it is {given.sequences}")
    if given.device == "cuda" and not torch.cuda.is_available():
        parser.error("PyTorch finds no CUDA device; --device cpu --small tries the program without one")

    sizes = {
        "hiddenSize": given.hidden_size,
        "intermediateSize": 3 * given.hidden_size,
        "numLayers": given.layers,
        "numHeads": given.heads,
        "vocabSize": VOCABULARY,
        "sequences": given.sequences,
        "promptTokens": PROMPT_TOKENS,
        "newTokens": given.new_tokens,
    }
    benchmark = Benchmark(sizes, given.device, given.runs)
    with contextlib.redirect_stdout(sys.stderr):
        torch.set_float32_matmul_precision("highest")
        rows = benchmark.rows(tolerance=1e-4)
        torch.compiler.reset()
        torch.set_float32_matmul_precision("high")
        tf32_rows = benchmark.rows(tolerance=5e-2) if given.device == "cuda" else None
    report = {
        "engine": "pytorch",
        "version": torch.__version__,
        "device": torch.cuda.get_device_name() if given.device == "cuda" else "cpu",
        "sizes": sizes,
        "parameters": sum(parameter.numel() for parameter in benchmark.model.parameters()),
        "runs": given.runs,
        **rows,
        "allow_tf32": tf32_rows,
        "peakMiB": benchmark.peak_mib,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
