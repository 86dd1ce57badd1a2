/** Type and message of the error that a function ended with, from what it answered. */
export function reasonIn(text: string): string {
  try {
    const { errorType, errorMessage } = JSON.parse(text) as { errorType?: string; errorMessage?: string };
    return [errorType, errorMessage].filter(Boolean).join(": ");
  } catch {
    return text.slice(0, 200);
  }
}
