// Sees to it that what tests start ends with them, also what stands still, and however they end.
import { spawn } from 'node:child_process';

// A process of its own that outlives this one: it is told of each that is started, and once its input ends it ends those
// that are left, and removes their folders.
const WATCH = `
  left=' '
  while read -r what pid folder; do
    case $what in
      started) left="$left$pid=$folder " ;;
      ended) left=$(echo "$left" | sed "s# $pid=[^ ]* # #") ;;
    esac
  done
  for one in $left; do kill -9 "\${one%%=*}"; rm -rf "\${one#*=}"; done`;

/** @type {import('node:stream').Writable | undefined} */
let watcher;

/** @param {string} line */
function tell(line) {
  if (watcher === undefined) {
    const child = spawn('sh', ['-c', WATCH], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    child.unref();
    /** @type {import('node:net').Socket} */ (child.stdin).unref();
    watcher = child.stdin;
  }
  watcher.write(`${line}\n`);
}

/** @param {import('node:child_process').ChildProcess} child @param {string} [folder] removed after it */
export const watchOver = (child, folder = '') => tell(`started ${child.pid} ${folder}`);

/** It need not be ended any more. @param {import('node:child_process').ChildProcess} child */
export const hasEnded = (child) => tell(`ended ${child.pid}`);
