export type { Timers } from '../timers.js';
export {
  type WarmContext,
  Warmer,
  type WarmerEvents,
  type WarmerOptions,
  type WarmResult,
  type WarmTask,
} from './warmer.js';
