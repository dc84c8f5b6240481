// Text to number for the JSON parser, exact, in a kilobyte. The C library's takes seven of the module's
// sixty: it computes with numbers of 128 bits, for which WebAssembly has no instructions.
//
// The decimal is halved and doubled, digit by digit, until it is a whole number of 53 bits, and is rounded
// then, half to even (Nigel Tao, "ParseNumberF64 by Simple Decimal Conversion", 2020). That is slow for large
// exponents, of which options and rules have none.
#include <stddef.h>
#include <stdint.h>

enum {
  // Digits that can matter: a number half way between two doubles has 767 at most. Of those beyond it counts
  // only whether any is not 0.
  kMostDigits = 800,
  // Binary digits shifted at once: a remainder of so many, times ten, still fits 64.
  kMostShift = 59,
  // Digits that such a shift to the left may add.
  kCarry = 18,
  kBits = 53,
  kMinExponent = -1022,
  kMaxExponent = 1023,
};

// 0.d[0]d[1]d[2]... times ten to the power of `point`; d[0] is not 0.
typedef struct {
  int count;
  int point;
  int is_cut;  // Whether digits were left out that are not all 0.
  uint8_t d[kMostDigits + kCarry];
} Decimal;

static void Push(Decimal* x, unsigned digit) {
  if (x->count < kMostDigits) {
    x->d[x->count++] = (uint8_t)digit;
  } else if (digit != 0) {
    x->is_cut = 1;
  }
}

static void Trim(Decimal* x) {
  while (x->count > 0 && x->d[x->count - 1] == 0) x->count--;
}

// Divides by 2^shift.
static void ShiftRight(Decimal* x, int shift) {
  uint64_t rest = 0;
  int read = 0;
  for (; rest >> shift == 0; read++) rest = rest * 10 + (read < x->count ? x->d[read] : 0);
  x->point -= read - 1;
  const int count = x->count;
  x->count = 0;
  while (read < count || rest != 0) {
    Push(x, (unsigned)(rest >> shift));
    rest = (rest & ((UINT64_C(1) << shift) - 1)) * 10 + (read < count ? x->d[read] : 0);
    read++;
  }
  Trim(x);
}

// Multiplies by 2^shift.
static void ShiftLeft(Decimal* x, int shift) {
  uint64_t rest = 0;
  int write = x->count + kCarry;
  for (int read = x->count; read > 0 || rest != 0;) {
    if (read > 0) rest += (uint64_t)x->d[--read] << shift;
    x->d[--write] = (uint8_t)(rest % 10);
    rest /= 10;
  }
  const int count = x->count + kCarry - write;
  x->point += kCarry - write;
  x->count = count < kMostDigits ? count : kMostDigits;
  for (int i = x->count; i < count; i++) x->is_cut |= x->d[write + i] != 0;
  for (int i = 0; i < x->count; i++) x->d[i] = x->d[write + i];
  Trim(x);
}

// The most binary digits by which a number of so many decimal digits before its point (or zeros after it) can
// be shifted and still have some.
static int ShiftFor(int digits) {
  return digits > kCarry ? kMostShift : digits == 1 ? 3 : digits * 10 / 3 - 1;
}

static uint64_t Rounded(const Decimal* x) {
  uint64_t whole = 0;
  for (int i = 0; i < x->point; i++) whole = whole * 10 + (i < x->count ? x->d[i] : 0);
  if (x->point < 0 || x->point >= x->count) return whole;
  const int is_half = x->d[x->point] == 5 && x->point + 1 == x->count && !x->is_cut;
  return whole + (is_half ? whole & 1 : x->d[x->point] >= 5);
}

static double Assemble(int is_negative, uint64_t bits) {
  const union {
    uint64_t bits;
    double number;
  } as = {bits | (uint64_t)is_negative << 63};
  return as.number;
}

// Reads digits, at most one point among them, and says where they end.
static const char* ReadDigits(const char* text, Decimal* x) {
  int is_after_point = 0;
  for (;; text++) {
    if (*text == '.' && !is_after_point) {
      is_after_point = 1;
      continue;
    }
    if (*text < '0' || *text > '9') break;
    const int is_leading = x->count == 0 && *text == '0';
    x->point += is_leading ? -is_after_point : !is_after_point;
    if (!is_leading) Push(x, (unsigned)(*text - '0'));
  }
  Trim(x);
  return text;
}

// The number that a text in the form of JSON begins with.
double strtod(const char* text, char** end) {
  Decimal x = {0};
  const int is_negative = *text == '-';
  text = ReadDigits(text + is_negative, &x);
  if (*text == 'e' || *text == 'E') {
    const int is_small = *++text == '-';
    if (*text == '-' || *text == '+') text++;
    int power = 0;
    for (; *text >= '0' && *text <= '9'; text++) power = power < 100000 ? power * 10 + *text - '0' : power;
    x.point += is_small ? -power : power;
  }
  if (end != NULL) *end = (char*)text;

  const uint64_t infinite = UINT64_C(0x7ff) << (kBits - 1);
  if (x.count == 0 || x.point < -330) return Assemble(is_negative, 0);
  if (x.point > 310) return Assemble(is_negative, infinite);
  // To at least a half and less than one, times 2^exponent.
  int exponent = 0;
  while (x.point > 0) {
    const int shift = ShiftFor(x.point);
    ShiftRight(&x, shift);
    exponent += shift;
  }
  while (x.point < 0 || x.d[0] < 5) {
    const int shift = x.point < 0 ? ShiftFor(-x.point) : 1;
    ShiftLeft(&x, shift);
    exponent -= shift;
  }
  exponent--;  // The first binary digit is before the point.
  while (exponent < kMinExponent) {
    const int shift = kMinExponent - exponent < kMostShift ? kMinExponent - exponent : kMostShift;
    ShiftRight(&x, shift);
    exponent += shift;
  }
  ShiftLeft(&x, kBits);
  uint64_t mantissa = Rounded(&x);
  if (mantissa >> kBits != 0) {
    mantissa >>= 1;
    exponent++;
  }
  if (exponent > kMaxExponent) return Assemble(is_negative, infinite);
  // A number below the normal ones has no first digit, and an exponent of 0.
  const uint64_t is_normal = mantissa >> (kBits - 1);
  const uint64_t biased = is_normal * (uint64_t)(exponent + kMaxExponent);
  return Assemble(is_negative, biased << (kBits - 1) | (mantissa & ((UINT64_C(1) << (kBits - 1)) - 1)));
}

// The C library has these in the same file, so that it would be taken in for them.
float strtof(const char* text, char** end) { return (float)strtod(text, end); }
long double strtold(const char* text, char** end) { return (long double)strtod(text, end); }
