#ifndef TIERCEL_SRC_ROUNDS_H_
#define TIERCEL_SRC_ROUNDS_H_

#include <cstdint>

namespace tiercel {

// A walk round and round over numbered places, as far as somebody wants each place seen once more.
class Rounds {
 public:
  struct Mark {
    uint64_t round = 0;
    uint32_t place = 0;
  };

  // Wants all places seen; they have been once the mark is passed.
  Mark Want() { return wanted_ = {round_ + 1, place_}; }
  bool HasPassed(const Mark& mark) const {
    return round_ > mark.round || (round_ == mark.round && place_ >= mark.place);
  }

  bool done() const { return HasPassed(wanted_); }
  // The next of `places`, of which there is one at least.
  uint32_t Next(uint32_t places) {
    const uint32_t place = place_++;
    if (place_ >= places) {
      place_ = 0;
      round_++;
    }
    return place < places ? place : 0;
  }
  // Places still to be seen.
  uint32_t Left(uint32_t places) const {
    if (done()) return 0;
    return wanted_.round > round_ ? places - place_ + wanted_.place : wanted_.place - place_;
  }

 private:
  uint64_t round_ = 1;
  uint32_t place_ = 0;  // To be seen next. Invariant: less than the places there are, or 0.
  Mark wanted_;
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_ROUNDS_H_
