export type { Timers } from '../timers.js';
export {
  type Prediction,
  Predictor,
  type PredictorOptions,
  type PredictorStats,
  type WarmedKeys,
} from './predictor.js';
export {
  type CleanUpOptions,
  type RefreshableCache,
  Refresher,
  type RefresherOptions,
  type RefreshRound,
} from './refresher.js';
export {
  type WarmContext,
  Warmer,
  type WarmerEvents,
  type WarmerOptions,
  type WarmResult,
  type WarmTask,
} from './warmer.js';
