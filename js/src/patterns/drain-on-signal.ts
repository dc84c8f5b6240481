/** The part of Node's `process` that is needed here. Other runtimes have none, and no signals either. */
interface SignalledProcess {
  readonly pid: number;
  on(signal: 'SIGTERM', listener: () => void): unknown;
  removeListener(signal: 'SIGTERM', listener: () => void): unknown;
  listeners(signal: 'SIGTERM'): unknown[];
  kill(pid: number, signal: 'SIGTERM'): unknown;
}

/** On listeners of this kind, of any copy of this package in the process: none of them counts as the application's. */
const OURS = Symbol.for('tiercel.drain-on-signal');

/** @param isEnd whether the process ends afterwards; otherwise the application goes on, and ends it itself */
type Drain = (isEnd: boolean) => Promise<unknown>;

const drains = new Set<Drain>();
let ending = false;

const onSignal = Object.assign(
  () => {
    const node = currentProcess();
    if (node === undefined || ending) return;
    // Without listeners of its own the application would have ended by now.
    const isEnd = node.listeners('SIGTERM').every(isDrain);
    ending = true;
    void Promise.allSettled([...drains].map((drain) => drain(isEnd))).then(() => {
      ending = false;
      if (isEnd) drains.clear();
      if (drains.size > 0) return;
      node.removeListener('SIGTERM', onSignal);
      // Another copy that still drains does this when it is done.
      if (isEnd && node.listeners('SIGTERM').length === 0) node.kill(node.pid, 'SIGTERM');
    });
  },
  { [OURS]: true },
);

/**
 * Has `drain` called when the process gets SIGTERM, before it ends by that signal. Does nothing where there is no such
 * thing. @returns takes it back
 */
export function drainOnSignal(drain: Drain): () => void {
  const node = currentProcess();
  if (node === undefined) return () => undefined;
  if (!node.listeners('SIGTERM').includes(onSignal)) node.on('SIGTERM', onSignal);
  drains.add(drain);
  return () => {
    if (drains.delete(drain) && drains.size === 0 && !ending) node.removeListener('SIGTERM', onSignal);
  };
}

function isDrain(listener: unknown): boolean {
  return (listener as { [OURS]?: boolean })[OURS] === true;
}

function currentProcess(): SignalledProcess | undefined {
  const { process } = globalThis as { process?: Partial<SignalledProcess> };
  return typeof process?.on === 'function' &&
    typeof process.kill === 'function' &&
    typeof process.listeners === 'function'
    ? (process as SignalledProcess)
    : undefined;
}
