// The service: listens until it is told to end, and then finishes what it has begun.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Chat } from './chat.mjs';
import { createRoutes } from './routes.mjs';
import { Store } from './store.mjs';

const port = Number(process.env.PORT ?? 8788);
const store = await Store.open(process.env.DATABASE);
const chat = new Chat(store);

const warmed = await chat.warm();
console.log(`warming ${warmed?.name}: ${warmed?.status}`);

const server = createServer(createRoutes(chat)).listen(port, '127.0.0.1');
await once(server, 'listening');
const address = /** @type {import('node:net').AddressInfo} */ (server.address());
console.log(`listening on http://127.0.0.1:${address.port}`);

let ending = false;
for (const signal of /** @type {const} */ (['SIGTERM', 'SIGINT'])) {
  process.on(signal, async () => {
    if (ending) return;
    ending = true;
    const closed = once(server, 'close');
    server.close();
    server.closeIdleConnections();
    await closed;
    const written = await chat.close();
    store.close();
    console.log(`closed: ${written} counts written`);
  });
}
