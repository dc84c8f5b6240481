// The addon must load wherever Node does: GLIBC_2.28 and GLIBCXX_3.4.21. Built on a newer system, the C++
// headers refer to three symbols that are newer than that; they are defined here, for this binary alone.
#if defined(__GLIBC__) || __has_include(<features.h>)

#include <cstdlib>
#include <memory>
#include <typeinfo>

// GLIBC_2.32. False is always right: std::shared_ptr then counts with atomic instructions.
extern "C" char __libc_single_threaded;
char __libc_single_threaded = 0;

namespace std {

// GLIBCXX_3.4.29. Without exceptions there is nothing to do but stop, as the library's own does.
void __throw_bad_array_new_length() { abort(); }

// GLIBCXX_3.4.26. What the library's own says where there is no RTTI.
bool _Sp_make_shared_tag::_S_eq(const type_info&) noexcept { return false; }

}  // namespace std

#endif
