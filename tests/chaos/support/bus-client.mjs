// The client of a bus in a thread of its own, which collects what it does not use when the memory of the process is measured.
import { CLIENTS } from '../../redis/support/clients.mjs';
import { collectWhenAsked } from './memory.mjs';

const { searchParams } = new URL(import.meta.url);

collectWhenAsked();

export default () => CLIENTS[searchParams.get('library')](Number(searchParams.get('port')));
