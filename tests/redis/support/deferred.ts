export { type Deferred, deferred, stateOf } from '../../js/support/deferred.js';

import { idle } from './tiercel-on-redis.js';

export const settled = idle;
