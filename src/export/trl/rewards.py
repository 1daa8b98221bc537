"""The reward functions of a run: the same verdicts as in the browser, on the text of a completion with all its tokens.

A completion is a thought, </think>, the answer and <eos>:   3+5*7=38 no wait 3*5+7=22 yes</think>3*5+7<eos>
Every function takes the task's name, the problem as the model reads it, the completion, and the longest completion in
tokens; whatever the text holds, it gives a number. None needs more than Python's own library.
"""

import re

COUNTDOWN = re.compile(r"(?:<bos>)?([1-9]),([1-9]),([1-9])>([0-9]|[1-9][0-9])(?:<think>)?")
ADDITION = re.compile(r"(?:<bos>)?([0-9]|[1-9][0-9]{1,2})\+([0-9]|[1-9][0-9]{1,2})(?:<think>)?")
OPERATORS = {"countdown": "+-*", "countdown-easy": "+-"}

LONG_SYMBOLS = ["</think>", "<think>", " wait ", "<pad>", "<bos>", "<eos>", "<unk>", " yes", " no"]
SYMBOL = re.compile("|".join(LONG_SYMBOLS) + "|.", re.DOTALL)
ENGLISH, CHINESE = [" wait ", " no", " yes"], ["等", "不", "对"]
WORD = re.compile("|".join(ENGLISH + CHINESE))
MARK = re.compile(f"({WORD.pattern})")


def accuracy(task, problem, completion, budget):
    """1 where the answer is right, else 0."""
    answer = answer_of(completion)
    if task == "addition":
        first, second = addition_problem(problem)
        return 1 if answer == str(first + second) else 0
    numbers, target = countdown_problem(problem)
    return 1 if answer is not None and value_of(answer, numbers, OPERATORS[task]) == target else 0


def format(task, problem, completion, budget):
    """0.1 where the answer is well formed, right or wrong, else 0."""
    answer = answer_of(completion)
    if task == "addition":
        addition_problem(problem)
        well_formed = answer is not None and re.fullmatch(r"[0-9]{1,4}", answer) is not None
    else:
        numbers, _ = countdown_problem(problem)
        well_formed = answer is not None and value_of(answer, numbers, OPERATORS[task]) is not None
    return 0.1 if well_formed else 0


def language(task, problem, completion, budget):
    """The share of the thought's words that are English: DeepSeek-R1's language consistency."""
    words = WORD.findall(thought_of(completion))
    return sum(word in ENGLISH for word in words) / max(1, len(words))


def brevity(task, problem, completion, budget):
    """The share of the budget that a right answer left unused, 0 for a wrong one."""
    return accuracy(task, problem, completion, budget) * (1 - len(SYMBOL.findall(completion)) / budget)


def repeats(task, problem, completion, budget):
    """Minus the share of attempts that the same thought already made."""
    attempts = [text for text in MARK.split(thought_of(completion))[::2] if text]
    repeated = len(attempts) - len(set(attempts))
    return -repeated / len(attempts) if repeated else 0


FUNCTIONS = {function.__name__: function for function in (accuracy, format, language, brevity, repeats)}


def waits(completion):
    """How often the thought says wait, in either language."""
    return thought_of(completion).count(" wait ") + thought_of(completion).count("等")


def thought_of(completion):
    return re.split("</think>|<eos>", completion, maxsplit=1)[0]


def answer_of(completion):
    """The text between the only </think> and the <eos> that ends the completion; None if it has not this form."""
    parts = completion.split("<eos>", 1)
    if len(parts) < 2 or parts[1] != "":
        return None
    parts = parts[0].split("</think>")
    return parts[1] if len(parts) == 2 else None


def value_of(text, numbers, operators):
    """The value of an expression over single digits that uses exactly these numbers, or None."""
    if not re.fullmatch(f"[0-9](?:[{re.escape(operators)}][0-9])*", text) or sorted(text[::2]) != sorted(
        map(str, numbers)
    ):
        return None
    total = 0
    for sign, term in re.findall(r"(^|[+-])([0-9*]+)", text):
        value = 1
        for digit in term.split("*"):
            value *= int(digit)
        total += -value if sign == "-" else value
    return total


def countdown_problem(problem):
    """The numbers and the target of 3,5,7>22<think>. Raises ValueError for any other text."""
    found = COUNTDOWN.fullmatch(problem)
    if not found:
        raise ValueError(f"a countdown problem is three numbers and a target, like 3,5,7>22<think>, not {problem!r}")
    *numbers, target = map(int, found.groups())
    return numbers, target


def addition_problem(problem):
    """The two numbers of 345+678<think>. Raises ValueError for any other text."""
    found = ADDITION.fullmatch(problem)
    if not found:
        raise ValueError(f"an addition problem is two numbers from 0 to 999, like 345+678<think>, not {problem!r}")
    first, second = map(int, found.groups())
    return first, second
