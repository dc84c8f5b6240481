const REDRAW_MS = 200;

/**
 * Shows how far a run is: on one line of a terminal, or else on a line for each tenth.
 *
 * @param {string} label
 * @param {number} total
 */
export function createProgress(label, total) {
  const isTerminal = process.stdout.isTTY === true;
  let began = 0;
  let drawn = 0;
  let tenths = 0;

  /** @param {number} done */
  function line(done) {
    const perSecond = Math.round((done * 1_000) / (performance.now() - began));
    return `${label}  ${String(Math.floor((done / total) * 100)).padStart(3)} %  ${perSecond} requests/s`;
  }

  return {
    begin() {
      began = performance.now();
    },
    /** @param {number} done */
    update(done) {
      if (isTerminal) {
        const now = performance.now();
        if (now - drawn < REDRAW_MS) return;
        drawn = now;
        process.stdout.write(`\r${line(done)}   `);
      } else if (Math.floor((done * 10) / total) > tenths) {
        tenths = Math.floor((done * 10) / total);
        console.log(line(done));
      }
    },
    end() {
      if (isTerminal) process.stdout.write(`\r${line(total)}   \n`);
    },
  };
}
