// A doubly linked list threaded through items of a slab, by number. Oldest at the head.
#ifndef TIERCEL_SRC_LIST_H_
#define TIERCEL_SRC_LIST_H_

#include <cstdint>

#include "slab.h"

namespace tiercel {

// T has members `uint32_t prev` and `uint32_t next`. An item is on one list at most at a time; the list does
// not own it.
template <typename T>
struct List {
  uint32_t head = kNone;
  uint32_t tail = kNone;
  uint32_t size = 0;

  template <typename Items>
  void PushTail(Items& items, uint32_t i) {
    T& item = items[i];
    item.prev = tail;
    item.next = kNone;
    (tail == kNone ? head : items[tail].next) = i;
    tail = i;
    size++;
  }

  template <typename Items>
  void Remove(Items& items, uint32_t i) {
    T& item = items[i];
    (item.prev == kNone ? head : items[item.prev].next) = item.next;
    (item.next == kNone ? tail : items[item.next].prev) = item.prev;
    item.prev = item.next = kNone;
    size--;
  }

  // Moves all of `other` behind the tail, in O(1).
  template <typename Items>
  void Append(Items& items, List& other) {
    if (other.head == kNone) return;
    items[other.head].prev = tail;
    (tail == kNone ? head : items[tail].next) = other.head;
    tail = other.tail;
    size += other.size;
    other = List();
  }
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_LIST_H_
