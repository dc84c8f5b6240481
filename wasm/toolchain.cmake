# Finds Emscripten by its compiler on PATH, wherever the system keeps it.
find_program(TIERCEL_EMCC emcc REQUIRED)
find_program(TIERCEL_EM_CONFIG em-config REQUIRED)
execute_process(COMMAND ${TIERCEL_EM_CONFIG} EMSCRIPTEN_ROOT OUTPUT_VARIABLE TIERCEL_EMSCRIPTEN_ROOT
                OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
include(${TIERCEL_EMSCRIPTEN_ROOT}/cmake/Modules/Platform/Emscripten.cmake)
