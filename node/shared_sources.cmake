# The part of the addon that knows nothing of Node, which tests/shards builds as well.
set(TIERCEL_SHARED_SOURCES registry.cpp shared_cache.cpp connection.cpp connection_entries.cpp connection_loads.cpp
                           connection_snapshot.cpp)
list(TRANSFORM TIERCEL_SHARED_SOURCES PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
