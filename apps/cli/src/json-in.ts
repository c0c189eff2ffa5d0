/** The value of a JSON field of a message; null where the field is empty or no JSON. */
export function jsonIn(text: string): unknown {
  try {
    return text === '' ? null : (JSON.parse(text) as unknown);
  } catch {
    return null;
  }
}
