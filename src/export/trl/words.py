"""The same problems for a model that reads English, such as Qwen2.5: what it is asked, and what counts as its answer.

The request follows TinyZero's (github.com/Jiayi-Pan/TinyZero): the model thinks between <think> and </think> and
answers between <answer> and </answer>. The two reward functions stand in for those of rewards.py, with the same
signature. For a chat model, let `prompt` return [{"role": "user", "content": ...}] with the line after User alone: the
tokenizer's chat template does the rest.
"""

import ast
import operator
import re

from rewards import OPERATORS, addition_problem, countdown_problem

REQUEST = """A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The \
Assistant first thinks about the reasoning process and then gives the user the answer.
User: {question} Show your work in <think> </think> tags, and give the final answer in <answer> </answer> tags, for \
example <answer> {example} </answer>.
Assistant: Let me solve this step by step.
<think>"""

VALUES = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}
LONGEST_ANSWER = 64


def prompt(task, problem):
    if task == "addition":
        first, second = addition_problem(problem)
        return REQUEST.format(question=f"What is {first} + {second}?", example="42")
    numbers, target = countdown_problem(problem)
    operators = " and ".join(OPERATORS[task])
    question = (
        f"Using the numbers {numbers}, write an expression that equals {target}. You may use {operators}, and must use "
        "each number exactly once."
    )
    return REQUEST.format(question=question, example="1 + 2 - 3")


def accuracy(task, problem, completion, budget):
    """1 where the answer is right, else 0."""
    answer = answer_of(completion)
    if task == "addition":
        return 1 if answer == str(sum(addition_problem(problem))) else 0
    numbers, target = countdown_problem(problem)
    return 1 if answer is not None and value_of(answer, numbers, OPERATORS[task]) == target else 0


def format(task, problem, completion, budget):
    """0.1 where the answer is well formed, right or wrong, else 0."""
    answer = answer_of(completion)
    if answer is None:
        return 0
    if task == "addition":
        return 0.1 if re.fullmatch("[0-9]+", answer) else 0
    return 0 if value_of(answer, countdown_problem(problem)[0], OPERATORS[task]) is None else 0.1


FUNCTIONS = {"accuracy": accuracy, "format": format}


def waits(completion):
    """How often it says wait."""
    return len(re.findall(r"\bwait\b", completion, re.IGNORECASE))


def answer_of(completion):
    """The text between the only <answer> and </answer> after the only </think>, or None."""
    found = re.findall("</think>.*?<answer>(.*?)</answer>", completion, re.DOTALL)
    once = completion.count("</think>") == completion.count("<answer>") == 1
    return found[0].strip() if found and once else None


def value_of(text, numbers, operators):
    """The value of an expression that uses exactly these numbers, with brackets where it likes, or None."""
    if len(text) > LONGEST_ANSWER or not re.fullmatch(rf"[0-9() {re.escape(operators)}]+", text) or "**" in text:
        return None
    if sorted(map(int, re.findall("[0-9]+", text))) != sorted(numbers):
        return None
    try:
        return evaluate(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, KeyError, AttributeError):
        return None


def evaluate(node):
    if isinstance(node, ast.Constant):
        return node.value
    return VALUES[type(node.op)](evaluate(node.left), evaluate(node.right))
