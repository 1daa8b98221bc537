// Arithmetic over single digits, by recursive descent:
//   expression = term (("+" | "-") term)*      from left to right
//   term       = digit ("*" digit)*            binds tighter

export type Operator = '+' | '-' | '*';

export interface Expression {
  readonly value: number;
  /** The digits in the order written. */
  readonly digits: readonly number[];
}

/** Null unless the whole text is one expression that uses these operators alone. */
export function parseExpression(text: string, operators: readonly Operator[]): Expression | null {
  const digits: number[] = [];
  let at = 0;

  const accept = (operator: Operator): boolean => {
    if (text[at] !== operator || !operators.includes(operator)) return false;
    at += 1;
    return true;
  };
  const digit = (): number => {
    const value = text.charCodeAt(at) - '0'.charCodeAt(0);
    if (!(value >= 0 && value <= 9)) return NaN; // spreads to the value of the whole
    at += 1;
    digits.push(value);
    return value;
  };
  const term = (): number => {
    let value = digit();
    while (accept('*')) value *= digit();
    return value;
  };
  const expression = (): number => {
    let value = term();
    for (;;) {
      if (accept('+')) value += term();
      else if (accept('-')) value -= term();
      else return value;
    }
  };

  const value = expression();
  return at === text.length && !Number.isNaN(value) ? { value, digits } : null;
}
