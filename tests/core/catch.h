// Catch2, version 3 or 2, whichever is installed.
#ifndef TIERCEL_TESTS_CORE_CATCH_H_
#define TIERCEL_TESTS_CORE_CATCH_H_

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#endif  // TIERCEL_TESTS_CORE_CATCH_H_
