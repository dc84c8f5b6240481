// What the thread of a bus is given: a module that makes its client. What it is to connect to stands in its address.
import { BroadcastChannel } from 'node:worker_threads';
import { CLIENTS } from './clients.mjs';

const { searchParams } = new URL(import.meta.url);

export default () => CLIENTS[searchParams.get('library')](Number(searchParams.get('port')));

// Ends the thread as an error does that nobody caught.
const crashes = new BroadcastChannel('crash the thread of the bus');
crashes.onmessage = () => {
  throw new Error('meant');
};
