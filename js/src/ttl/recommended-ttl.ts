/**
 * Milliseconds to begin with, by what a value is. Long where a change is rare or invalidated anyway; short where being
 * out of date costs something, or a search is rarely made twice.
 */
export const recommendedTtl = /* @__PURE__ */ Object.freeze({
  configuration: 3_600_000, // 1 h
  feature_flags: 300_000, // 5 min
  reference_data: 86_400_000, // 1 d
  user_profile: 1_800_000, // 30 min
  user_session: 3_600_000, // 1 h
  user_permissions: 900_000, // 15 min
  document_metadata: 3_600_000, // 1 h
  processing_status: 60_000, // 1 min
  computed_document: 604_800_000, // 7 d
  api_list: 300_000, // 5 min
  api_detail: 600_000, // 10 min
  api_search: 180_000, // 3 min
  report: 3_600_000, // 1 h
  analytics: 1_800_000, // 30 min
  aggregations: 600_000, // 10 min
});
