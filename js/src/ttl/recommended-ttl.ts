import type { Milliseconds } from '../duration.js';

const MINUTE: Milliseconds = 60_000;
const HOUR: Milliseconds = 60 * MINUTE;
const DAY: Milliseconds = 24 * HOUR;

/**
 * Milliseconds to begin with, by what a value is. Long where a change is rare or invalidated anyway; short where being
 * out of date costs something, or a search is rarely made twice.
 */
export const recommendedTtl = /* @__PURE__ */ Object.freeze({
  configuration: HOUR,
  feature_flags: 5 * MINUTE,
  reference_data: DAY,
  user_profile: 30 * MINUTE,
  user_session: HOUR,
  user_permissions: 15 * MINUTE,
  document_metadata: HOUR,
  processing_status: MINUTE,
  computed_document: 7 * DAY,
  api_list: 5 * MINUTE,
  api_detail: 10 * MINUTE,
  api_search: 3 * MINUTE,
  report: HOUR,
  analytics: 30 * MINUTE,
  aggregations: 10 * MINUTE,
});
