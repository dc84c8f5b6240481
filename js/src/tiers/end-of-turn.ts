const now = Promise.resolve();

/**
 * Calls back after all promise jobs that are due, and those that they lead to at once. By promises alone: other queues
 * stand still where somebody's tests have clocks of their own.
 */
export function atEndOfTurn(callback: () => void): void {
  void now.then(nothing).then(nothing).then(callback);
}

function nothing(): void {
  // Only time passes.
}
