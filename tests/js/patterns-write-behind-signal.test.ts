import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A process that has accepted writes which are to wait for an hour; it prints what it writes. */
async function run(script: string, signal?: NodeJS.Signals) {
  const program = `
    import { MemoryCache } from 'tiercel';
    import { writeBehind } from 'tiercel/patterns';
    const open = (name, options) => writeBehind(MemoryCache.createSync(), {
      write: async (operations) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        for (const { key } of operations) console.log(name + ' wrote ' + key);
      },
      deadLetter: (operations) => { for (const { key } of operations) console.log(name + ' gave up ' + key); },
      interval: '1h',
      ...options,
    });
    const one = open('one');
    for (let i = 0; i < 250; i++) await one.set('k' + i, i);
    ${script}
    console.log('ready');
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      if (signal && !output.includes('ready\n') && `${output}${text}`.includes('ready\n')) child.kill(signal);
      output += text;
    });
  }
  const [code, endedBy] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  const lines = output.trim().split('\n');
  return { code, endedBy, lines, written: new Set(lines.filter((line) => line.startsWith('one wrote '))).size };
}

describe('write-behind in a process', () => {
  it('loses nothing to SIGTERM, by which the process then ends', async () => {
    const { endedBy, written, lines } = await run(`const two = open('two'); await two.set('x', 1);`, 'SIGTERM');
    expect({ endedBy, written }).toEqual({ endedBy: 'SIGTERM', written: 250 });
    expect(lines).toContain('two wrote x');
  });

  it('hands over what it cannot write in time', async () => {
    const { endedBy, lines } = await run(
      `const stuck = open('stuck', { drainTimeout: 50, write: () => new Promise(() => {}) }); await stuck.set('x', 1);`,
      'SIGTERM',
    );
    expect(endedBy).toBe('SIGTERM');
    expect(lines).toContain('stuck gave up x');
  });

  it('leaves the end to an application that listens itself, and goes on for its last requests', async () => {
    const { code, endedBy, written, lines } = await run(
      `process.on('SIGTERM', async () => {
         await one.set('last', 1);
         await one.close();
         console.log('closed');
       });`,
      'SIGTERM',
    );
    expect({ code, endedBy, written }).toEqual({ code: 0, endedBy: null, written: 251 });
    expect(lines.at(-1)).toBe('closed');
  });

  it('leaves the signal alone if so told, or once it is closed', async () => {
    const listeners = `console.log('listeners ' + process.listenerCount('SIGTERM'));`;
    const { code, lines } = await run(`
      ${listeners}
      await one.close();
      ${listeners}
      open('off', { drainOnSignal: false });
      ${listeners}`);
    expect(code).toBe(0);
    expect(lines.filter((line) => line.startsWith('listeners'))).toEqual(['listeners 1', 'listeners 0', 'listeners 0']);
  });

  it('keeps a process alive until all is written', async () => {
    const { code, written } = await run(
      `const soon = open('one', { interval: 30 }); await soon.set('more', 1); one.flush();`,
    );
    expect({ code, written }).toEqual({ code: 0, written: 251 });
  });
});
