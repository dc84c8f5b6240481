import { TiercelError } from '../errors.js';
import type { RedisReply } from './port.js';

export function listOf(reply: RedisReply | undefined): readonly RedisReply[] {
  if (Array.isArray(reply)) return reply;
  throw new TiercelError('ERR_TIERCEL_CORRUPT_VALUE', 'Redis: an answer is not what the script says');
}
